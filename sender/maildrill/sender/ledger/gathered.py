"""What a group's intents and tries are to write, so that each statement is executed once for all of them.

Rule 1: whoever is in both an intent and a try of a group is written as they came: an intent that a try has ended by
then leaves nothing but the hash of its message. Rule 2: nothing is gathered beyond its group, but where nothing is
written for good before the run has ended. Pure: `rows` says what to execute, in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.records import Entry, Intent

_NOT_REFUSED = sql.refusal(None)


class Gathered:
    """Rows for the statements of intents and tries; false while there are none."""

    def __init__(self) -> None:
        self._intents: dict[int, sql.Found] = {}  # by recipient: a later one replaces an earlier one
        self._bodies: dict[int, str] = {}  # of the message whose dot is about to leave, by recipient
        self.entries: list[Entry] = []  # of tries: so many numbers they need
        self._tried: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._intents or self.entries)

    def takes(self, intent: Intent) -> bool:
        """Whether an intent may be gathered: nobody in it was tried before it in this group."""
        tried = self._tried
        return tried.isdisjoint(intent.keys) and (
            not intent.refused or tried.isdisjoint([one.key for one in intent.refused])
        )

    def intend(self, run: int, intent: Intent) -> None:
        """Gather an intent of a run."""
        of = (run, intent.session, intent.transaction, intent.started, intent.at, intent.account, intent.host)
        for key in intent.keys:
            self._intents[key] = (key, *of, *_NOT_REFUSED)
            self._bodies[key] = intent.body_hash
        for one in intent.refused:
            self._intents[one.key] = (one.key, *of, *sql.refusal(one))

    def conclude(self, entries: Sequence[Entry]) -> None:
        """Gather tries, behind all intents of the group so far."""
        self.entries += entries
        self._tried.update([entry.key for entry in entries])

    def rows(self, first: int) -> Iterator[tuple[str, Sequence[sql.Found]]]:
        """Yield statements, and the rows to execute each for; first: the number of the first try."""
        yield from self.taken_tries(first)
        if self._intents:
            yield sql.INTEND, list(self._intents.values())
        if self._bodies:
            yield sql.INFLIGHT, [(body, key) for key, body in self._bodies.items()]

    def taken_tries(self, first: int) -> list[tuple[str, Sequence[sql.Found]]]:
        """Return what `rows` yields for the tries, which are gathered no longer, nor are the intents that they end."""
        entries = self.entries
        if not entries:
            return []
        numbered, bodies = list(enumerate(entries, first)), self._bodies
        tries = [(number, *sql.attempt(entry)) for number, entry in numbered]
        tried = [(bodies.pop(one.key, None), number, *sql.standing(one.key, one.standing)) for number, one in numbered]
        for entry in entries:
            self._intents.pop(entry.key, None)
        self.entries, self._tried = [], set()
        struck = [(entry.key,) for entry in entries]
        return [(sql.NUMBERED_TRY, tries), (sql.GATHERED_TRIED, tried), (sql.STRIKE, struck)]
