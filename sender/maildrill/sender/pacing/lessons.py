"""What a destination teaches us of itself: limits, each with the reply that taught it. Pure.

Rule 1: only what was said by code, at the same place, more than once is a lesson, too many recipients apart (RFC 5321
section 4.5.3.1.10 has a code for that). Rule 2: a lesson slows us down, it never changes what becomes of a recipient.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from maildrill.sender.disposition import enough
from maildrill.smtp import Reply, Stage

#: An idle session is closed by us this much of the learned time before the server would.
_EARLIER = 0.9
_SHORTEST_IDLE = 1.0
#: Refused for a shorter time than this (seconds), it is no quota.
_SHORTEST_QUOTA = 60.0


class Kind(StrEnum):
    """What can be learned."""

    RECIPIENTS = "recipients"  # in a transaction
    MESSAGES = "messages"  # in a session
    IDLE = "idle"  # seconds that a session may be silent
    RATE = "rate"  # messages in an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One limit of one destination. at: when it was learned (Unix seconds). reply: what taught it, where one did."""

    destination: str
    kind: Kind
    value: float
    at: float
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How a session came to its end. said: the reply that ended it, if one did. at: where.

    messages: transactions that were served in it before. idle: seconds since it was last used.
    """

    messages: int
    idle: float
    stage: Stage
    said: Reply | None = None


class Pupil:
    """Learns from how the sessions of one destination end. `learned(...)` returns what is new.

    sharers: how many processes send there at a time; what is seen of a rate is the part of one of them.
    """

    def __init__(self, destination: str, sharers: int = 1) -> None:
        self._destination = destination
        self._sharers = sharers
        self._messages = 0  # after how many messages the last session was told to go
        self._burst: tuple[float, int] | None = None  # since when how many messages have been served
        self._stopped: tuple[float, Reply] | None = None  # when, and what, ended the burst; nothing was served since
        self._bursts: list[int] = []  # how many messages earlier bursts had

    def session_ended(self, now: float, end: SessionEnd) -> Lesson | None:
        """Return what the end of a session teaches.

        421, or a word that they are enough, after the same number of messages, twice: so many it takes in a session.
        The session gone while it was idle: so long it may be silent.
        """
        if end.stage is Stage.IDLE and end.messages and end.idle > 2 * _SHORTEST_IDLE:
            return self._lesson(Kind.IDLE, max(end.idle * _EARLIER, _SHORTEST_IDLE), now, end.said)
        if end.stage is not Stage.MAIL or end.said is None or end.messages < 1:
            return None
        if end.said.code != 421 and not enough(end.said):
            return None
        before, self._messages = self._messages, end.messages
        return self._lesson(Kind.MESSAGES, end.messages, now, end.said) if before == end.messages else None

    def too_many(self, now: float, accepted: int, reply: Reply | None) -> Lesson:
        """Return what too many recipients in a transaction teach."""
        return self._lesson(Kind.RECIPIENTS, max(accepted, 1), now, reply)

    def served(self, now: float) -> Lesson | None:
        """Note that a message was served; return the rate, where that is now known.

        So many, then none until so long after the first of them, and that twice with the same number: a quota.
        """
        lesson = None
        if self._burst is not None and self._stopped is not None:
            since, count = self._burst
            stopped, reply = self._stopped
            if now - stopped >= _SHORTEST_QUOTA:
                if count in self._bursts:
                    an_hour = max(count * 3600.0 / (now - since), 0.001) * self._sharers
                    lesson = self._lesson(Kind.RATE, an_hour, now, reply)
                self._bursts = [*self._bursts[-3:], count]
                self._burst = None
            self._stopped = None
        since, count = self._burst or (now, 0)
        self._burst = (since, count + 1)
        return lesson

    def refused(self, now: float, reply: Reply) -> None:
        """Note that MAIL was answered by 421 or another 4yz: the burst is over."""
        if self._burst is not None and self._burst[1] > 1:
            self._stopped = self._stopped or (now, reply)
        else:
            self._burst = None

    def _lesson(self, kind: Kind, value: float, now: float, reply: Reply | None) -> Lesson:
        return Lesson(destination=self._destination, kind=kind, value=value, at=now, reply=reply)
