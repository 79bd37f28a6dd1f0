"""Lots: which of several alternatives an attempt, or a session, has drawn; every stage of it asks the same lot.

A lot is a hash of the seed, what it is drawn in, whom it is for and which time: so the same recipients draw the same,
in any order and company. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from maildrill.fakeserver.counters import draw


@dataclass(frozen=True, slots=True)
class Lot:
    """What a rule needs to have been drawn: a share from `low` up to `high` (not included) of all that can be drawn.

    urn: what is drawn in; rules with the same urn and other shares exclude one another. by_session: each session
    draws, else each attempt at a recipient does. text: how a near miss says it.
    """

    urn: str
    low: float
    high: float
    by_session: bool
    text: str


class Draws:
    """Who has drawn what: RCPT begins an attempt at a recipient, and its session goes on with it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._named: defaultdict[str, int] = defaultdict(int)
        self._attempts: dict[int, dict[str, int]] = {}
        self._asked: tuple[str, int | str, int] = ("", "", 0)  # the last draw: the rules of an urn ask one by one
        self._share = 0.0

    def name(self, session: int, rcpt: str) -> None:
        """Note that a session named a recipient at RCPT."""
        known = rcpt.casefold()
        self._named[known] += 1
        self._attempts.setdefault(session, {})[known] = self._named[known]

    def forget(self, session: int) -> None:
        """Note that a session is over."""
        self._attempts.pop(session, None)

    def holds(self, lot: Lot, session: int, rcpt: str) -> bool:
        """Whether this lot was drawn: by the session, or by its last attempt at a recipient."""
        if lot.by_session:
            asked: tuple[str, int | str, int] = (lot.urn, session, 0)
        else:
            known = rcpt.casefold()
            asked = (lot.urn, known, self._attempts.get(session, {}).get(known, 0))
        if asked != self._asked:
            self._asked, self._share = asked, draw(self._seed, *asked)
        return lot.low <= self._share < lot.high
