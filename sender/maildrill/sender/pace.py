"""How fast messages may go: one every `seconds / count`, evenly, over all sessions. Pure.

Rule: in every window W at most 1 + W * count / seconds turns begin (invariant I21). What was not used is not saved
up: a relay that takes 100 in an hour counts any hour, not ours.
"""

from __future__ import annotations

from maildrill.smtp.quantity import Rate


class Pace:
    """Gives out turns; `rate` None: at once."""

    def __init__(self, rate: Rate | None) -> None:
        self._interval = rate.seconds / rate.count if rate else 0.0
        self._next = float("-inf")

    def turn(self, now: float) -> float:
        """Return when (Unix seconds, `now` or later) the caller's turn is, and give that turn away."""
        at = max(now, self._next)
        self._next = at + self._interval
        return at

    def wait(self, now: float) -> float:
        """Return how many seconds from `now` the next turn is away, without taking it."""
        return max(self._next - now, 0.0)
