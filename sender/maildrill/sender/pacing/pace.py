"""How fast messages may go: a token bucket, and MaxBulk's group and interval. Pure.

Rule 1: in every window W at most burst + W * count / seconds turns begin (invariant I21). Rule 2: no more than the
burst is saved up: a server that takes 100 in an hour counts any hour, not ours.
"""

from __future__ import annotations

from typing import Protocol

from maildrill.smtp.quantity import Rate


class Throttle(Protocol):
    """Gives out turns, one for each message."""

    def wait(self, now: float) -> float:
        """Return how many seconds from `now` the next turn is away, without taking it."""
        ...

    def turn(self, now: float) -> float:
        """Return when (Unix seconds, `now` or later) the caller's turn is, and give that turn away."""
        ...


class Pace:
    """`rate` messages, `burst` (1 or more) of them at once at most; None: as fast as it goes."""

    def __init__(self, rate: Rate | None, burst: int = 1) -> None:
        self._interval = rate.seconds / rate.count if rate else 0.0
        self._saved = self._interval * (burst - 1)
        self._next = float("-inf")  # when a bucket that holds one turn would have the next

    @property
    def unlimited(self) -> bool:
        """Whether nobody ever has to wait."""
        return not self._interval

    def turn(self, now: float) -> float:
        """Return when the caller's turn is, and give that turn away."""
        at = max(now, self._next - self._saved)
        self._next = max(at, self._next) + self._interval
        return at

    def wait(self, now: float) -> float:
        """Return how many seconds from `now` the next turn is away."""
        return max(self._next - self._saved - now, 0.0)


class Groups:
    """MaxBulk's group and interval: `size` messages (1 or more), then `interval` seconds of nothing."""

    def __init__(self, size: int, interval: float) -> None:
        self._size = size
        self._interval = interval
        self._left = size
        self._last = float("-inf")

    def turn(self, now: float) -> float:
        """Return when the caller's turn is, and give that turn away."""
        at = now + self.wait(now)
        self._left = (self._left or self._size) - 1
        self._last = max(at, self._last)
        return at

    def wait(self, now: float) -> float:
        """Return how many seconds from `now` the next turn is away."""
        return 0.0 if self._left else max(self._last + self._interval - now, 0.0)


class Together:
    """Several throttles at once: a turn is a turn of each of them, when the last of them gives it."""

    def __init__(self, *throttles: Throttle) -> None:
        self._throttles = [one for one in throttles if not _never_waits(one)]

    @property
    def unlimited(self) -> bool:
        """Whether nobody ever has to wait."""
        return not self._throttles

    def turn(self, now: float) -> float:
        """Return when the caller's turn is, and give that turn away."""
        if not self._throttles:
            return now
        at = now + self.wait(now)
        for throttle in self._throttles:
            throttle.turn(at)
        return at

    def wait(self, now: float) -> float:
        """Return how many seconds from `now` the next turn is away."""
        if not self._throttles:
            return 0.0
        at = now
        # whoever is next must give its turn when the others do: a window may have closed by the time a pace is ready
        while (later := max((at + throttle.wait(at) for throttle in self._throttles), default=at)) > at:
            at = later
        return at - now


def _never_waits(throttle: Throttle) -> bool:
    return isinstance(throttle, Pace | Together) and throttle.unlimited
