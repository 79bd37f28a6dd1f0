"""Draws: which of several alternatives an attempt, or a session, has drawn; every stage of it asks the same lot.

A lot is a hash of the seed, what it is drawn in, whom it is for and which time: so the same recipients draw the same,
in any order and company. Pure.
"""

from __future__ import annotations

from maildrill.fakeserver.engine.counters import draw
from maildrill.fakeserver.engine.memory import Shelf
from maildrill.fakeserver.language.lot import Lot


class Draws:
    """Who has drawn what: RCPT begins an attempt at a recipient, and its session goes on with it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._named: Shelf[int] = Shelf()
        self._attempts: Shelf[int] = Shelf()
        self._asked: tuple[str, int | str, int] = ("", "", 0)  # the last draw: the rules of an urn ask one by one
        self._share = 0.0

    def name(self, session: int, rcpt: str) -> None:
        """Note that a session named a recipient at RCPT."""
        known = rcpt.casefold()
        times = (self._named.get(known) or 0) + 1
        self._named.put(known, times)
        self._attempts.put(known, times, (session, 0))

    def forget(self, session: int) -> None:
        """Note that a session is over."""
        self._attempts.end(session)

    def carry(self, old: Draws) -> None:
        """Take over who has named whom, and how often."""
        self._named.carry(old._named)
        self._attempts.carry(old._attempts)

    def holds(self, lot: Lot, session: int, rcpt: str) -> bool:
        """Whether this lot was drawn: by the session, or by its last attempt at a recipient."""
        if lot.by_session:
            asked: tuple[str, int | str, int] = (lot.urn, session, 0)
        else:
            known = rcpt.casefold()
            asked = (lot.urn, known, self._attempts.get(known, (session, 0)) or 0)
        if asked != self._asked:
            self._asked, self._share = asked, draw(self._seed, *asked)
        return lot.low <= self._share < lot.high
