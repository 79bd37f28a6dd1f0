"""AUTH with every mechanism and every refusal, in memory and on real sockets; no secret is ever seen."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from maildrill.fakeserver.language.settings import Settings
from maildrill.sender.attempt import Fault, Verdict
from maildrill.sender.credentials import PASSWORDS, TOKENS, Mechanism
from maildrill.sender.disposition import judge_setup
from maildrill.sender.security import TlsMode
from maildrill.sender.setup import opening as opening_module
from maildrill.sender.setup.authenticate import log_in
from maildrill.smtp import ConfigurationError, Reply, Stage

ALL = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")


def offering(*mechanisms: str, secret: str = "open sesame 7f3a", tls: bool = True) -> Settings:  # noqa: S107 - a test's
    """A server that knows Ann."""
    return Settings(tls=tls, auth=mechanisms or ALL, users={"ann": secret})


def assert_untold(heard: Any, *secrets: str) -> None:
    """The oracle of I36: no form of a secret on the wire in clear, in our transcript, in what we return."""
    for secret in secrets:
        forms = {secret, b64encode(secret.encode()).decode().rstrip("="), f"\0ann\0{secret}"}
        assert not [form for form in forms if form in heard.everything]


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_each_mechanism_lets_ann_in(ground: Any, kit: Any, mechanism: Mechanism) -> None:
    """Against a server that checks."""
    heard = ground.call(kit.account(auth=kit.credentials(mechanism)), settings=offering())

    assert (heard.users, heard.dots) == (["ann"], [250])
    assert_untold(heard, kit.SECRET)


@pytest.mark.parametrize("mechanism", sorted(TOKENS))
def test_each_token_lets_ann_in(ground: Any, kit: Any, mechanism: Mechanism) -> None:
    """Against a server that checks; a name with a comma is one, too."""
    auth = kit.credentials(mechanism, secret=kit.TOKEN)
    heard = ground.call(kit.account(auth=auth), settings=offering(secret=kit.TOKEN))

    assert (heard.users, heard.dots) == (["ann"], [250])
    assert_untold(heard, kit.TOKEN)


@pytest.mark.parametrize(
    ("offered", "used"),
    [
        (ALL, "SCRAM-SHA-256"),
        (("PLAIN", "SCRAM-SHA-1", "CRAM-MD5"), "SCRAM-SHA-1"),
        (("LOGIN", "PLAIN", "CRAM-MD5"), "CRAM-MD5"),
        (("LOGIN", "PLAIN"), "PLAIN"),
        (("LOGIN",), "LOGIN"),
    ],
)
def test_the_strongest_is_chosen_once(memory: Any, kit: Any, offered: tuple[str, ...], used: str) -> None:
    """Of what both sides know."""
    heard = memory.call(kit.account(auth=kit.credentials()), settings=offering(*offered))
    said = [line for line in heard.lines if line.startswith(" -> AUTH")]

    assert [line.split()[2] for line in said] == [used]
    assert heard.dots == [250]


@pytest.mark.parametrize("code", ["500 5.5.1 what?", "504 5.5.4 unknown mechanism"])
def test_an_unknown_mechanism_leads_to_the_next(ground: Any, kit: Any, code: str) -> None:
    """And to no other refusal."""
    heard = ground.call(
        kit.account(auth=kit.credentials()), f'at = "auth"\ntimes = 2\nreply = "{code}"', settings=offering()
    )

    assert [line.split()[2] for line in heard.lines if line.startswith(" -> AUTH")] == [
        "SCRAM-SHA-256",
        "SCRAM-SHA-1",
        "CRAM-MD5",
    ]
    assert heard.dots == [250]


@pytest.mark.parametrize("at", ["auth", "auth-step"])
@pytest.mark.parametrize(
    ("code", "row", "verdict"),
    [
        ("535 5.7.8 no", "auth-5yz", Verdict.HELD),
        ("534 5.7.9 too weak", "auth-5yz", Verdict.HELD),
        ("538 5.7.11 encrypt", "auth-5yz", Verdict.HELD),
        ("530 5.7.0 first", "auth-5yz", Verdict.HELD),
        ("454 4.7.0 later", "auth-4yz", Verdict.RELEASED),
        ("432 4.7.12 change it", "auth-4yz", Verdict.RELEASED),
        ("421 4.3.2 bye", "auth-4yz", Verdict.RELEASED),
    ],
)
def test_a_refusal_is_final_and_burns_nobody(
    ground: Any, kit: Any, at: str, code: str, row: str, verdict: Verdict
) -> None:
    """One try; the account is held or backs off, and no recipient is counted (invariant I55)."""
    heard = ground.call(
        kit.account(auth=kit.credentials(Mechanism.LOGIN, Mechanism.CRAM_MD5)),
        f'at = "{at}"\nreply = "{code}"',
        settings=offering(),
    )
    (ruling,) = judge_setup(heard.broken, ["bob@x.test"])

    assert heard.broken.reply == Reply.of(code)
    assert (ruling.row, ruling.verdict, ruling.counted) == (row, verdict, False)
    assert sum(line.startswith(" -> AUTH") for line in heard.lines) == 1
    assert len(heard.said) == 1
    assert_untold(heard, kit.SECRET)


@pytest.mark.parametrize("fault", ['cut = "before"', 'cut = "rst"', 'mangle = "no-code"', 'mangle = "extra"'])
@pytest.mark.parametrize("at", ["auth", "auth-step"])
def test_a_session_lost_at_auth_is_one_that_failed(ground: Any, kit: Any, at: str, fault: str) -> None:
    """Later again; nothing is guessed."""
    reply = 'reply = "535 5.7.8 no"\n' if "mangle" in fault else ""
    heard = ground.call(
        kit.account(auth=kit.credentials(Mechanism.LOGIN)), f'at = "{at}"\n{reply}{fault}', settings=offering()
    )
    (ruling,) = judge_setup(heard.broken, ["bob@x.test"])

    assert ruling.row in ("auth-lost", "auth-5yz")
    assert not ruling.counted
    assert_untold(heard, kit.SECRET)


@pytest.mark.parametrize("mode", [TlsMode.NONE, TlsMode.OPPORTUNISTIC])
def test_no_credential_goes_in_clear(ground: Any, kit: Any, mode: TlsMode) -> None:
    """Neither name nor secret, unless the account says so (invariant I35)."""
    without = offering(tls=False)
    held = ground.call(kit.account(mode, kit.credentials()), settings=without)
    told = ground.call(kit.account(mode, kit.credentials(Mechanism.PLAIN, plaintext=True)), settings=without)

    assert held.broken.fault is Fault.IN_CLEAR
    assert set(held.in_clear) <= {"EHLO me.test", "QUIT"}
    assert told.users == ["ann"]


@pytest.mark.parametrize("offered", [("XOAUTH2",), ()])
def test_nothing_in_common_is_the_accounts_fault(ground: Any, kit: Any, offered: tuple[str, ...]) -> None:
    """It says what is offered and what is allowed."""
    settings = Settings(tls=True, auth=offered)
    heard = ground.call(kit.account(auth=kit.credentials(Mechanism.PLAIN)), settings=settings)

    assert heard.broken.fault is Fault.NO_AUTH
    assert "the account allows PLAIN" in heard.broken.detail


@pytest.mark.parametrize("mechanism", sorted(TOKENS))
def test_an_expired_token_is_fetched_anew_once(ground: Any, kit: Any, mechanism: Mechanism) -> None:
    """The server's JSON is answered, the command is run again, and the new token gets in."""
    tokens = iter(["stale-token", kit.TOKEN, "never-asked"])
    auth = kit.credentials(mechanism, secret="", renewable=True)
    auth.secret._fetch = lambda: next(tokens)
    heard = ground.call(kit.account(auth=auth), settings=offering(secret=kit.TOKEN))

    assert (heard.users, heard.dots) == (["ann"], [250])
    assert any("a new one is tried, once" in line for line in heard.lines)
    assert_untold(heard, kit.TOKEN, "stale-token")


