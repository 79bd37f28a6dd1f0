"""What happens to a campaign besides its servers: it is stopped, it dies, operators and lists change their minds.

Values, and the `[[scenario.event]]` tables that say them. Rule: an event that cannot mean anything is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from maildrill.sender.operation import SAID
from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import Table
from maildrill.smtp.quantity import format_duration, parse_duration


class Deed(StrEnum):
    """What is done."""

    STOP = "stop"  # the sender is asked to stop, and begins again
    KILL = "kill"  # the sender dies, and begins again a minute later
    RETRY = "retry"  # as `maildrill retry`
    REQUEUE = "requeue"  # as `maildrill requeue`
    SETTLE = "settle"  # as `maildrill settle`
    ADD = "add"  # somebody is added to the list
    REMOVE = "remove"  # somebody is taken out of the list
    SUPPRESS = "suppress"  # somebody is added to a suppression list
    CLOCK = "clock"  # the sender is stopped, and the clock is put forward (or back) before it begins again


#: Which deeds are about one address; retry and requeue may be about a pattern, or about everybody.
_OF_ONE = frozenset({Deed.SETTLE, Deed.ADD, Deed.REMOVE, Deed.SUPPRESS})
_OF_SOME = _OF_ONE | {Deed.RETRY, Deed.REQUEUE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. Raises ConfigurationError for words that do not go together.

    at: seconds after the beginning; an event that is late for its time comes at once. do: what. whom: an address.
    said: what `settle` says, a word of operation.SAID; "" what the server knows. number: of the things that happen to
    the sender from `at` on (a write of its ledger, octets that land on either side) the one at which `kill` kills it.
    by: how far the clock is put forward (seconds).
    """

    at: float
    do: Deed
    whom: str = ""
    said: str = ""
    number: int = 1
    by: float = 0.0

    def __post_init__(self) -> None:
        told = {
            "whom": (self.whom, self.do in _OF_SOME),
            "said": (self.said, self.do is Deed.SETTLE),
            "by": (self.by, self.do is Deed.CLOCK),
            "number": (self.number != 1, self.do is Deed.KILL),
        }
        for word, (value, fits) in told.items():
            if value and not fits:
                raise ConfigurationError(f'an event that does "{self.do}" has no {word}')
        if not self.whom and self.do in _OF_ONE:
            raise ConfigurationError(f'an event that does "{self.do}" needs whom', expected='whom = "ann@example.com"')
        if self.number < 1:
            raise ConfigurationError(f"an event's number is {self.number}", expected="1 or more")
        if self.said and self.said not in SAID:
            raise ConfigurationError(f'an event says "{escape(self.said)}"', expected=f"one of: {' '.join(SAID)}")
        if self.do is Deed.CLOCK and not self.by:
            raise ConfigurationError("an event of the clock needs by", expected='by = "1h", or "-1h"')


def event_of(table: Table) -> Event:
    """Return the event that a `[[scenario.event]]` table says. Raises ConfigurationError with file and line."""
    at, do = table.duration("at"), Deed(table.choice("do", [*Deed]))
    whom, said = table.text("whom", ""), table.text("said", "")
    number, by = table.number("number", 1, least=1), _by(table)
    table.finish()
    try:
        return Event(at=at, do=do, whom=whom, said=said, number=number, by=by)
    except ConfigurationError as error:
        table.fail(None, error.what, expected=error.expected)


def event_words(event: Event) -> dict[str, object]:
    """Return the table that says an event, which event_of reads back."""
    words: dict[str, object] = {"at": format_duration(event.at), "do": event.do.value}
    said = {"whom": event.whom, "said": event.said, "number": event.number if event.number > 1 else 0}
    words |= {word: value for word, value in said.items() if value}
    return words | ({"by": format_duration(event.by)} if event.by else {})


def _by(table: Table) -> float:
    if not table.has("by"):
        return 0.0
    text = table.text("by")
    try:
        seconds = parse_duration(text.removeprefix("-"))
    except ValueError as error:
        table.fail("by", f'{table.label("by")} is "{escape(text)}"', expected=f'{error}, or "-1h"')
    return -seconds if text.startswith("-") else seconds
