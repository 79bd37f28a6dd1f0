"""Whether a destination keeps others waiting: how long it takes to serve somebody, compared with GRACE. Pure.

Rule 1: what it did last counts; prompt again is who needs half of that, so that not every message changes it. Rule 2:
where it failed at once nothing is known: that is for the breaker. Rule 3: who has served nobody yet is a stranger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: For so long (seconds) a session may serve nobody before its destination is tardy: hosts that make a stranger wait for
#: the greeting mostly do so for less, and a hundred dead ones cost everybody behind them a few minutes in all.
GRACE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promptness:
    """What is known of one destination.

    stranger: it has not shown yet that it serves. heard_out: when a session last ended by itself (Unix seconds).
    """

    tardy: bool = False
    stranger: bool = True
    heard_out: float = float("-inf")

    def took(self, seconds: float, *, served: bool) -> Promptness:
        """Say how long it took to serve somebody, or to serve nobody."""
        tardy = seconds >= GRACE or (self.tardy and not (served and seconds <= GRACE / 2))
        stranger = self.stranger and (tardy or not served)
        return (
            self if (tardy, stranger) == (self.tardy, self.stranger) else replace(self, tardy=tardy, stranger=stranger)
        )

    def ended(self, now: float) -> Promptness:
        """Say that a session ended by itself."""
        return replace(self, heard_out=now)
