"""Whether a destination may be bothered now: breaker, number of sessions, pace, promptness; what they say in the log.

Rule: every change that may let a session begin, or keep one from it, rings the runner's bell.
"""

from __future__ import annotations

from collections.abc import Callable

from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.pacing.breaker import Breaker
from maildrill.sender.pacing.feedback import Feedback
from maildrill.sender.pacing.pace import Throttle
from maildrill.sender.pacing.promptness import Promptness

#: The same sender refused so often in a row: it is not the recipients' fault (delivery-semantics 2.1, MAIL 5yz).
SENDER_REFUSALS = 2


class Gate:
    """Watches one destination. connections: at most, at once. ring: called when waiting for it may be over."""

    def __init__(  # noqa: PLR0913 - what it watches, and whom it tells
        self,
        relay: str,
        pace: Throttle,
        log: ConnectionLog,
        ring: Callable[[], None],
        *,
        connections: int,
        first: int | None = None,
    ) -> None:
        self.breaker = Breaker()
        self._fresh = Feedback(ceiling=connections, allowed=min(first or connections, connections))
        self.feedback = self._fresh
        self.pace = pace
        self.promptness = Promptness()
        self._relay = relay
        self._log = log
        self._ring = ring
        self._refusals = 0
        self._knocking = False

    def allows(self, now: float, sessions: int) -> bool:
        """Whether one more session may be begun, with `sessions` under way."""
        return sessions < (1 if self._knocking else self.feedback.allowed) and self.breaker.allows(now)

    def knock(self) -> None:
        """Allow one session until one was opened: a wrong password is said once, not by each of many at a time."""
        self._knocking = True

    def opened(self) -> None:
        """Note that a session was opened, in which mail can be sent."""
        if self._knocking:
            self._knocking = False
            self._ring()

    def begun(self) -> bool:
        """Note that a session begins; return whether it is the probe after a cool-down."""
        self.breaker = self.breaker.begun()
        return self.breaker.probing

    def ended(self) -> None:
        """Note that the probe ended and nothing was learnt from it."""
        self.breaker = self.breaker.ended()
        self._ring()

    def failed(self, now: float, *, probe: bool = False) -> None:
        """Note that the destination failed; probe: in the probe."""
        before, self.breaker = self.breaker, self.breaker.failed(now, probe=probe)
        until = self.breaker.opens_at
        if until is not None and until != before.opens_at:
            self.feedback = self._fresh  # it refuses everybody: their number was not the reason
            self._log.emit(
                "breaker.opened", now, relay=self._relay, failures=self.breaker.failures, until=round(until, 6)
            )
        self._ring()

    def crowded(self, now: float, begun_at: float, sessions: int) -> None:
        """Note that a session begun at `begun_at` was told to go, one of `sessions`: they may be too many."""
        before, self.feedback = self.feedback, self.feedback.refused(now, begun_at, sessions)
        self._say_sessions(before, now)
        self._ring()

    def served(self, now: float, begun_at: float) -> None:
        """Note that the destination served a transaction begun at `begun_at`."""
        before, self.breaker = self.breaker, self.breaker.succeeded(begun_at)
        fewer, self.feedback = self.feedback, self.feedback.answered()
        if self.breaker is before and self.feedback is fewer:
            return  # as nearly always
        if before.tripped and not self.breaker.tripped:
            self._log.emit("breaker.closed", now, relay=self._relay)
        self._say_sessions(fewer, now)
        if self.breaker is not before or self.feedback.allowed != fewer.allowed:
            self._ring()

    def took(self, now: float, seconds: float, *, served: bool) -> None:
        """Note how long a session took to serve somebody, or served nobody."""
        before, self.promptness = self.promptness, self.promptness.took(seconds, served=served)
        if self.promptness is before:
            return
        if self.promptness.tardy == before.tardy:
            pass  # it is a stranger no more
        elif self.promptness.tardy:
            self._log.emit("destination.tardy", now, relay=self._relay, seconds=round(seconds, 3))
        else:
            self._log.emit("destination.prompt", now, relay=self._relay)
        self._ring()

    def heard_out(self, now: float) -> None:
        """Note that a session ended by itself."""
        self.promptness = self.promptness.ended(now)

    def sender_refused(self, *, refused: bool) -> bool:
        """Note whether MAIL was refused for good; return whether the sender itself must be what is wrong."""
        self._refusals = self._refusals + 1 if refused else 0
        return self._refusals >= SENDER_REFUSALS

    def _say_sessions(self, before: Feedback, now: float) -> None:
        if self.feedback.allowed != before.allowed:
            self._log.emit("sessions.allowed", now, relay=self._relay, sessions=self.feedback.allowed)
