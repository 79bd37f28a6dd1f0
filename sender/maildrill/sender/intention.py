"""What must be on the disk before the final dot of a transaction leaves (I37), and before DATA is answered.

Rule: a recipient that was refused for good is not asked again, also if we die while the others' message is under way.
"""

from __future__ import annotations

from collections.abc import Sequence

from maildrill.sender.attempt import Scope, Transaction
from maildrill.sender.desk import Desk, Try
from maildrill.sender.disposition import judge
from maildrill.sender.ledger import Intent, Refusal
from maildrill.sender.plan import Waiting
from maildrill.smtp import Clock
from maildrill.smtp.quickly import maker

_intent = maker(Intent)


class Intention:
    """Writes down, once, that the final dot of a transaction is about to leave."""

    def __init__(self, desk: Desk, clock: Clock, batch: Sequence[Waiting], go: Try, body_hash: str) -> None:
        self._desk = desk
        self._clock = clock
        self._keys = {waiting.address: waiting.key for waiting in batch}
        self._go = go
        self._body_hash = body_hash
        self.written = False

    async def told(self, heard: Transaction) -> None:
        """Write down who was refused at RCPT; what becomes of the transaction may still say otherwise (I7, I9)."""
        refused = tuple(
            Refusal(self._keys[ruling.recipient], ruling.row, ruling.reply)
            for ruling in judge(heard)
            if ruling.scope is Scope.RECIPIENT and ruling.counted and ruling.reply is not None
        )
        if refused:
            await self._desk.ledger.intend(self._intent((), refused))

    async def write(self, accepted: tuple[str, ...]) -> None:
        """Write it down for those whose RCPT was accepted."""
        await self._desk.intend(self._intent(tuple([self._keys[address] for address in accepted])), accepted)
        self.written = True

    def _intent(self, keys: tuple[int, ...], refused: tuple[Refusal, ...] = ()) -> Intent:
        return _intent(
            keys=keys,
            refused=refused,
            session=self._go.session,
            transaction=self._go.transaction or 0,
            started=self._go.started,
            at=self._clock.now(),
            body_hash=self._body_hash,
            account=self._go.account,
            host=self._go.host,
        )
