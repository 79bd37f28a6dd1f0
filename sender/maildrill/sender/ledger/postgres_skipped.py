"""Where the next page of a shared ledger begins: behind those that the last one left out, or passed over. Pure.

PostgreSQL reads every row that it passes over: half a million of a slow destination would be read for every page.
Rule: it is a guess. Whoever was given back meanwhile stands before it, so it holds for a while, and for the same ones
left out; where a page is not full it is asked for from the beginning.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from maildrill.sender.plan import Waiting

#: A due time and a key: everybody comes behind it.
BEGINNING = (float("-inf"), 0)


class Skipped:
    """What was skipped; for `seconds` at most after everybody was looked at."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._what: Hashable = None
        self._until = float("-inf")
        self._start = BEGINNING

    def start(self, what: Hashable, now: float) -> tuple[float, int]:
        """Return where a page begins that leaves out `what`."""
        if what != self._what or now >= self._until:
            self._what, self._until, self._start = what, now + self._seconds, BEGINNING
        return self._start

    def found(self, page: Sequence[Waiting]) -> None:
        """Note who was found: the next page has nobody before the first of them."""
        due = page[0].standing.due if page else None
        if due is not None:
            self._start = (due, page[0].key)

    def forget(self) -> tuple[float, int]:
        """Begin at the beginning; return that."""
        self._start = BEGINNING
        return BEGINNING
