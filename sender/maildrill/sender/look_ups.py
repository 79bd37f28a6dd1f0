"""How many domains may be looked up at once: those whose name servers are slow keep no others waiting. Pure.

Rule: a look-up that takes long counts no more among those at once, only among all that there may be.
"""

from __future__ import annotations

#: Look-ups at once that have not taken SLOW seconds yet; so many, of a hundred milliseconds, are two hundred a second.
AT_ONCE = 20
#: So long (seconds) a look-up may take before the next one is begun beside it: nearly all answers come sooner.
SLOW = 2.0
#: Look-ups in all: a dead zone has ten begun a second, each of which ends after some fifteen seconds.
MOST = 200


class LookUps:
    """Which domains are being looked up, and since when."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._begun

    def begin(self, name: str, now: float) -> None:
        """Note that a domain is being looked up."""
        self._begun[name] = now

    def end(self, name: str) -> None:
        """Note that it was."""
        del self._begun[name]

    def room(self, now: float) -> bool:
        """Whether one more may be begun."""
        return len(self._begun) < MOST and len(self._quick(now)) < AT_ONCE

    def next_moment(self, now: float) -> float | None:
        """Return when there is room by the passing of time alone, or None."""
        if len(self._begun) >= MOST:
            return None
        return min((at + SLOW for at in self._quick(now)), default=None)

    def _quick(self, now: float) -> list[float]:
        return [at for at in self._begun.values() if now < at + SLOW]
