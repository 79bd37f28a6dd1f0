"""No password and no token is written anywhere, whatever the server does with what it was told (invariant I36)."""

from __future__ import annotations

import json
import shutil
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from maildrill.cli.main import main
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.oracles.secrecy import forms_of
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.credentials import TOKENS, Mechanism
from maildrill.sender.log_sinks import JsonLines, TextFile
from maildrill.sender.setup.scrub import Scrub

CAMPAIGN = """
[campaign]
name = "spring"
from = "news@hall.example"
subject = "Hello"
[account]
host = "mx.relay.example"
tls = "required"
user = "ann"
{secret} = "env:MAILDRILL_IS_NEVER_SET"
auth = ["{mechanism}"]
[list]
file = "list.csv"
email = "Email"
[message]
text = "Hello.\\n"
[limits]
connections = 1
messages_per_connection = 1
"""
GUESTS = ("ann@one.example", "bob@one.example", "cyd@two.example")
#: Reading commands, and whoever reads along.
READING = ("status", "log", "log --json", "log --postfix", "report", "report --json", f"explain {GUESTS[1]}")


@dataclass(frozen=True)
class Echo:
    """A server that repeats a secret: in which form, where, and behind which code."""

    form: Callable[[str], str]
    stage: str
    code: str


def in_json(secret: str) -> str:
    """A refusal of a token as RFC 7628 section 3.2.2 has it."""
    told = {"status": "invalid_token", "scope": secret, "schemes": secret}
    return b64encode(json.dumps(told).encode()).decode()


FORMS: tuple[Callable[[str], str], ...] = (
    str,
    lambda secret: b64encode(secret.encode()).decode(),
    lambda secret: b64encode(f"\0ann\0{secret}".encode()).decode(),
    lambda secret: quote(secret, safe=""),
    lambda secret: f"https://mx.relay.example/?as=ann&with={quote(secret)}",
    escape,
    lambda secret: secret.encode().hex(),
    json.dumps,
    in_json,
)
ECHOES = st.builds(
    Echo,
    form=st.sampled_from(FORMS),
    stage=st.sampled_from(["banner", "ehlo", "auth", "auth-step", "mail", "rcpt", "data", "dot", "rset", "quit"]),
    code=st.sampled_from(["220", "235", "250", "334", "354", "421", "451", "454", "504", "535", "550"]),
)
OTHERS = ("sesame7f3a(open)", "barley9c1d[shut]")
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=10, max_size=20)
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=10, max_size=20)


def script_of(echo: Echo, secret: str, mechanism: Mechanism) -> str:
    """Return a script that says the secret, and else does as it is told; three times, then nothing of it."""
    reply = f"{echo.code} {echo.form(secret)}".replace("{", "{{").replace("}", "}}")
    rule = f"[[rule]]\nat = {json.dumps(echo.stage)}\ntimes = 3\nreply = {json.dumps(reply, ensure_ascii=False)}\n"
    return f'version = 1\n[server]\nlint = false\ntls = true\nauth = ["{mechanism}"]\n{rule}'


def written(mechanism: Mechanism, secret: str, script: str) -> dict[str, bytes]:
    """Play a drill with ledger and logs in files; return all that is written, and all that commands print of it."""
    folder = Path(mkdtemp(prefix="maildrill-"))
    try:
        kind = "token" if mechanism in TOKENS else "password"
        campaign = folder / "spring.toml"
        campaign.write_text(CAMPAIGN.format(secret=kind, mechanism=mechanism), "utf-8")
        (folder / "list.csv").write_text("\n".join(("Email", *GUESTS, "")), "utf-8")
        events, lines = JsonLines(folder / "spring.events.jsonl"), TextFile(folder / "spring.connection.log")
        plan = Plan(
            campaign=read_campaign(campaign),
            script=read_script(script, "s.toml"),
            ledger=folder / "spring.ledger",
            password=secret,
        )
        with closing(events), closing(lines):
            drilled = rehearse(plan, [events, lines])
        told = {"the summary": json.dumps(drilled.summary.to_json(), ensure_ascii=False).encode()}
        for number, line in enumerate((*READING, "report --csv r.csv", "report --html r.html", "log --pseudonymise")):
            words = [word if word[:2] != "r." else str(folder / word) for word in line.split()]
            ended = CliRunner().invoke(main, [words[0], str(campaign), *words[1:]])
            told[f"{number}: {line}"] = ended.output.encode() + ended.stderr.encode()
        return told | {file.name: file.read_bytes() for file in folder.iterdir()}
    finally:
        shutil.rmtree(folder)


def leaks(mechanism: Mechanism, secret: str, echo: Echo) -> list[str]:
    """Return where a secret can be found, in any form that is not there when the secret is another one."""
    forms = [form.encode() for form in forms_of(secret)]
    found = written(mechanism, secret, script_of(echo, secret, mechanism))
    if not any(form in octets for octets in found.values() for form in forms):
        return []
    other = next(one for one in OTHERS if one not in secret and secret not in one)
    innocent = b"\n".join(written(mechanism, other, script_of(echo, other, mechanism)).values())
    forms = [form for form in forms if form not in innocent]  # a password may be a word of ours
    return [name for name, octets in found.items() if any(form in octets for form in forms)]


# 25 of a hundred examples: one takes 80 ms of a processor; the profile `thorough` has ten times as many
@settings(max_examples=settings().max_examples // 4)
@given(mechanism=st.sampled_from([*Mechanism]), text=TEXTS, token=PRINTABLE, echo=ECHOES)
def test_no_secret_is_written_anywhere(mechanism: Mechanism, text: str, token: str, echo: Echo) -> None:
    """Ledger, logs, reports, explanations, pages and terminal: after success, refusal and a server that repeats it."""
    secret = token if mechanism in TOKENS else text
    assume(echo.form(secret).isprintable())

    assert leaks(mechanism, secret, echo) == []


@pytest.mark.parametrize("secret", ["message_id", "transaction.started", "capabilities"])
def test_a_password_that_is_a_word_of_ours_is_no_leak(secret: str) -> None:
    """It stands where it would stand if the password were another one; Hypothesis draws such words from our code."""
    assert leaks(Mechanism.SCRAM_SHA_256, secret, Echo(str, "banner", "220")) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_sender_that_believes_no_server_repeats_a_secret_is_found(form: Callable[[str], str]) -> None:
    """The property speaks where it should."""
    with Patching() as patch:
        patch.setattr(Scrub, "text", lambda _, text: text)

        assert leaks(Mechanism.PLAIN, 'sesame"/<7f3a>+%', Echo(form, "rcpt", "550")) != []
