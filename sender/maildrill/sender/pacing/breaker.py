"""When a host that fails may be tried again: a breaker for connections, pure.

Rule: after `threshold` failures in a row no session is begun until a cool-down has passed; then exactly one, the
probe, whose outcome decides (invariant I17). How many sessions it bears is for `feedback` to say.
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
    before. probing: the one session after a cool-down is under way.
    """

    threshold: int = 5
    failures: int = 0
    trips: int = 0
    opens_at: float | None = None
    probing: bool = False
    failed_at: float = float("-inf")

    @property
    def tripped(self) -> bool:
        """Whether the host is taken to be down."""
        return self.opens_at is not None

    def allows(self, now: float) -> bool:
        """Whether a session may be begun now."""
        return self.opens_at is None or (not self.probing and now >= self.opens_at)

    def next_moment(self, now: float) -> float | None:
        """Return when `allows` may become true by the passing of time alone, or None."""
        return None if self.opens_at is None or self.probing else max(self.opens_at, now)

    def begun(self) -> Breaker:
        """A session begins; where the host is taken to be down it is the probe."""
        return replace(self, probing=True) if self.tripped else self

    def ended(self) -> Breaker:
        """A probe ended and nothing was learnt from it."""
        return replace(self, probing=False)

    def failed(self, now: float, *, probe: bool = False) -> Breaker:
        """The host failed at `now`; probe: in the probe."""
        if self.tripped and not probe:
            return self  # an older session ends late: it says nothing new
        failures = self.failures + 1
        if failures < self.threshold:
            return replace(self, failures=failures, failed_at=now)
        trips = self.trips + 1
        opens_at = now + _cool_down(trips)
        return Breaker(threshold=self.threshold, failures=failures, trips=trips, opens_at=opens_at, failed_at=now)

    def succeeded(self, begun_at: float) -> Breaker:
        """The host served a transaction begun at `begun_at`; one begun before the failure proves nothing."""
        if begun_at >= self.failed_at and (self.failures or self.tripped):
            return replace(self, failures=0, trips=0, opens_at=None, probing=False)
        return self


def _cool_down(trips: int) -> float:
    return min(FIRST_COOL_DOWN * (1 << min(trips - 1, _DOUBLINGS)), LONGEST_COOL_DOWN)
