"""One session of a run: open it, send what is due, close it.

Rule 1: a recipient is written down as tried, or put back, whatever happens. Rule 2: a session with nothing to do is
kept only while something is due within LINGER seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from maildrill.sender.attempt import Broken, Fault, Ruling, Scope, Transaction, Verdict
from maildrill.sender.desk import Desk, Try
from maildrill.sender.disposition import judge, judge_setup, learned_limit
from maildrill.sender.gate import Gate
from maildrill.sender.ledger import Intent
from maildrill.sender.letters import Letters
from maildrill.sender.opener import Connect, OpenSession
from maildrill.sender.plan import Waiting
from maildrill.smtp import Clock, Envelope, Stage

#: An idle session is not kept longer than this (seconds): servers count idle sessions, too.
LINGER = 10.0

_LAST = frozenset({Verdict.DELIVERED, Verdict.FAILED, Verdict.HELD})
_SENDER_REFUSED = "the server refused the reverse-path twice in a row: ask its operator, then run again"


@dataclass(frozen=True, slots=True)
class Shop:
    """What all lanes of a run share. connect: open a session, saying each line of its dialogue to the callable."""

    desk: Desk
    gate: Gate
    letters: Letters
    clock: Clock
    stopping: Callable[[], bool]
    connect: Connect
    opened: Callable[[], int]  # how many sessions are open
    added: Callable[[], None]  # called when somebody may have become due sooner than the runner looks


class Lane:
    """The `number`-th session of a run."""

    def __init__(self, shop: Shop, number: int) -> None:
        self._shop = shop
        self._number = number
        self._probe = shop.gate.begun()
        self._begun_at = shop.clock.now()
        self._free: set[str] = set()
        self._transactions = 0
        self._spoilt = False  # the session is to end: the relay would not serve
        self._served = False  # it has served a transaction in this session
        self._lost = False  # it would not serve, and had not before
        self.opened = False
        self.idle = True  # waits for the relay or for work: would take what becomes due

    async def run(self) -> None:
        """Live through one session; a stop request (cancellation) ends it between commands."""
        shop = self._shop
        found: OpenSession | Broken
        try:
            found = await shop.connect(lambda line: shop.desk.log.line(self._number, line))
        except asyncio.CancelledError:
            found = Broken(Stage.CONNECT, Fault.STOPPED)
        others = 0  # refused beside others there may be too many of them; refused once open it is something else
        if isinstance(found, Broken):
            others = shop.opened()
            self._refused(found)
        else:
            await self._session(found)
        if self._lost:
            now = shop.clock.now()
            shop.desk.keep_waiting(now)
            if others and not shop.gate.breaker.tripped:
                shop.gate.crowded(now, self._begun_at, others + 1)
            else:
                shop.gate.failed(now, probe=self._probe)
        elif self._probe:
            shop.gate.ended()

    def _refused(self, broken: Broken) -> None:
        """No mail could be sent: rule for the batch that would have gone first."""
        desk, now = self._shop.desk, self._shop.clock.now()
        desk.log.refused(now, self._number, desk.relay, broken)
        if broken.fault is Fault.STOPPED:
            return
        self._lost = True
        batch = desk.take(now, desk.size)
        if batch:
            rulings = judge_setup(broken, tuple(waiting.address for waiting in batch))
            desk.put_back(desk.conclude(batch, rulings, Try(self._number, None, now, now)))
            self._hold_if_told(rulings, now)
            self._shop.added()

    async def _session(self, session: OpenSession) -> None:
        desk, clock = self._shop.desk, self._shop.clock
        capabilities = sorted(session.capabilities.names)
        desk.log.emit("session.opened", clock.now(), session=self._number, relay=desk.relay, capabilities=capabilities)
        self.opened = True
        reason = "stopped"
        try:
            reason = await self._work(session)
        except asyncio.CancelledError:
            pass  # the runner's way to say stop; what was under way has been written down or put back
        finally:
            self.idle = False
            await session.quit()
            self.opened = False
            transactions = self._transactions
            desk.log.emit("session.closed", clock.now(), session=self._number, reason=reason, transactions=transactions)

    async def _work(self, session: OpenSession) -> str:
        """Send until there is a reason not to; return it."""
        shop, carry = self._shop, list[Waiting]()
        try:
            while True:
                reason = self._over(session)
                if reason:
                    return reason
                batch = await self._batch(carry)
                carry = []
                if not batch:
                    return "nothing is due"
                if not session.alive:  # an unsolicited 421 while we waited: nobody's attempt
                    carry = batch
                    continue
                carry = await self._transact(session, batch)
        finally:
            shop.desk.put_back(carry)

    def _over(self, session: OpenSession) -> str:
        """Return why the session must end now, or nothing."""
        if self._shop.stopping():
            return "stopped"
        if self._spoilt or not session.alive:
            self._lost = not self._served
            return "host fails" if session.alive else "lost"
        if self._transactions >= self._shop.desk.campaign.limits.messages_per_connection:
            return "messages_per_connection"
        return ""

    async def _batch(self, carry: Sequence[Waiting]) -> list[Waiting]:
        """Return who is to be tried next, those in `carry` first; empty: nobody for now."""
        desk, clock, pace = self._shop.desk, self._shop.clock, self._shop.gate.pace
        while True:
            now = clock.now()
            desk.lapse(now)
            due = now if carry else desk.agenda.next_due()
            if due is None:
                return []
            pause = max(due - now, pace.wait(now))
            if pause <= 0:
                pace.turn(now)
                size = desk.size
                desk.put_back(carry[size:])
                return [*carry[:size], *desk.take(now, size - len(carry[:size]))]
            if pause > LINGER:
                desk.put_back(carry)
                return []
            self.idle = True
            try:
                await clock.sleep(pause)
            except asyncio.CancelledError:
                desk.put_back(carry)
                raise
            finally:
                self.idle = False

    async def _transact(self, session: OpenSession, batch: list[Waiting]) -> list[Waiting]:
        """Try one batch; return those to be tried again at once in this session."""
        desk, clock, letter = self._shop.desk, self._shop.clock, self._shop.letters.letter(batch)
        self._transactions += 1
        addresses = tuple(waiting.address for waiting in batch)
        started = clock.now()
        desk.log.emit(
            "transaction.started",
            started,
            session=self._number,
            transaction=self._transactions,
            recipients=list(addresses),
            message_id=letter.message_id,
            octets=len(letter.content),
            body_hash=letter.body_hash,
        )
        go = Try(self._number, self._transactions, started)
        intent = _Intention(self._shop, batch, go, letter.body_hash)
        try:
            envelope = Envelope(desk.campaign.sender.address, addresses)
            heard = await session.transact(envelope, letter.content, before_dot=intent.write)
        except BaseException:
            if not intent.written:  # else the ledger has the intent, and opening it again will say Unknown
                desk.put_back(batch)
            raise
        return self._conclude(heard, batch, replace(go, ended=clock.now()))

    def _conclude(self, heard: Transaction, batch: list[Waiting], go: Try) -> list[Waiting]:
        """Have the batch ruled and written down; return those to be tried again at once in this session."""
        shop = self._shop
        rulings = judge(heard, free=self._free)
        if heard.mail is not None and shop.gate.sender_refused(refused=_refused_sender(heard, rulings)):
            rulings = tuple(replace(ruling, verdict=Verdict.HELD, detail=_SENDER_REFUSED) for ruling in rulings)
        self._free.update(ruling.recipient for ruling in rulings if ruling.again)
        again = shop.desk.conclude(batch, rulings, go)
        for waiting, ruling in zip(batch, rulings, strict=True):
            if ruling.verdict in _LAST:
                shop.letters.forget(waiting.key)
        limit = learned_limit(heard)
        if limit is not None:
            shop.desk.learn(limit, go.ended)
        self._weigh(heard, rulings, go)
        self._hold_if_told(rulings, go.ended)
        shop.added()
        return again

    def _weigh(self, heard: Transaction, rulings: Sequence[Ruling], go: Try) -> None:
        """Tell the gate what the transaction says of the relay."""
        gate, mail = self._shop.gate, heard.mail
        if any(ruling.verdict is Verdict.RELEASED and not ruling.again for ruling in rulings):
            self._spoilt = True
            if self._served and session_told_to_go(rulings):
                gate.crowded(go.ended, self._begun_at, self._shop.opened())
        elif mail is not None and mail.positive and heard.broken is None:
            self._served = True
            gate.served(go.ended, go.started)
            self._probe = self._probe and gate.breaker.tripped
        elif mail is not None and mail.klass == 4:  # every MAIL refused is a host in trouble (delivery-semantics 2.1)
            gate.failed(go.ended, probe=self._probe)
            self._probe = False
            self._spoilt = gate.breaker.tripped

    def _hold_if_told(self, rulings: Sequence[Ruling], now: float) -> None:
        """Hold everybody where the ruling is about our own set-up: an account, not a recipient (invariant I55)."""
        for ruling in rulings:
            if ruling.verdict is Verdict.HELD and (ruling.scope is Scope.HOST or ruling.detail == _SENDER_REFUSED):
                self._shop.desk.hold_all(ruling.detail or str(ruling.reply), now)
                return


def session_told_to_go(rulings: Sequence[Ruling]) -> bool:
    """Whether the server said 421: a session too many, perhaps."""
    return any(ruling.reply is not None and ruling.reply.code == 421 for ruling in rulings)


class _Intention:
    """Writes down, once, that the final dot of a transaction is about to leave."""

    def __init__(self, shop: Shop, batch: Sequence[Waiting], go: Try, body_hash: str) -> None:
        self._shop = shop
        self._keys = {waiting.address: waiting.key for waiting in batch}
        self._go = go
        self._body_hash = body_hash
        self.written = False

    def write(self, accepted: tuple[str, ...]) -> None:
        intent = Intent(
            keys=tuple(self._keys[address] for address in accepted),
            session=self._go.session,
            transaction=self._go.transaction or 0,
            started=self._go.started,
            at=self._shop.clock.now(),
            body_hash=self._body_hash,
        )
        self._shop.desk.intend(intent, accepted)
        self.written = True


def _refused_sender(heard: Transaction, rulings: Sequence[Ruling]) -> bool:
    """Whether MAIL was refused for good, and not for the size of the message."""
    reply = heard.mail
    return (
        reply is not None
        and reply.klass == 5
        and reply.code != 552
        and all(ruling.verdict is Verdict.FAILED for ruling in rulings)
    )
