"""How many sessions a destination bears: halved when it says that they are too many, one more after so many served.

Additive increase, multiplicative decrease, without chance. Pure. Rule: sessions that were begun before the last
halving say nothing new when they are refused, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: Transactions served, for each session that is allowed, before one more is tried; doubled by each halving in a row.
GROWTH = 10
_DOUBLINGS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What is known. ceiling: never more than so many. allowed: how many sessions there may be at once, 1 or more."""

    ceiling: int
    allowed: int
    served: int = 0
    cuts: int = 0
    cut_at: float = float("-inf")

    @property
    def growth(self) -> int:
        """How many transactions must be served before one more session is tried."""
        return GROWTH * self.allowed << min(self.cuts, _DOUBLINGS)

    def refused(self, now: float, begun_at: float, sessions: int) -> Feedback:
        """Say that a session begun at `begun_at` was refused, or told to go, one of `sessions`."""
        if begun_at < self.cut_at:
            return self
        fewer = max(min(self.allowed, sessions) // 2, 1)
        return replace(self, allowed=fewer, served=0, cuts=self.cuts + 1, cut_at=now)

    def answered(self) -> Feedback:
        """Say that a transaction was served."""
        if self.allowed >= self.ceiling:
            return self if not self.cuts else self._count(self.allowed)
        return self._count(self.allowed + 1)

    def _count(self, more: int) -> Feedback:
        if self.served + 1 < self.growth:
            return replace(self, served=self.served + 1)
        cuts = 0 if more == self.allowed else self.cuts  # borne at the ceiling for so long: as if nothing had been
        return replace(self, allowed=more, served=0, cuts=cuts)
