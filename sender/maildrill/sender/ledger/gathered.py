"""What a group's intents and tries are to write, so that each statement is executed once for all of them.

Rule 1: whoever is in both an intent and a try of a group is written in that order, or in the other, as they came.
Rule 2: nothing is gathered beyond its group. Pure: `rows` says what to execute, in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.records import Entry, Intent

_NOT_REFUSED = sql.refusal(None)


class Gathered:
    """Rows for the statements of intents and tries; false while there are none."""

    def __init__(self) -> None:
        self._intents: list[sql.Found] = []
        self._inflight: list[sql.Found] = []
        self._entries: list[Entry] = []
        self._tried: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._intents or self._entries)

    def takes(self, intent: Intent) -> bool:
        """Whether an intent may be gathered: nobody in it was tried before it in this group."""
        tried = self._tried
        return not tried or (tried.isdisjoint(intent.keys) and tried.isdisjoint([one.key for one in intent.refused]))

    def intend(self, run: int, intent: Intent) -> None:
        """Gather an intent of a run."""
        of = (run, intent.session, intent.transaction, intent.started, intent.at, intent.account, intent.host)
        for key in intent.keys:
            self._intents.append((key, *of, *_NOT_REFUSED))
            self._inflight.append((intent.body_hash, key))
        for one in intent.refused:
            self._intents.append((one.key, *of, *sql.refusal(one)))

    def conclude(self, entries: Sequence[Entry]) -> None:
        """Gather tries, behind all intents of the group so far."""
        self._entries += entries
        self._tried.update([entry.key for entry in entries])

    @property
    def tries(self) -> int:
        """How many tries there are: so many numbers they need."""
        return len(self._entries)

    def rows(self, first: int) -> Iterator[tuple[str, Sequence[sql.Found]]]:
        """Yield statements, and the rows to execute each for; first: the number of the first try."""
        if self._intents:
            yield sql.INTEND, self._intents
        if self._inflight:
            yield sql.INFLIGHT, self._inflight
        if self._entries:
            numbered = list(enumerate(self._entries, first))
            yield sql.NUMBERED_TRY, [(number, *sql.attempt(entry)) for number, entry in numbered]
            yield sql.TRIED, [(number, *sql.standing(entry.key, entry.standing)) for number, entry in numbered]
            yield sql.STRIKE, [(entry.key,) for entry in self._entries]
