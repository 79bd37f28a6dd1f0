"""A canary: the first recipients of the list, who get the message before all others do. Pure.

Rule: the same list gives the same canary in every run, so that a run that was cut off goes on with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from maildrill.sender.attempt import State
from maildrill.sender.content import Caution
from maildrill.sender.ledger.records import RecipientRecord


@dataclass(frozen=True, slots=True)
class Canary:
    """The recipients of a canary, in the order of the ledger. last_key: of the last one; nobody after it is sent to."""

    records: tuple[RecipientRecord, ...]

    @property
    def last_key(self) -> int:
        """Nobody with a higher key belongs to it."""
        return self.records[-1].key if self.records else 0

    @property
    def states(self) -> Mapping[State, int]:
        """How many are in each state that anybody is in."""
        found: dict[State, int] = {}
        for record in self.records:
            found[record.state] = found.get(record.state, 0) + 1
        return found

    @property
    def passed(self) -> bool:
        """Whether every one of it has the message."""
        return all(record.state is State.DELIVERED for record in self.records)


def canary_of(recipients: Iterable[RecipientRecord], count: int) -> Canary:
    """Return the first `count` recipients in the order of the list (of the ledger) that are not suppressed."""
    chosen: list[RecipientRecord] = []
    for record in recipients:
        if len(chosen) == count:
            break
        if record.state is not State.SUPPRESSED:
            chosen.append(record)
    return Canary(tuple(chosen))


def canary_alone(canary: Canary | None, caution: Caution) -> Mapping[State, int] | None:
    """Return the states of a canary's recipients where nobody else was sent to; None where everybody was."""
    return None if canary is None or (caution.go_on and canary.passed) else canary.states
