"""Whether a destination keeps others waiting: how long it takes to serve somebody, compared with GRACE. Pure.

Rule 1: what it did last counts; prompt again is who needs half of that, so that not every message changes it. Rule 2:
where it failed at once nothing is known: that is for the breaker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: For so long (seconds) a session may serve nobody before its destination is tardy: hosts that make a stranger wait for
#: the greeting mostly do so for less, and a hundred dead ones cost everybody behind them a few minutes in all.
GRACE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promptness:
    """What is known of one destination. heard_out: when a session last ended by itself (Unix seconds)."""

    tardy: bool = False
    heard_out: float = float("-inf")

    def took(self, seconds: float, *, served: bool) -> Promptness:
        """Say how long it took to serve somebody, or to serve nobody."""
        tardy = seconds >= GRACE or (self.tardy and not (served and seconds <= GRACE / 2))
        return self if tardy == self.tardy else replace(self, tardy=tardy)

    def ended(self, now: float) -> Promptness:
        """Say that a session ended by itself."""
        return replace(self, heard_out=now)
