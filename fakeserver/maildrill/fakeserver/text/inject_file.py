"""Injections as TOML tables, read and written: `[[inject]]`.

Every error names file, line, what was expected and what was probably meant. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TypeVar

from maildrill.fakeserver.language.injection import Action, Feedback, Injection, Kind
from maildrill.fakeserver.language.pattern import PATTERN_WORDS, Pattern
from maildrill.fakeserver.language.script import RuleError
from maildrill.fakeserver.language.span import Duration
from maildrill.fakeserver.language.toml_text import inline, lines, one_or_list, quoted
from maildrill.fakeserver.text.readers import destination, list_of, one_of
from maildrill.smtp.document import Table
from maildrill.smtp.quantity import DURATION_WORDS

_E = TypeVar("_E", bound=StrEnum)
ON_COMMIT_WORDS = 'on_commit = { rcpt = "bounce@*" }, with any of: rcpt domain from subject'
_WHO = {"rcpt": "rcpt", "domain": "domain", "from": "reverse_path", "subject": "subject"}


def read_injection(table: Table, name: str) -> Injection:
    """Return what an `[[inject]]` table says, called `name` unless it says its own; raises ConfigurationError."""
    if not table.has("on_commit"):
        table.fail(None, 'an injection has no "on_commit"', expected=ON_COMMIT_WORDS)
    if not table.has("kind"):
        table.fail(None, 'an injection has no "kind"', expected=f"one of: {' '.join(Kind)}")
    who = table.table("on_commit")
    values: dict[str, object] = {field: list_of(key, Pattern, PATTERN_WORDS)(who) for key, field in _WHO.items()}
    who.finish()
    values |= {field: read(table) for field, read in READERS.items()}
    name = table.text("name", name)
    table.finish()
    try:
        return Injection(name=name, place=table.place, **values)  # type: ignore[arg-type]  # readers know their fields
    except RuleError as error:
        table.fail(error.key, error.what, expected=error.expected, hint=error.hint)


def injection_to_toml(one: Injection) -> str:
    """Return an `[[inject]]` table, which read_injection reads back."""
    return "[[inject]]\n" + lines(_words(one))


def _words(one: Injection) -> Iterator[tuple[str, str | None]]:
    who = ((key, one_or_list(pattern.text for pattern in getattr(one, field))) for key, field in _WHO.items())
    yield "name", quoted(one.name)
    yield "on_commit", inline(who) or "{}"
    yield "kind", quoted(one.kind)
    yield "action", one.action and quoted(one.action)
    yield "status", quoted(one.status) if one.status else None
    yield "diagnostic", quoted(one.diagnostic) if one.diagnostic else None
    yield "feedback", one.feedback and quoted(one.feedback)
    yield "text", quoted(one.text) if one.text else None
    yield "wait", quoted(one.wait.text) if one.wait else None
    yield "times", None if one.times is None else str(one.times)
    yield "chance", None if one.chance is None else repr(one.chance)
    yield "address", quoted(one.address) if one.address else None
    yield "to", quoted(one.to.text) if one.to else None
    yield "outside", "true" if one.to and one.to.outside else None


def _choice(key: str, kind: type[_E]) -> Callable[[Table], _E | None]:
    return lambda table: kind(table.choice(key, list(kind))) if table.has(key) else None


#: Each field of an Injection but those of `on_commit`, and how it is read; the order is that of `expected one of`.
READERS: dict[str, Callable[[Table], object]] = {
    "kind": _choice("kind", Kind),
    "action": _choice("action", Action),
    "status": lambda table: table.text("status", ""),
    "diagnostic": lambda table: table.text("diagnostic", ""),
    "feedback": _choice("feedback", Feedback),
    "text": lambda table: table.text("text", ""),
    "wait": one_of("wait", Duration, DURATION_WORDS),
    "times": lambda table: table.number("times", least=1) if table.has("times") else None,
    "chance": lambda table: table.fraction("chance") if table.has("chance") else None,
    "address": lambda table: table.text("address", ""),
    "to": destination,
}
