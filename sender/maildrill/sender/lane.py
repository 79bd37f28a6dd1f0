"""One session of a run: open it, send what is due, close it.

Rule 1: a recipient is written down as tried, or put back, whatever happens. Rule 2: a session with nothing to do is
kept only while something is due soon enough, and while nobody else needs its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from maildrill.sender.attempt import Broken, Fault, Ruling, Scope, Transaction, Verdict
from maildrill.sender.desk import Try
from maildrill.sender.destination import Destination
from maildrill.sender.disposition import judge, judge_setup, learned_limit
from maildrill.sender.hindsight import ended_at, refusal, refused_sender
from maildrill.sender.intention import Intention
from maildrill.sender.leisure import Leisure
from maildrill.sender.opener import OpenSession
from maildrill.sender.pacing.lessons import Lesson, SessionEnd
from maildrill.sender.plan import Waiting
from maildrill.sender.queues import Queue
from maildrill.sender.route.ways import Met
from maildrill.sender.shop import Shop
from maildrill.smtp import Envelope, Line, Reply, Stage

#: So many transactions are done before a session makes room for a destination that waits for a place.
QUANTUM = 10

_LAST = frozenset({Verdict.DELIVERED, Verdict.FAILED, Verdict.HELD})
_SENDER_REFUSED = "the server refused the reverse-path twice in a row: ask its operator, then run again"


class Lane:
    """The `number`-th session of a run, with `destination`."""

    def __init__(self, shop: Shop, destination: Destination, number: int) -> None:
        self._shop = shop
        self.destination = destination
        self._number = number
        self._probe = destination.gate.begun()
        self._begun_at = shop.clock.now()
        self._met = Met(Broken(Stage.CONNECT, Fault.STOPPED), "", destination.relay)
        self._free: set[str] = set()
        self._transactions = 0
        self._served = 0  # transactions that were served in this session
        self._spoilt = False  # the session is to end: the relay would not serve
        self._lost = False  # it would not serve, and had not before
        self._used_at = self._heard_at = self._begun_at  # when it was last used, and when anything was last heard
        self._end: tuple[Stage, Reply | None] = (Stage.QUIT, None)  # where it ended, and the reply that ended it
        self.leisure = Leisure(destination, shop.clock)
        destination.sessions += 1

    async def run(self) -> None:
        """Live through one session; a stop request (cancellation) ends it between commands."""
        try:
            await self._run()
        finally:
            self.leisure.over()
            self.destination.sessions -= 1

    async def _run(self) -> None:
        shop, there = self._shop, self.destination
        try:
            self._met = await shop.ways.connect(there, self._number, self._on_line)
        except asyncio.CancelledError:
            self._met = replace(self._met, found=Broken(Stage.CONNECT, Fault.STOPPED))
        others = 0  # refused beside others there may be too many of them; refused once open it is something else
        if isinstance(self._met.found, Broken):
            others = there.opened
            await self._refused(self._met.found)
        else:
            await self._session(self._met.found)
        if self._lost:
            self._give_way(others)
        elif self._probe:
            there.gate.ended()

    def _on_line(self, line: Line) -> None:
        self._heard_at = line.at
        self._shop.desk.log.line(self._number, line)

    def _give_way(self, others: int) -> None:
        """The destination would not serve: say so to its gate, and let those who are due wait for it."""
        shop, there, now = self._shop, self.destination, self._shop.clock.now()
        for queue in there.queues.values():
            shop.desk.keep_waiting(queue, now)
        if others and not there.gate.breaker.tripped:
            there.gate.crowded(now, self._begun_at, others + 1)
        else:
            there.gate.failed(now, probe=self._probe)

    async def _refused(self, broken: Broken) -> None:
        """No mail could be sent: rule for the batch that would have gone first."""
        desk, there, now = self._shop.desk, self.destination, self._shop.clock.now()
        go = self._try(None, now)
        desk.log.refused(now, self._number, go.relay, broken, account=go.account, host=go.host)
        if broken.fault is Fault.STOPPED:
            return
        self._lost = broken.stage is not Stage.DNS
        batch = self._take(now, there.limits.recipients)
        if batch:
            addresses = tuple(waiting.address for waiting in batch)
            fails = self._shop.unusable_fails
            rulings = judge_setup(broken, addresses, direct=there.direct, unusable_fails=fails)
            desk.put_back(await desk.conclude(batch, rulings, replace(go, ended=now)))
            self._hold_if_told(rulings)

    async def _session(self, session: OpenSession) -> None:
        desk, clock, there = self._shop.desk, self._shop.clock, self.destination
        desk.log.emit(
            "session.opened",
            clock.now(),
            session=self._number,
            relay=self._met.relay,
            account=there.label,
            host=self._met.host,
            capabilities=sorted(session.capabilities.names),
        )
        there.opened += 1
        reason = "stopped"
        self._used_at = clock.now()
        try:
            reason = await self._work(session)
        except asyncio.CancelledError:
            pass  # the runner's way to say stop; what was under way has been written down or put back
        finally:
            self.leisure.over()
            await session.quit()
            there.opened -= 1
            stage, said = self._end
            silent = self._heard_at - self._used_at
            self._learn(there.pupil.session_ended(clock.now(), SessionEnd(self._served, silent, stage, said)))
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
                    return "made room" if self.leisure.retired else "nothing is due"
                if not session.alive:  # an unsolicited 421 while we waited: nobody's attempt
                    self._end = (Stage.IDLE, None)
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
        if self.destination.out:
            return "account is held"
        if self._transactions >= self.destination.limits.messages:
            return "messages_per_connection"
        if self._transactions >= QUANTUM and self._shop.crowded(self.destination):
            return "made room"
        return ""

    def _take(self, now: float, size: int) -> list[Waiting]:
        """Return who is due at this destination, of one queue; the queues take turns."""
        queues = self._shop.ways.served_by(self.destination)
        for queue in queues:
            batch = self._shop.desk.take(queue, now, size)
            if batch:
                return batch
        return []

    async def _batch(self, carry: Sequence[Waiting]) -> list[Waiting]:
        """Return who is to be tried next, those in `carry` first; empty: nobody for now."""
        shop, there = self._shop, self.destination
        while True:
            now = shop.clock.now()
            shop.desk.lapse(now)
            due = now if carry else _next_due(shop.ways.served_by(there))
            if due is None or self.leisure.retired:
                shop.desk.put_back(carry)
                return []
            pause = max(due - now, there.gate.pace.wait(now))
            if pause <= 0:
                self.leisure.over()
                there.gate.pace.turn(now)
                size = there.limits.recipients
                shop.desk.put_back(carry[size:])
                return list(carry[:size]) or self._take(now, size)
            if pause > there.limits.idle - (now - self._used_at):
                shop.desk.put_back(carry)
                return []
            try:
                await self.leisure.wait(pause)
            except asyncio.CancelledError:
                shop.desk.put_back(carry)
                raise

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
        go = self._try(self._transactions, started)
        intention = Intention(desk, clock, batch, go, letter.body_hash)
        try:
            envelope = Envelope(desk.campaign.sender.address, addresses)
            heard = await session.transact(envelope, letter.content, before_dot=intention.write)
        except BaseException:
            if not intention.written:  # else the ledger has the intent, and opening it again will say Unknown
                desk.put_back(batch)
            raise
        return await self._conclude(heard, batch, replace(go, ended=clock.now()))

    async def _conclude(self, heard: Transaction, batch: list[Waiting], go: Try) -> list[Waiting]:
        """Have the batch ruled and written down; return those to be tried again at once in this session."""
        shop, there = self._shop, self.destination
        rulings = judge(heard, free=self._free)
        if heard.mail is not None and there.gate.sender_refused(refused=refused_sender(heard, rulings)):
            rulings = tuple(replace(ruling, verdict=Verdict.HELD, detail=_SENDER_REFUSED) for ruling in rulings)
        self._free.update(ruling.recipient for ruling in rulings if ruling.again)
        again = await shop.desk.conclude(batch, rulings, go)
        for waiting, ruling in zip(batch, rulings, strict=True):
            if ruling.verdict in _LAST:
                shop.letters.forget(waiting.key)
        limit = learned_limit(heard)
        if limit is not None:
            self._learn(there.pupil.too_many(go.ended, limit, refusal(heard)))
        self._weigh(heard, rulings, go)
        self._hold_if_told(rulings)
        return again

    def _weigh(self, heard: Transaction, rulings: Sequence[Ruling], go: Try) -> None:
        """Tell gate and pupil what the transaction says of the destination."""
        there, mail = self.destination, heard.mail
        gate = there.gate
        if mail is not None and mail.klass == 4:
            there.pupil.refused(mail)
        if any(ruling.verdict is Verdict.RELEASED and not ruling.again for ruling in rulings):
            self._spoilt = True
            self._end = ended_at(heard)
            if self._served and self._end[1] is not None:
                gate.crowded(go.ended, self._begun_at, there.opened)
        elif mail is not None and mail.positive and heard.broken is None:
            self._served += 1
            self._used_at = go.ended
            gate.served(go.ended, go.started)
            self._learn(there.pupil.served(go.ended))
            self._probe = self._probe and gate.breaker.tripped
        elif mail is not None and mail.klass == 4:  # every MAIL refused is a host in trouble (delivery-semantics 2.1)
            gate.failed(go.ended, probe=self._probe)
            self._probe = False
            self._spoilt = gate.breaker.tripped

    def _learn(self, lesson: Lesson | None) -> None:
        if lesson is not None and self.destination.learn(lesson):
            self._shop.desk.learn(lesson)

    def _hold_if_told(self, rulings: Sequence[Ruling]) -> None:
        """Leave the destination alone where the ruling is about our own set-up (invariant I55)."""
        for ruling in rulings:
            if ruling.verdict is Verdict.HELD and (ruling.scope is Scope.HOST or ruling.detail == _SENDER_REFUSED):
                self.destination.out = ruling.detail or str(ruling.reply)
                self.destination.house.changed(self.destination)
                return

    def _try(self, transaction: int | None, started: float) -> Try:
        met = self._met
        label = self.destination.label
        return Try(self._number, transaction, started, started, account=label, host=met.host, relay=met.relay)


def _next_due(queues: Sequence[Queue]) -> float | None:
    return min((due for queue in queues if (due := queue.agenda.next_due()) is not None), default=None)
