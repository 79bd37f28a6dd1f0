"""Which destination is to be looked at now, and when the next one is: alarms, and places that are waited for. Pure.

Rule: who waits for a place waits in line; a destination that got one goes to its end (invariant I45).
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

_T = TypeVar("_T", bound=Hashable)


class Schedule(Generic[_T]):
    """Things to be looked at: now, in order, or when their alarm goes; each has one alarm."""

    def __init__(self) -> None:
        self._now: dict[_T, None] = {}
        self._alarms: list[tuple[float, int, _T]] = []
        self._set: dict[_T, float] = {}
        self._count = 0

    def look_at(self, thing: _T) -> None:
        """Have a thing looked at now, behind those that wait for that already."""
        self._now.setdefault(thing)

    def to_the_end(self, thing: _T) -> None:
        """Have it looked at behind all others."""
        self._now.pop(thing, None)
        self._now[thing] = None

    def done(self, thing: _T, alarm: float | None) -> None:
        """Say that there is nothing more to do now; look at it again at `alarm` (Unix seconds), if that is given."""
        self._now.pop(thing, None)
        if alarm is None:
            self._set.pop(thing, None)
        elif self._set.get(thing) != alarm:
            self._set[thing] = alarm
            self._count += 1
            heapq.heappush(self._alarms, (alarm, self._count, thing))

    def due(self, now: float) -> list[_T]:
        """Return what is to be looked at now, in order."""
        while self._alarms and self._alarms[0][0] <= now:
            at, _, thing = heapq.heappop(self._alarms)
            if self._set.get(thing) == at:
                del self._set[thing]
                self._now.setdefault(thing)
        return list(self._now)

    def next_alarm(self) -> float | None:
        """Return when the next alarm goes, or None."""
        while self._alarms and self._set.get(self._alarms[0][2]) != self._alarms[0][0]:
            heapq.heappop(self._alarms)
        return self._alarms[0][0] if self._alarms else None
