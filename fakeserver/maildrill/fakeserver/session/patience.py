"""How long a server waits for a client, and what is due next: silence, slowness, deafness, old age. Pure.

Rule: a timer is set only when it would otherwise fire too late; one that fires too early is set again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import inf


class Lapse(Enum):
    """Why something is due."""

    IDLE = auto()  # the client has been silent for so long, and may go on being so
    SILENT = auto()  # it has been silent for too long
    SLOW = auto()  # a command has begun, and does not come to its end
    DEAF = auto()  # it does not read what is said
    OLD = auto()  # the session has lasted too long


@dataclass(frozen=True, slots=True)
class Due:
    """Something is due; age: of IDLE and SILENT the seconds of silence."""

    lapse: Lapse
    age: float = 0.0


class Patience:
    """The silence of one client, measured against ascending ages in seconds, of which the last is the end.

    ages: may be changed while it is the server's turn. command: seconds for a command line from its first octet on.
    end: when the session must be over. Time is seconds of one clock that never goes back. Between commands all ages
    count; within one (a message, an AUTH exchange) only the last does, from the last octet on. After any other Due than
    an IDLE one nothing is due any more.
    """

    def __init__(self, ages: Sequence[float], *, command: float = inf, end: float = inf) -> None:
        self.ages = ages
        self._command = command
        self._end = end
        self._next = 0
        self._since: float | None = None  # None: it is the server's turn
        self._began = inf  # when a command began
        self._deaf = inf  # since when nothing is read
        self._between = False
        self._timer = inf

    def start(self, now: float, between: bool) -> float | None:  # noqa: FBT001 - see Line.wait_anew
        """It is the client's turn: with a command if `between`. Returns when to fire, None if the timer will do."""
        self._since, self._between, self._began = now, between, inf
        self._next = 0 if between else len(self.ages) - 1
        when = now + self.ages[self._next]
        return None if when >= self._timer else self._timer_at(when)

    def stop(self) -> None:
        """It is the server's turn: nothing is due but the end of the session."""
        self._since, self._began = None, inf

    def heard(self, now: float) -> float | None:
        """Octets came; a part of a command is not a command. Returns as `start`."""
        if self._since is None:
            return None
        if not self._between:
            self._since = now
        elif self._began == inf:
            self._began = now
            return self._timer_at(now + self._command)
        return None

    def deafened(self, now: float) -> float | None:
        """What is said is not read any more. Returns as `start`."""
        self._deaf = now
        return self._timer_at(now + self.ages[-1])

    def heeded(self) -> None:
        """What was said has been read."""
        self._deaf = inf

    def fire(self) -> tuple[Due | None, float | None]:
        """The timer fired: return what is due, if anything is, and when to fire again, if at all."""
        fired, self._timer = self._timer, inf
        when, due = self._first()
        if when > fired:
            again = fired + self.ages[0] if self._since is None else inf
            return None, self._timer_at(min(when, again))
        if due.lapse is not Lapse.IDLE:
            return due, None
        self._next += 1
        return due, self._timer_at(self._first()[0])

    def _first(self) -> tuple[float, Due]:
        """Return what is due first, and when."""
        found = [
            (self._end, Due(Lapse.OLD)),
            (self._deaf + self.ages[-1], Due(Lapse.DEAF)),
            (self._began + self._command, Due(Lapse.SLOW)),
        ]
        if self._since is not None:
            age = self.ages[self._next]
            lapse = Lapse.IDLE if self._next < len(self.ages) - 1 else Lapse.SILENT
            found.append((self._since + age, Due(lapse, age)))
        return min(found, key=lambda one: one[0])

    def _timer_at(self, when: float) -> float | None:
        when = min(when, self._end)
        if when >= self._timer:
            return None
        self._timer = when
        return when
