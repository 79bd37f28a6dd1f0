"""What must be on the disk before the final dot of a transaction leaves (invariant I37)."""

from __future__ import annotations

from collections.abc import Sequence

from maildrill.sender.desk import Desk, Try
from maildrill.sender.ledger import Intent
from maildrill.sender.plan import Waiting
from maildrill.smtp import Clock


class Intention:
    """Writes down, once, that the final dot of a transaction is about to leave."""

    def __init__(self, desk: Desk, clock: Clock, batch: Sequence[Waiting], go: Try, body_hash: str) -> None:
        self._desk = desk
        self._clock = clock
        self._keys = {waiting.address: waiting.key for waiting in batch}
        self._go = go
        self._body_hash = body_hash
        self.written = False

    async def write(self, accepted: tuple[str, ...]) -> None:
        """Write it down for those whose RCPT was accepted."""
        intent = Intent(
            keys=tuple(self._keys[address] for address in accepted),
            session=self._go.session,
            transaction=self._go.transaction or 0,
            started=self._go.started,
            at=self._clock.now(),
            body_hash=self._body_hash,
            account=self._go.account,
            host=self._go.host,
        )
        await self._desk.intend(intent, accepted)
        self.written = True
