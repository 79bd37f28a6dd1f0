"""When sending is allowed: hours of a day, days of a week, in a time zone. Pure.

Rule 1: hours are those of the wall clock there, on the days when it is put forward or back, too. Rule 2: hours that
end before they begin go on into the next day, and belong to the day on which they began.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES: Final = 24 * 60
_A_WEEK = 8  # days, so that the same weekday comes once more


@dataclass(frozen=True, slots=True)
class Hours:
    """From `begin` to `end`, the end not included, in minutes since midnight (0..1440), on `days` (0: Monday)."""

    begin: int
    end: int
    days: frozenset[int] = frozenset(range(7))

    def __post_init__(self) -> None:
        if not (0 <= self.begin < _MINUTES and 0 < self.end <= _MINUTES and self.begin != self.end and self.days):
            raise ValueError("hours must begin before midnight, end at another time, and be on some day")


@dataclass(frozen=True, slots=True)
class Opening:
    """Sending windows: any of `hours`, by the clock of `zone`; none at all means always."""

    hours: tuple[Hours, ...] = ()
    zone: tzinfo | None = None

    def wait(self, now: float) -> float:
        """Return in how many seconds from `now` (Unix seconds) sending is allowed; 0 where it is now."""
        if not self.hours:
            return 0.0
        today = datetime.fromtimestamp(now, self.zone).date()
        nearest = float("inf")
        for ahead in range(-1, _A_WEEK):
            for begin, end in self._on(today + timedelta(days=ahead)):
                if begin <= now < end:
                    return 0.0
                if begin > now:
                    nearest = min(nearest, begin)
        return nearest - now

    def turn(self, now: float) -> float:
        """Return when sending is allowed; nothing is used up."""
        return now + self.wait(now)

    def _on(self, day: date) -> list[tuple[float, float]]:
        """Return the stretches of Unix time that begin on a day."""
        found = []
        for hours in self.hours:
            if day.weekday() in hours.days:
                last = day if hours.end > hours.begin else day + timedelta(days=1)
                found.append((self._at(day, hours.begin, fold=0), self._at(last, hours.end, fold=1)))
        return [(begin, end) for begin, end in found if begin < end]

    def _at(self, day: date, minute: int, *, fold: int) -> float:
        """Return the Unix time of a time of a day: of one that comes twice, the first (fold 0) or the second.

        One that the clock leaves out is as much later as the clock is put forward.
        """
        days, minute = divmod(minute, _MINUTES)
        clock = time(minute // 60, minute % 60, fold=fold)
        return _unix(datetime.combine(day + timedelta(days=days), clock, self.zone), fold)


def _unix(moment: datetime, fold: int) -> float:
    there = moment.timestamp()
    if fold and datetime.fromtimestamp(there, moment.tzinfo).replace(tzinfo=None) != moment.replace(tzinfo=None):
        return moment.replace(fold=0).timestamp()  # left out: `fold=1` would be earlier, not later
    return there


#: No hours: always.
ALWAYS = Opening()


class WarmUp:
    """So many messages on the first day, so many on the second, …: a new address earns its reputation slowly.

    limits: for each day since the first, by the calendar of `zone`; the days after them are free. first: a moment of
    the first day. used: messages already sent today (on the day of `now`), by earlier runs.
    """

    def __init__(
        self, limits: tuple[int, ...], zone: tzinfo | None, *, first: float, now: float, used: int = 0
    ) -> None:
        self._limits = limits
        self._zone = zone
        self._first = self._day(first)
        self._today = self._day(now)
        self._used = used

    def wait(self, now: float) -> float:
        """Return how many seconds from `now` the next turn is away: none, or until midnight."""
        day = self._day(now)
        number = (day - self._first).days
        if number >= len(self._limits):
            return 0.0
        used = self._used if day == self._today else 0
        if number < 0 or used < self._limits[number]:
            return 0.0
        return max(_midnight(day + timedelta(days=1), self._zone) - now, 0.001)

    def turn(self, now: float) -> float:
        """Return when the caller's turn is, and count it on that day."""
        at = now + self.wait(now)
        day = self._day(at)
        if day != self._today:
            self._today, self._used = day, 0
        self._used += 1
        return at

    def _day(self, at: float) -> date:
        return datetime.fromtimestamp(at, self._zone).date()


def midnight_before(at: float, zone: tzinfo | None) -> float:
    """Return when (Unix seconds) the day of `at` began, by the calendar of `zone`."""
    return _midnight(datetime.fromtimestamp(at, zone).date(), zone)


def _midnight(day: date, zone: tzinfo | None) -> float:
    return datetime.combine(day, time(), zone).timestamp()
