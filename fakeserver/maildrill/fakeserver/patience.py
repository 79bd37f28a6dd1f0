"""How long a session has been silent, and what is due next: ages at which something happens. Pure.

Rule: a timer is set only when it would otherwise fire too late; one that fires too early is set again.
"""

from __future__ import annotations

from collections.abc import Sequence


class Patience:
    """The silence of one client, measured against ascending ages in seconds, of which the last is the end.

    ages: may be changed while it is the server's turn.
    Time is seconds of one clock that never goes back. Between commands all ages count; within one (a message, an
    AUTH exchange) only the last does, from the last octet on.
    """

    def __init__(self, ages: Sequence[float]) -> None:
        self.ages = ages
        self._next = 0
        self._since: float | None = None  # None: it is the server's turn
        self._between = False
        self._timer = float("inf")

    def start(self, now: float, *, between: bool) -> float | None:
        """It is the client's turn: with a command if `between`. Returns when to fire, None if the timer will do."""
        self._since, self._between = now, between
        self._next = 0 if between else len(self.ages) - 1
        return self._timer_at(now + self.ages[self._next])

    def stop(self) -> None:
        """It is the server's turn: nothing is due."""
        self._since = None

    def heard(self, now: float) -> None:
        """Octets came; a part of a command is not a command."""
        if self._since is not None and not self._between:
            self._since = now

    def fire(self) -> tuple[float | None, float | None]:
        """The timer fired: return the age that has been reached, if any, and when to fire again, if at all."""
        fired, self._timer = self._timer, float("inf")
        if self._since is None:
            return None, self._timer_at(fired + self.ages[0])
        age = self.ages[self._next]
        if self._since + age > fired:
            return None, self._timer_at(self._since + age)
        self._next += 1
        return age, self._timer_at(self._since + self.ages[self._next]) if self._next < len(self.ages) else None

    def _timer_at(self, when: float) -> float | None:
        if when >= self._timer:
            return None
        self._timer = when
        return when
