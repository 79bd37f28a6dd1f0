"""The `[server]` table, read and written: what the server is like apart from its rules.

Every error names file and line. What a user's password is stands in the file and nowhere else: no error shows it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import NoReturn

from maildrill.fakeserver.language.answer_checks import CAPABILITY, CAPS_WORDS
from maildrill.fakeserver.language.settings import MECHANISMS, Limits, Settings, Unmatched
from maildrill.fakeserver.language.toml_text import bare_or_quoted, inline, one_or_list, quoted
from maildrill.fakeserver.text.readers import list_of, some
from maildrill.smtp import did_you_mean, escape
from maildrill.smtp.document import Table, shown
from maildrill.smtp.quantity import DURATION_WORDS, SIZE_WORDS, format_duration, parse_duration, parse_size

_HOSTNAME_WORDS = 'a name such as "mx.test"'
_USERS_WORDS = 'users = { ann = "secret" }'
_LONGEST = 255  # octets of a name or a password (RFC 4616 section 2)
_YEAR = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Bound:
    """What a limit may be: read by `parse` where it is a text, from `least` to `most`; `words`: both, for people."""

    parse: Callable[[str], float] | None
    least: float
    most: float
    words: str


def _count(most: int) -> Bound:
    return Bound(None, 1, most, f"a whole number from 1 to {most}")


def _octets(least: int, most: int) -> Bound:
    return Bound(parse_size, least, most, f"{SIZE_WORDS}, from {least} to {most} octets")


def _seconds(most: float) -> Bound:
    return Bound(parse_duration, 0.001, most, f"{DURATION_WORDS}, from 1ms to {format_duration(most)}")


#: Each limit, and what it may be.
BOUNDS: dict[str, Bound] = {
    "message": _octets(1, 2**30),
    "memory": _octets(1, 2**40),
    "line": _octets(64, 2**20),
    "recipients": _count(1_000_000),
    "commands": _count(1_000_000_000),
    "errors": _count(1_000_000_000),
    "connections": _count(1_000_000),
    "silence": _seconds(_YEAR),
    "command": _seconds(_YEAR),
    "session": _seconds(_YEAR),
}


def read_server(table: Table) -> Settings:
    """Return what a `[server]` table says; raises ConfigurationError."""
    settings = Settings(
        hostname=read_hostname(table),
        seed=table.number("seed") if table.has("seed") else None,
        unmatched=Unmatched(table.choice("unmatched", list(Unmatched))) if table.has("unmatched") else None,
        lint=_flag(table, "lint"),
        strict=_flag(table, "strict"),
        tls=_flag(table, "tls"),
        users=_users(table),
        anonymous=_flag(table, "anonymous"),
        auth=_auth(table),
        caps=_caps(table),
        limits=_limits(table),
    )
    table.finish()
    return settings


def server_to_toml(settings: Settings) -> str:
    """Return the `[server]` table, or nothing where it says nothing; read_server reads it back."""
    said = "".join(f"{word} = {value}\n" for word, value in _words(settings) if value is not None)
    return f"[server]\n{said}" if said else ""


def _words(settings: Settings) -> Iterator[tuple[str, str | None]]:
    yield "hostname", None if settings.hostname is None else quoted(settings.hostname)
    yield "seed", None if settings.seed is None else str(settings.seed)
    yield "unmatched", None if settings.unmatched is None else quoted(settings.unmatched)
    for word in ("lint", "strict", "tls", "anonymous"):
        flag = getattr(settings, word)
        yield word, None if flag is None else str(flag).lower()
    yield "users", inline((bare_or_quoted(name), quoted(password)) for name, password in settings.users.items())
    yield "auth", one_or_list(settings.auth)
    yield "caps", one_or_list(settings.caps)
    yield "limits", inline((name, _written(name, limit)) for name, limit in settings.limits.items())


def _written(name: str, limit: float) -> str:
    return quoted(format_duration(limit)) if BOUNDS[name].parse is parse_duration else str(int(limit))


def read_hostname(table: Table, label: str = "server.hostname") -> str | None:
    """Return the key `hostname` of a table, None where it is not there; `label` is what errors call it."""
    if not table.has("hostname"):
        return None
    hostname = table.text("hostname")
    if not hostname or len(hostname) > 255 or any(not "!" <= character <= "~" for character in hostname):
        table.fail("hostname", f'{label} is "{escape(hostname)}"', expected=_HOSTNAME_WORDS)
    return hostname


def _flag(table: Table, key: str) -> bool | None:
    return table.flag(key) if table.has(key) else None


def _users(table: Table) -> dict[str, str]:
    if table.has("users") and not isinstance(table.raw("users"), dict):  # it may hold a password: not to be shown
        table.fail("users", "server.users is no table", expected=f"names and passwords: {_USERS_WORDS}")
    users = table.table("users")
    return {name: _password(users, name) for name in users}


def _password(users: Table, name: str) -> str:
    if not name or not name.isprintable() or len(name.encode()) > _LONGEST:
        users.fail(name, f'a user is called "{escape(name)}"', expected=f"a name of at most {_LONGEST} octets")
    password = users.raw(name)
    if not isinstance(password, str) or not password or "\0" in password or len(password.encode()) > _LONGEST:
        users.fail(
            name,
            f'the password of "{escape(name)}" cannot be one',
            expected=f"text in quotes of at most {_LONGEST} octets: {_USERS_WORDS}",
        )
    return password


def _auth(table: Table) -> tuple[str, ...]:
    if not table.has("auth"):
        return ()
    expected = "one of: " + " ".join(MECHANISMS) + "; or a list of them"
    names = [word.upper() for word in some(table, "auth", expected)]
    for name in names:
        if name not in MECHANISMS:
            table.fail(
                "auth",
                f'no mechanism is called "{escape(name)}"',
                expected=expected,
                hint=did_you_mean(name, MECHANISMS),
            )
    return tuple(dict.fromkeys(names))


def _capability(text: str) -> str:
    if not CAPABILITY.fullmatch(text):
        raise ValueError(CAPS_WORDS)
    return text


_caps = list_of("caps", _capability, CAPS_WORDS)


def _limits(table: Table) -> dict[str, float]:
    limits = table.table("limits")
    found = {one.name: _limit(limits, one.name) for one in fields(Limits) if limits.has(one.name)}
    limits.finish()
    return found


def _limit(limits: Table, name: str) -> float:
    bound, value = BOUNDS[name], limits.raw(name)
    if isinstance(value, str) and bound.parse is not None:
        try:
            value = bound.parse(value)
        except ValueError:
            _refuse(limits, name)
        value = round(value, 3)
    elif not isinstance(value, int) or isinstance(value, bool) or bound.parse is parse_duration:
        _refuse(limits, name)
    return value if bound.least <= value <= bound.most else _refuse(limits, name)


def _refuse(limits: Table, name: str) -> NoReturn:
    limits.fail(name, f"{limits.label(name)} is {shown(limits.raw(name))}", expected=BOUNDS[name].words)
