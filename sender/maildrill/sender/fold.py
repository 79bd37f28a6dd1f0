"""Replay a log: where each recipient stands is a function of the events alone.

Rule: shares nothing with the ledger but the words of the schema, so that the two can witness against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from maildrill.sender.attempt import State
from maildrill.sender.log_event import LogEvent
from maildrill.smtp.words import Words

_States = dict[str, State]
_WORDS = Words(State)


def _queued(states: _States, fields: Mapping[str, object]) -> None:
    states[str(fields["recipient"])] = State.PENDING


def _stated(states: _States, fields: Mapping[str, object]) -> None:
    states[str(fields["recipient"])] = _WORDS[str(fields["state"])]


def _intended(states: _States, fields: Mapping[str, object]) -> None:
    recipients = cast("Iterable[str]", fields["recipients"])
    states.update((recipient, State.INFLIGHT) for recipient in recipients)


_MOVES: dict[str, Callable[[_States, Mapping[str, object]], None]] = {
    "recipient.queued": _queued,
    "recipient.restored": _stated,
    "recipient.recovered": _stated,
    "recipient.expired": _stated,
    "recipient.held": _stated,
    "recipient.requeued": _stated,
    "recipient.settled": _stated,
    "transaction.intent": _intended,
    "attempt": _stated,
}

#: Kinds of events that say where a recipient stands; all others leave it there.
MOVING = frozenset(_MOVES)


def fold(events: Iterable[LogEvent]) -> dict[str, State]:
    """Return the state of each recipient after `events`, in the order of their first appearance."""
    states: _States = {}
    for event in events:
        move = _MOVES.get(event.kind)
        if move is not None:
            move(states, event.fields)
    return states
