"""What a test must be told when it is over although nothing in it failed: silence is a bug.

Rule 1: each kind has a name, by which a test can allow it.
Rule 2: what a client said is escaped here, so that a complaint can be shown anywhere. Pure.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from maildrill.fakeserver.engine.near_miss import NearMiss
from maildrill.fakeserver.journal.record import Entry, Message
from maildrill.fakeserver.language.injection import Injection
from maildrill.fakeserver.language.script import Rule, Script
from maildrill.fakeserver.text.inject_file import injection_to_toml
from maildrill.fakeserver.text.rule_writer import rule_to_toml
from maildrill.smtp import ConfigurationError, did_you_mean, escape

#: What a server says to a command that is malformed, unknown or out of place (RFC 5321 section 4.2.2 and 4.1.1.11).
_MALFORMED = frozenset({500, 501, 502, 503, 504, 555})
_SHOWN = 10  # of a kind; who has more of them has one mistake


class Kind(StrEnum):
    """What can be wrong, by the name under which it is allowed."""

    UNMET = "unmet"  # an expectation does not hold
    UNDECLARED = "undeclared"  # a command that the script has no rule for, or that no correct client says
    UNUSED = "unused-rules"  # a rule, or an injection, never fired: it has tested nothing
    UNREAD = "unread"  # a message came, and nobody looked


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong: its kind, and what a person is told; more lines are indented."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def allowed(words: Iterable[str]) -> frozenset[Kind]:
    """Return the kinds of these names; raises ConfigurationError for a name that is none."""
    return frozenset(map(_kind, words))


def _kind(word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError:
        raise ConfigurationError(
            f'nothing that can be allowed is called "{escape(str(word))}"',
            expected="one of: " + " ".join(Kind),
            hint=did_you_mean(str(word), Kind),
        ) from None


def complain(
    script: Script,
    entries: Sequence[Entry],
    *,
    unmet: Iterable[str] = (),
    unfired: Collection[str] = (),
    unread: Sequence[Message] = (),
) -> tuple[Complaint, ...]:
    """Return what is wrong with a run of `script`, the worst first.

    entries: what happened. unmet: what is not as expected, escaped. unfired: names of rules and injections that
    never fired. unread: messages that nobody looked at.
    """
    missing = (Complaint(Kind.UNMET, text) for text in unmet)
    found = (missing, _undeclared(entries), _unused(script, unfired, entries), _unread(unread))
    return tuple(complaint for kind in found for complaint in _some(list(kind)))


def _some(complaints: list[Complaint]) -> Iterator[Complaint]:
    yield from complaints[:_SHOWN]
    if len(complaints) > _SHOWN:
        yield Complaint(complaints[0].kind, f"and {len(complaints) - _SHOWN} more")


def _undeclared(entries: Iterable[Entry]) -> Iterator[Complaint]:
    for entry in entries:
        what = f'session {entry.session} said "{escape(entry.command)}"'
        if not entry.command:
            what = f"session {entry.session} came to {entry.stage}"
        if entry.unmatched:
            near = "".join(f"\n  {escape(str(miss))}" for miss in entry.near_misses)
            yield Complaint(Kind.UNDECLARED, f"{what}, and no rule of the script fits{near}")
        elif not entry.rule and entry.reply is not None and entry.reply.code in _MALFORMED:
            yield Complaint(Kind.UNDECLARED, f"{what}, and was told {entry.reply}")


def _unused(script: Script, unfired: Collection[str], entries: Sequence[Entry]) -> Iterator[Complaint]:
    known = {one.name: one for one in script.named}
    for name in unfired:
        words = f": {_words(known[name])}" if name in known else ""
        yield Complaint(Kind.UNUSED, f"{escape(name)} never fired{words}{_nearest(name, entries)}")


def _nearest(name: str, entries: Sequence[Entry]) -> str:
    """Return what kept a rule from answering when it was asked last, of events that no rule answered."""
    misses = ((entry, miss) for entry in reversed(entries) for miss in entry.near_misses)
    for entry, miss in misses:
        if isinstance(miss, NearMiss) and miss.rule == name:
            asked = escape(entry.command) or entry.stage
            return (
                f'\n  asked last at "{asked}" in session {entry.session}: {escape(miss.said)} but {escape(miss.seen)}'
            )
    return ""


def _words(one: Rule | Injection) -> str:
    """Return what a rule or an injection says, on one line."""
    toml = rule_to_toml(one) if isinstance(one, Rule) else injection_to_toml(one)
    ((words,),) = tomllib.loads(toml).values()
    return ", ".join(f"{word} = {json.dumps(value)}" for word, value in words.items() if word != "name")


def _unread(messages: Sequence[Message]) -> Iterator[Complaint]:
    for message in messages:
        yield Complaint(Kind.UNREAD, f"nobody looked at a message: {message}")
