"""Rules as TOML tables, written: the words that a rule says, in the order of the language.

Each rule is written with its name: draws depend on it, and a failure must be replayed as it was. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from maildrill.fakeserver.language.script import Rule
from maildrill.fakeserver.language.toml_text import bare_or_quoted, lines, one_or_list, quoted


def rule_to_toml(rule: Rule) -> str:
    """Return a `[[rule]]` table, which read_rule reads back to the same rule."""
    return "[[rule]]\n" + rule_lines(rule)


def rule_lines(rule: Rule) -> str:
    """Return a line for each word of a rule."""
    return lines(_words(rule))


def said(rule: Rule, word: str) -> str:
    """Return how a rule says one word: `age = "<5m"`; `header` and `param` come with a name: `param.SIZE`."""
    return rule.lot.text if rule.lot and word == "lot" else f"{word} = {dict(_words(rule))[word]}"


def _words(rule: Rule) -> Iterator[tuple[str, str | None]]:
    yield "name", quoted(rule.name)
    yield "at", one_or_list(rule.at) or quoted("*")
    yield from _who(rule)
    yield from _when(rule)
    yield from _answer(rule)


def _who(rule: Rule) -> Iterator[tuple[str, str | None]]:
    yield "from", _texts(rule.reverse_path)
    yield "rcpt", _texts(rule.rcpt)
    yield "domain", _texts(rule.domain)
    yield "ehlo", _texts(rule.ehlo)
    yield "client", _texts(rule.client)
    yield "user", _texts(rule.user)
    yield "command", _texts(rule.command)
    yield "pipelined", _flag(rule.pipelined)
    for name, patterns in rule.header:
        yield f"header.{bare_or_quoted(name)}", _texts(patterns)
    yield "subject", _texts(rule.subject)
    yield "body", _texts(rule.body)
    yield "size", _text(rule.size)
    yield "tls", _texts(rule.tls) if isinstance(rule.tls, tuple) else _flag(rule.tls)
    for name, values in rule.param:
        yield f"param.{bare_or_quoted(name)}", _texts(values)


def _when(rule: Rule) -> Iterator[tuple[str, str | None]]:
    yield "key", one_or_list(rule.key)
    yield "attempt", _texts(rule.attempt)
    yield "times", _number(rule.times)
    yield "age", _text(rule.age)
    yield "over", _text(rule.over)
    yield "open", _text(rule.open)
    yield "during", _texts(rule.during)
    yield "chance", _number(rule.chance)
    yield "state", one_or_list(rule.state)
    yield "set", rule.set and quoted(rule.set)
    yield "priority", _number(rule.priority)


def _answer(rule: Rule) -> Iterator[tuple[str, str | None]]:
    yield "wait", _text(rule.wait)
    yield ("reply" if len(rule.replies) == 1 else "replies"), _texts(rule.replies)
    yield "then", rule.then and quoted(rule.then)
    yield "raw", _text(rule.raw)
    yield "mangle", rule.mangle and quoted(rule.mangle)
    yield "drip", _text(rule.drip)
    yield "tease", _text(rule.tease)
    yield "after", _text(rule.after)
    yield "sip", _text(rule.sip)
    yield "cut", rule.cut and quoted(rule.cut)
    yield "commit", _flag(rule.commit)
    yield "caps", one_or_list(rule.caps)
    yield "handshake", rule.handshake and quoted(rule.handshake)
    yield "to", _text(rule.to)
    yield "outside", "true" if rule.to is not None and rule.to.outside else None
    yield "lint", _flag(rule.lint)


class _Written(Protocol):
    """A value that keeps the text that a script had for it."""

    @property
    def text(self) -> str: ...


def _text(value: _Written | None) -> str | None:
    return None if value is None else quoted(value.text)


def _texts(values: Iterable[_Written]) -> str | None:
    return one_or_list(value.text for value in values)


def _flag(value: bool | None) -> str | None:  # noqa: FBT001 - what a rule says
    return None if value is None else str(value).lower()


def _number(value: float | None) -> str | None:
    return None if value is None else repr(value)
