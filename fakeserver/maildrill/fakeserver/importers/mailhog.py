"""MailHog's chaos monkey Jim: chances of what goes wrong, as JSON of its API or as flags of the command line. Pure."""

from __future__ import annotations

import re

from maildrill.fakeserver.importers.source import Source
from maildrill.fakeserver.text.rulebook import Rulebook
from maildrill.smtp import did_you_mean, escape
from maildrill.smtp.document import Table, shown, table_of

WORDS = '{"DisconnectChance": 0.005, "AcceptChance": 0.99, "RejectRecipientChance": 0.05}'
#: Each setting with its flag, and what holds where Jim is invited without a word.
_SETTINGS = {
    "DisconnectChance": ("disconnect", 0.005),
    "AcceptChance": ("accept", 0.99),
    "LinkSpeedAffect": ("linkspeed-affect", 0.1),
    "LinkSpeedMin": ("linkspeed-min", 1024.0),
    "LinkSpeedMax": ("linkspeed-max", 10240.0),
    "RejectSenderChance": ("reject-sender", 0.05),
    "RejectRecipientChance": ("reject-recipient", 0.05),
    "RejectAuthChance": ("reject-auth", 0.05),
}
_FLAG = re.compile(r"--?jim-([a-z-]+)(?:=|\s+)(\S+)")
_COMMANDS = [
    "helo",
    "ehlo",
    "starttls",
    "auth",
    "auth-step",
    "mail",
    "rcpt",
    "data",
    "dot",
    "rset",
    "noop",
    "vrfy",
    "quit",
    "unknown",
]
#: What MailHog says when Jim refuses: the stage, the reply.
_REFUSALS = {
    "RejectSenderChance": ("mail", "550 Invalid sender"),
    "RejectRecipientChance": ("rcpt", "550 Invalid recipient"),
    "RejectAuthChance": ("auth", "535 Authentication credentials invalid"),
}


def detects(text: str) -> bool:
    """Whether a text looks like Jim's settings."""
    return bool(re.search(r"-(?:invite-)?jim\b", text) or any(f'"{key}"' in text for key in _SETTINGS))


def read_mailhog(text: str, name: str) -> Rulebook:
    """Return the rules; raises ConfigurationError."""
    source = Source(text, name)
    chances = _flags(source) if "-jim" in text else _json(source)
    book = Rulebook("from MailHog's Jim; draws are by hash, so that the same seed gives the same run")
    _connections(book, chances)
    for key, (stage, reply) in _REFUSALS.items():
        if chances[key] and stage == "auth":
            book.server(auth=["PLAIN", "LOGIN"])
        if chances[key]:
            book.rule(name=f"jim {key}", at=stage, chance=_chance(chances[key]), reply=reply)
    return book


def _connections(book: Rulebook, chances: dict[str, float]) -> None:
    refused = round(1 - chances["AcceptChance"], 9)
    if refused:
        book.rule(name="jim AcceptChance", at="banner", chance=_chance(refused), cut="before")
    if chances["DisconnectChance"]:
        book.rule(name="jim DisconnectChance", at=_COMMANDS, chance=_chance(chances["DisconnectChance"]), cut="before")
    if chances["LinkSpeedAffect"] and chances["LinkSpeedMax"]:
        speed = round((chances["LinkSpeedMin"] + chances["LinkSpeedMax"]) / 2) or 1
        book.rule(
            name="jim LinkSpeedAffect",
            at="banner",
            key="connection",
            chance=_chance(chances["LinkSpeedAffect"]),
            set="slow",
            then="pass",
        )
        book.rule(
            "the line is slow, at the speed between the two: what the server says,",
            name="jim LinkSpeedMin LinkSpeedMax",
            at="*",
            key="connection",
            state="slow",
            drip=f"{max(1, speed)}B/1s",
            then="pass",
        )
        book.rule(
            "and what it reads",
            name="jim LinkSpeedMin LinkSpeedMax read",
            at="body",
            key="connection",
            state="slow",
            sip=f"{max(1, speed)}B/1s",
            then="pass",
        )


def _chance(chance: float) -> float | None:
    return None if chance == 1 else chance


def _json(source: Source) -> dict[str, float]:
    """Return the settings of the API: what is not there is 0."""
    return _read(source.json(WORDS), dict.fromkeys(_SETTINGS, 0.0))


def _flags(source: Source) -> dict[str, float]:
    """Return the settings of a command line: what is not there is as usual."""
    names = {flag: key for key, (flag, _) in _SETTINGS.items()}
    said: dict[str, object] = {}
    for flag, value in _FLAG.findall(source.text):
        if flag not in names:
            source.fail(1, f'unknown flag "-jim-{escape(flag)}"', hint=did_you_mean(flag, names))
        try:
            said[names[flag]] = float(value)
        except ValueError:
            source.fail(1, f'-jim-{flag} is "{escape(value)}"', expected="a number")
    return _read(table_of(said, source.name), {key: usual for key, (_, usual) in _SETTINGS.items()})


def _read(top: Table, usual: dict[str, float]) -> dict[str, float]:
    chances = {}
    for key in _SETTINGS:
        value = top.raw(key) if top.has(key) else usual[key]
        most = float("inf") if key in ("LinkSpeedMin", "LinkSpeedMax") else 1
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            top.fail(key, f"{key} is {shown(value)}", expected="bytes a second" if most > 1 else "a chance from 0 to 1")
        chances[key] = float(value)
    top.finish()
    return chances
