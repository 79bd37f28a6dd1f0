"""One session of a run: open it, send what is due, close it.

Rule 1: a recipient is written down as tried, or put back, whatever happens. Rule 2: a session with nothing to do is
kept only while something is due soon enough, and while nobody else needs its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

from maildrill.sender.attempt import Broken, Fault, Ruling, Scope, Transaction, Verdict
from maildrill.sender.conduct import Conduct
from maildrill.sender.desk import Try
from maildrill.sender.destination import Destination
from maildrill.sender.disposition import judge, judge_setup
from maildrill.sender.hindsight import refused_sender
from maildrill.sender.intention import Intention
from maildrill.sender.leisure import Leisure
from maildrill.sender.opener import OpenSession
from maildrill.sender.override import overruled
from maildrill.sender.plan import Waiting
from maildrill.sender.queues import next_due
from maildrill.sender.route.ways import Met
from maildrill.sender.shop import Shop
from maildrill.sender.stay import MADE_ROOM, Stay
from maildrill.smtp import Envelope, Said, Stage
from maildrill.smtp.quickly import maker

_try, _envelope, _again = maker(Try), maker(Envelope), attrgetter("again")
_HELD = Verdict.HELD  # to ask an enumeration for it takes its time
_LAST = frozenset({Verdict.DELIVERED, Verdict.FAILED, _HELD})
_OVER = Broken(Stage.CONNECT, Fault.STOPPED)
_SENDER_REFUSED = "the server refused the reverse-path twice in a row: ask its operator, then run again"


class Lane:
    """The `number`-th session of a run, with `destination`."""

    def __init__(self, shop: Shop, destination: Destination, number: int) -> None:
        self._shop = shop
        self.destination = destination
        self._number = number
        self._log_lines = shop.desk.log.lines
        self._conduct = Conduct(destination, shop.desk, shop.clock.now())
        self._met = Met(_OVER, "", destination.relay)
        self._free: set[str] = set()
        self._lost = False  # it would not serve, and had not before
        self.leisure = Leisure(destination, shop.clock)
        self.stay = Stay(destination, number, shop.clock.now())
        destination.sessions += 1

    async def run(self) -> None:
        """Live through one session; a stop request (cancellation) ends it between commands."""
        self.stay.begin()
        try:
            await self._run()
        finally:
            self.leisure.over()
            if not self._shop.stopping():
                self.stay.end(self._shop.clock.now())
            self.destination.sessions -= 1
            self.stay.session, self._met = None, replace(self._met, found=_OVER)  # it tells us of its lines: a ring

    async def _run(self) -> None:
        shop, there = self._shop, self.destination
        try:
            self._met = await shop.ways.connect(there, self._number, self._on_said, self._passed)
        except asyncio.CancelledError:
            left = MADE_ROOM if self.stay.leaving else ""
            self._met = replace(self._met, found=Broken(Stage.CONNECT, Fault.STOPPED, None, left))
        others = 0  # refused beside others there may be too many of them; refused once open it is something else
        if isinstance(self._met.found, Broken):
            # a host that answers 421 to one of several that call at once means their number, not itself
            reply = self._met.found.reply
            busy = self._met.found.stage is Stage.BANNER and reply is not None and reply.klass == 4
            others = there.sessions - 1 if busy else there.opened
            await self._refused(self._met.found)
        else:
            await self._session(self._met.found)
        if self._lost:
            self._give_way(others)
        elif self._conduct.probe:
            there.gate.ended()

    def _passed(self, met: Met) -> None:
        """Another host is tried instead of this one: in a session of its own."""
        if isinstance(met.found, Broken):
            log, now = self._shop.desk.log, self._shop.clock.now()
            log.refused(now, self._number, met.relay, met.found, account=self.destination.label, host=met.host)
        self._number = self._shop.number()

    def _on_said(self, at: float, said: Said) -> None:
        self._conduct.heard_at = at
        self._log_lines(self._number, at, said)

    def _give_way(self, others: int) -> None:
        """The destination would not serve: say so to its gate, and let those who are due wait for it."""
        shop, there, now = self._shop, self.destination, self._shop.clock.now()
        self._conduct.lost(now, others)
        for queue in there.queues.values():
            shop.desk.keep_waiting(queue, now, left_alone=there.gate.breaker.tripped)

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
            rulings = judge_setup(broken, addresses, direct=there.direct, unusable_fails=self._shop.unusable_fails)
            desk.put_back(await desk.conclude(batch, rulings, go.until(now)))
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
        there.gate.opened()
        reason = "stopped"
        self.stay.session = session
        self._conduct.used_at = clock.now()
        try:
            reason = await self._work(session)
        except asyncio.CancelledError:
            pass  # the runner's way to say stop; what was under way has been written down or put back
        finally:
            self.leisure.over()
            await session.quit()
            there.opened -= 1
            self._conduct.over(clock.now())
            transactions = self.stay.turns
            desk.log.emit("session.closed", clock.now(), session=self._number, reason=reason, transactions=transactions)

    async def _work(self, session: OpenSession) -> str:
        """Send until there is a reason not to; return it."""
        shop, carry = self._shop, list[Waiting]()
        try:
            while True:
                reason = self._over(session)
                if reason:
                    return reason
                batch = await self._batch(session, carry)
                carry = []
                if not batch:
                    return MADE_ROOM if self.leisure.retired else "nothing is due"
                if not session.alive:  # an unsolicited 421 while we waited: nobody's attempt
                    self._conduct.lost_while_idle()
                    carry = batch
                    continue
                carry = await self._transact(session, batch)
        finally:
            shop.desk.put_back(carry)

    def _over(self, session: OpenSession) -> str:
        """Return why the session must end now, or nothing."""
        if self._shop.stopping():
            return "stopped"
        if self.stay.leaving:
            return MADE_ROOM
        if self._conduct.spoilt or not session.alive:
            self._lost = not self._conduct.served
            return "host fails" if session.alive else "lost"
        if self._conduct.untold or self.destination.out:
            return "account is held" if self.destination.out else "EHLO was not answered"
        if self.stay.turns >= self.destination.limits.messages:
            return "messages_per_connection"
        return MADE_ROOM if self._shop.crowded(self) else ""

    def _take(self, now: float, size: int) -> list[Waiting]:
        """Return who is due at this destination, of one queue; the queues take turns."""
        for queue in self._shop.ways.served_by(self.destination):
            batch = self._shop.desk.take(queue, now, size)
            if batch:
                return batch
        return []

    async def _batch(self, session: OpenSession, carry: Sequence[Waiting]) -> list[Waiting]:
        """Return who is to be tried next, those in `carry` first; empty: nobody for now."""
        shop, there = self._shop, self.destination
        while True:
            now = shop.clock.now()
            self.stay.begin_turn(now)
            shop.desk.lapse(now)
            due = now if carry else next_due(shop.ways.served_by(there))
            if due is None or self.leisure.retired:
                shop.desk.put_back(carry)
                return []
            pause = max(due - now, there.gate.pace.wait(now))
            if pause <= 0:
                self.leisure.over()
                if session.alive:  # else it is the turn of the session that comes after this one
                    there.gate.pace.turn(now)
                size = there.limits.recipients
                shop.desk.put_back(carry[size:])
                return list(carry[:size]) or self._take(now, size)
            if pause > there.limits.idle - (now - self._conduct.used_at):
                shop.desk.put_back(carry)
                return []
            try:
                await self._rest(pause)
            except asyncio.CancelledError:
                shop.desk.put_back(carry)
                raise

    async def _rest(self, seconds: float) -> None:
        self.stay.resting = True
        await self.leisure.wait(seconds)
        self.stay.resting = False

    async def _transact(self, session: OpenSession, batch: list[Waiting]) -> list[Waiting]:
        """Try one batch; return those to be tried again at once in this session."""
        desk, clock, letter = self._shop.desk, self._shop.clock, self._shop.letters.letter(batch)
        self.stay.turns += 1
        addresses = tuple([waiting.address for waiting in batch])
        started = clock.now()
        desk.log.emit(
            "transaction.started",
            started,
            session=self._number,
            transaction=self.stay.turns,
            recipients=list(addresses),
            message_id=letter.message_id,
            octets=letter.content.size,
            body_hash=letter.body_hash,
        )
        go = self._try(self.stay.turns, started)
        intention = Intention(desk, clock, batch, go, letter.body_hash)
        try:
            envelope = _envelope(desk.campaign.sender.address, addresses)
            heard = await session.transact(
                envelope,
                letter.content,
                before_dot=intention.write,
                after_rcpt=intention.told,
                reporting=desk.reporting(letter.message_id, go),
                chunk=desk.campaign.chunk,
            )
        except BaseException:
            if not intention.written:  # else the ledger has the intent, and opening it again will say Unknown
                desk.put_back(batch)
            raise
        return await self._conclude(heard, batch, go.until(clock.now()))

    async def _conclude(self, heard: Transaction, batch: list[Waiting], go: Try) -> list[Waiting]:
        """Have the batch ruled and written down; return those to be tried again at once in this session."""
        shop, there = self._shop, self.destination
        self.stay.served(go.ended, whole=heard.broken is None)
        rulings = judge(heard, free=self._free | there.spared if there.spared else self._free)
        if heard.mail is not None and there.gate.sender_refused(refused=refused_sender(heard, rulings)):
            rulings = tuple(replace(ruling, verdict=Verdict.HELD, detail=_SENDER_REFUSED) for ruling in rulings)
        wanted = shop.desk.campaign.overrides
        if wanted:
            rulings = tuple(overruled(ruling, wanted, host=go.host, account=go.account) for ruling in rulings)
        self._spare(rulings)
        again = await shop.desk.conclude(batch, rulings, go)
        for waiting, ruling in zip(batch, rulings, strict=True):
            if ruling.verdict in _LAST:
                shop.letters.forget(waiting.key)
        self._conduct.weigh(heard, rulings, go)
        self._hold_if_told(rulings)
        return again

    def _spare(self, rulings: Sequence[Ruling]) -> None:
        """Remember who is asked for at once again: once in a session, or else in the next one."""
        if self.destination.spared:
            self.destination.spared -= {ruling.recipient for ruling in rulings}
        if not any(map(_again, rulings)):
            return
        again = {ruling.recipient for ruling in rulings if ruling.again}
        self._free |= again
        nobody = len(again) == len(rulings)  # where a session ends then, so may the next, and so for ever
        if nobody or self.stay.turns >= self.destination.limits.messages:
            self.destination.spared |= again

    def _hold_if_told(self, rulings: Sequence[Ruling]) -> None:
        """Leave the destination alone where the ruling is about our own set-up (invariant I55)."""
        for ruling in rulings:
            if ruling.verdict is _HELD and (ruling.scope is Scope.HOST or ruling.detail == _SENDER_REFUSED):
                self.destination.out = ruling.detail or str(ruling.reply)
                self.destination.house.changed(self.destination)
                return

    def _try(self, transaction: int | None, started: float) -> Try:
        met = self._met
        return _try(self._number, transaction, started, started, self.destination.label, met.host, met.relay)