def test_a_token_that_stays_refused_is_not_tried_a_third_time(memory: Any, kit: Any) -> None:
    """That is how accounts get locked; the words of the refusal are kept."""
    tokens = iter(["one-token", "two-token", "three-token"])
    auth = kit.credentials(Mechanism.XOAUTH2, secret="", renewable=True)
    auth.secret._fetch = lambda: next(tokens)
    heard = memory.call(kit.account(auth=auth), settings=offering(secret=kit.TOKEN))

    assert heard.broken.reply is not None
    assert heard.broken.reply.code == 535
    assert "the token is refused, status 401" in heard.broken.detail
    assert sum(line.startswith(" -> AUTH") for line in heard.lines) == 2


def test_a_server_that_does_not_know_the_password_is_not_believed(ground: Any, kit: Any) -> None:
    """It lets everybody in, and cannot show SCRAM's signature (RFC 5802 section 3)."""
    heard = ground.call(
        kit.account(auth=kit.credentials(Mechanism.SCRAM_SHA_256)), settings=Settings(tls=True, auth=("SCRAM-SHA-256",))
    )

    assert heard.broken.fault is Fault.IMPOSTOR
    assert b"MAIL" not in b"".join(heard.said)


def test_a_server_that_repeats_the_secret_is_not_quoted(ground: Any, kit: Any) -> None:
    """Neither at AUTH nor later: what it says is scrubbed before anything is made of it (invariant I36)."""
    blob = b64encode(f"\0ann\0{kit.SECRET}".encode()).decode()
    refused = ground.call(
        kit.account(auth=kit.credentials(Mechanism.PLAIN)),
        f'at = "auth"\nreply = "535 5.7.8 no {kit.SECRET} and no AUTH PLAIN {blob}"',
        settings=offering(),
    )
    later = ground.call(
        kit.account(auth=kit.credentials(Mechanism.PLAIN)),
        f'at = "mail"\nreply = "550 5.7.1 {kit.SECRET}"',
        settings=offering(),
    )

    assert "<redacted> and no AUTH PLAIN <redacted>" in str(refused.broken.reply)
    assert_untold(refused, kit.SECRET, blob)
    assert_untold(later, kit.SECRET)


