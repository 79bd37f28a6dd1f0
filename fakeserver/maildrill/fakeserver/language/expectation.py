"""Expectations as values: of whom or of what, and how many or how far apart.

Rule: an Expectation that exists says something that can be looked up in a journal. `expectations` does that. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from maildrill.fakeserver.language.count import Count
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.script import RuleError
from maildrill.fakeserver.language.span import Age, Quota
from maildrill.fakeserver.language.toml_text import one_or_list, quoted
from maildrill.smtp import Stage, escape
from maildrill.smtp.document import NOWHERE, Place

#: Of whom it is.
WHO = ("rcpt", "domain", "reverse_path", "subject", "client")
#: What is expected of each recipient for itself.
EACH = ("committed", "acknowledged", "attempts", "gap", "age")
#: What is expected of everything together.
ALL = ("messages", "recipients", "sessions", "open")
#: What is expected of single events.
EVENTS = ("count", "rate")
#: Which events.
WHICH = ("at", "reply", "rule")
#: All of them, in the order of the language.
WORDS = (*WHO, *WHICH, *EACH, *ALL, *EVENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One `[[expect]]`. Raises RuleError (with the key that is wrong) for what says nothing.

    reverse_path: the key `from`. Patterns: of whom it is about; empty means everybody. committed, acknowledged: how
    many messages for each recipient; attempts: RCPT commands that named it; gap: seconds between two of them; age:
    seconds from the first to any of them. messages, recipients, sessions, open: how many in all; open at the same time
    at most. at, reply, rule: which events; count: how many; rate: never more in any such time.
    """

    name: str
    rcpt: tuple[Pattern, ...] = ()
    domain: tuple[Pattern, ...] = ()
    reverse_path: tuple[Pattern, ...] = ()
    subject: tuple[Pattern, ...] = ()
    client: tuple[Pattern, ...] = ()
    committed: Count | None = None
    acknowledged: Count | None = None
    attempts: Count | None = None
    gap: Age | None = None
    age: Age | None = None
    messages: Count | None = None
    recipients: Count | None = None
    sessions: Count | None = None
    open: Count | None = None
    at: tuple[Stage, ...] = ()
    reply: tuple[Pattern, ...] = ()
    rule: tuple[Pattern, ...] = ()
    count: Count | None = None
    rate: Quota | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    def __post_init__(self) -> None:
        for key, what, hint in _wrong(self):
            raise RuleError(key, what, hint=hint)

    @property
    def where(self) -> str:
        """What people are told: where it stands, and its name where it has one of its own."""
        place = self.place.header
        return self.name if not place else place if place.endswith(self.name) else f'{place} "{escape(self.name)}"'

    def written(self) -> dict[str, str]:
        """Return each word that it says, by its field, with its value as TOML; `reverse_path` is the word `from`."""
        values = {
            **{word: one_or_list(one.text for one in getattr(self, word)) for word in (*WHO, "reply", "rule")},
            **{word: _number_or_text(getattr(self, word)) for word in (*EACH, *ALL, *EVENTS)},
            "at": one_or_list(self.at),
        }
        return {word: values[word] or "" for word in WORDS if values[word] is not None}

    def said(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Return which of these words it says."""
        return tuple(word for word in words if getattr(self, word) not in (None, ()))


def _number_or_text(value: Count | Age | Quota | None) -> str | None:
    if value is None:
        return None
    return value.text if value.text.isascii() and value.text.isdecimal() else quoted(value.text)


def _wrong(one: Expectation) -> Iterator[tuple[str, str, str]]:
    if not one.name or not one.name.isprintable():
        yield "name", f'an expectation is called "{escape(one.name)}"', "leave it out"
    wanted = one.said((*EACH, *ALL, *EVENTS))
    if not wanted:
        yield (
            "",
            "an expectation says nothing that can be counted",
            f"say one of: {' '.join((*EACH, *ALL, *EVENTS))}",
        )
    which = one.said(WHICH)
    if one.said(EVENTS) and not which:
        yield one.said(EVENTS)[0], "events are counted, and it is not said which", 'write at = "rcpt", for instance'
    if which and not one.said(EVENTS):
        yield which[0], "events are named, and it is not said how many", "add count = 1, for instance"
    if one.subject and one.said(("attempts", "gap", "age")):
        yield "subject", "RCPT comes before the subject: attempts have none", "use from, rcpt or domain"
