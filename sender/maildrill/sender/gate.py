"""Whether the relay may be bothered now: the breaker and the pace of one run, and what they say in the log.

Rule: every change that may let a session begin, or keep one from it, rings the runner's bell.
"""

from __future__ import annotations

from collections.abc import Callable

from maildrill.sender.breaker import Breaker
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.pace import Pace
from maildrill.smtp.quantity import Rate

#: The same sender refused so often in a row: it is not the recipients' fault (delivery-semantics 2.1, MAIL 5yz).
SENDER_REFUSALS = 2


class Gate:
    """Watches one relay. ring: called when waiting for it may be over."""

    def __init__(self, relay: str, rate: Rate | None, log: ConnectionLog, ring: Callable[[], None]) -> None:
        self.breaker = Breaker()
        self.pace = Pace(rate)
        self._relay = relay
        self._log = log
        self._ring = ring
        self._refusals = 0

    def begun(self) -> bool:
        """Note that a session begins; return whether it is the probe after a cool-down."""
        self.breaker = self.breaker.begun()
        return self.breaker.probing

    def ended(self) -> None:
        """Note that the probe ended and nothing was learnt from it."""
        self.breaker = self.breaker.ended()
        self._ring()

    def failed(self, now: float, others: int = 0, *, probe: bool = False) -> None:
        """Note that the relay failed, while `others` other sessions were being served; probe: in the probe."""
        before, self.breaker = self.breaker, self.breaker.failed(now, others, probe=probe)
        until = self.breaker.opens_at
        if until is not None and until != before.opens_at:
            self._log.emit(
                "breaker.opened", now, relay=self._relay, failures=self.breaker.failures, until=round(until, 6)
            )
        self._ring()

    def served(self, now: float, begun_at: float, sessions: int) -> None:
        """Note that the relay served a transaction begun at `begun_at`, with so many sessions open."""
        before, self.breaker = self.breaker, self.breaker.succeeded(begun_at, sessions)
        if before.tripped and not self.breaker.tripped:
            self._log.emit("breaker.closed", now, relay=self._relay)
        if self.breaker != before:
            self._ring()

    def sender_refused(self, *, refused: bool) -> bool:
        """Note whether MAIL was refused for good; return whether the sender itself must be what is wrong."""
        self._refusals = self._refusals + 1 if refused else 0
        return self._refusals >= SENDER_REFUSALS