def test_a_secret_that_cannot_be_had_holds_the_account(memory: Any, kit: Any) -> None:
    """Nobody is burnt for it."""

    def missing() -> str:
        raise ConfigurationError("environment variable X is not set")

    auth = kit.credentials()
    auth.secret._fetch = missing
    heard = memory.call(kit.account(auth=auth), settings=offering())

    assert (heard.broken.stage, heard.broken.fault) == (Stage.AUTH, Fault.NO_SECRET)
    assert heard.broken.detail == "environment variable X is not set"


def test_a_sender_that_writes_the_secret_down_is_caught(memory: Any, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seeded defect: by the oracle of I36."""

    async def chatty(way: Any, credentials: Any, capabilities: Any) -> Any:
        way.recorder.note(f"logging in with {credentials.secret.reveal()}")
        return await log_in(way, credentials, capabilities)

    monkeypatch.setattr(opening_module, "log_in", chatty)
    heard = memory.call(kit.account(auth=kit.credentials()), settings=offering())

    with pytest.raises(AssertionError):
        assert_untold(heard, kit.SECRET)


def test_a_sender_that_tries_again_after_a_refusal_is_caught(
    memory: Any, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seeded defect: it tries the next mechanism after 535, as aiosmtplib's login does."""
    monkeypatch.setattr("maildrill.sender.setup.authenticate._UNKNOWN_MECHANISM", frozenset({500, 504, 535}))
    heard = memory.call(kit.account(auth=kit.credentials()), 'at = "auth"\nreply = "535 5.7.8 no"', settings=offering())

    assert sum(line.startswith(" -> AUTH") for line in heard.lines) > 1
