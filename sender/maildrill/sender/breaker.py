"""When a host that fails may be tried again: a breaker for connections, pure.

Rule 1: after `threshold` failures in a row no session is begun until a cool-down has passed; then exactly one, the
probe, whose outcome decides (invariant I17). Rule 2: a session refused while others are served says that there are
too many of them, not that the host is down: their number is kept down for a while instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_COOL_DOWN = 60.0
LONGEST_COOL_DOWN = 1800.0
_DOUBLINGS = 20  # far beyond the longest cool-down; keeps the number small


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is known of one host. Times are Unix seconds.

    failures: in a row. trips: cool-downs in a row, each twice as long as the one before. opens_at: no session
    before. probing: the one session after a cool-down is under way. room: sessions that the host has been seen
    to bear, until room_ends.
    """

    threshold: int = 5
    failures: int = 0
    trips: int = 0
    opens_at: float | None = None
    probing: bool = False
    room: int | None = None
    room_trips: int = 0
    room_ends: float = 0.0
    failed_at: float = float("-inf")

    @property
    def tripped(self) -> bool:
        """Whether the host is taken to be down."""
        return self.opens_at is not None

    def allows(self, now: float, sessions: int) -> bool:
        """Whether a session may be begun now, with `sessions` under way."""
        if self.opens_at is not None:
            return not self.probing and now >= self.opens_at
        return self.room is None or sessions < self.room or now >= self.room_ends

    def next_moment(self, now: float) -> float | None:
        """Return when `allows` may become true by the passing of time alone, or None."""
        if self.opens_at is not None:
            return None if self.probing else max(self.opens_at, now)
        return None if self.room is None else max(self.room_ends, now)

    def begun(self) -> Breaker:
        """A session begins; where the host is taken to be down it is the probe."""
        return replace(self, probing=True) if self.tripped else self

    def ended(self) -> Breaker:
        """A probe ended and nothing was learnt from it."""
        return replace(self, probing=False)

    def failed(self, now: float, others: int = 0, *, probe: bool = False) -> Breaker:
        """The host failed at `now`, while `others` other sessions were being served; probe: in the probe."""
        if self.tripped and not probe:
            return self  # an older session ends late: it says nothing new
        if others and not self.tripped:
            trips = self.room_trips + 1
            return replace(self, room=others, room_trips=trips, room_ends=now + _cool_down(trips), failed_at=now)
        failures = self.failures + 1
        if failures < self.threshold:
            return replace(self, failures=failures, room=None, room_trips=0, failed_at=now)
        trips = self.trips + 1
        opens_at = now + _cool_down(trips)
        return Breaker(threshold=self.threshold, failures=failures, trips=trips, opens_at=opens_at, failed_at=now)

    def succeeded(self, begun_at: float, sessions: int) -> Breaker:
        """The host served a transaction begun at `begun_at`, with so many `sessions` open, this one included."""
        served = self
        if begun_at >= self.failed_at and (self.failures or self.tripped):
            served = replace(served, failures=0, trips=0, opens_at=None, probing=False)
        if served.room is not None and sessions > served.room:  # it bears more than was thought
            return (
                replace(served, room=None, room_trips=0)
                if begun_at >= self.failed_at
                else replace(served, room=sessions)
            )
        return served


def _cool_down(trips: int) -> float:
    return min(FIRST_COOL_DOWN * (1 << min(trips - 1, _DOUBLINGS)), LONGEST_COOL_DOWN)
