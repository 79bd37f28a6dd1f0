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
    states.update(dict.fromkeys(cast("Iterable[str]", fields["recipients"]), State.INFLIGHT))


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
    return replayed((event.kind, event.fields) for event in events)


def replayed(told: Iterable[tuple[str, Mapping[str, object]]]) -> dict[str, State]:
    """Return the same of events of which but kind and fields are told."""
    states: _States = {}
    for kind, fields in told:
        if kind in _MOVES:
            _MOVES[kind](states, fields)
    return states
