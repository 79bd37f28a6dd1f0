"""The desk of a run: who waits, what was ruled of them, and everything that must be written down about it.

Rule 1: the ledger is written first, then the log, then the agenda moves. Rule 2: nothing here waits
for anything but the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, nextafter

from maildrill.sender.attempt import Ruling, State, Verdict
from maildrill.sender.campaign import Campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.content import PLAIN, Caution
from maildrill.sender.dsn import EnvelopeId, Reporting, message_of
from maildrill.sender.intake import AHEAD, Intake
from maildrill.sender.ledger import AttemptRecord, Entry, Intent, Ledger
from maildrill.sender.lists import Row
from maildrill.sender.log_response import response
from maildrill.sender.pacing.lessons import Lesson
from maildrill.sender.plan import Waiting
from maildrill.sender.queues import Queue, Queues
from maildrill.sender.roll import begin_run
from maildrill.sender.standing import Standing, after, held, kept_waiting, lapsed
from maildrill.sender.watch import Watch
from maildrill.smtp.quickly import maker, quickly


@quickly
@dataclass(frozen=True, slots=True)
class Try:
    """One go at one batch.

    session: counted from 1 in the run; 0 where none was begun. transaction: in it; None: none. account: the label of
    the destination. host: who was talked to; relay: the same as `host:port`.
    """

    session: int
    transaction: int | None
    started: float
    ended: float = 0.0
    account: str = ""
    host: str = ""
    relay: str = ""

    def until(self, ended: float) -> Try:
        """Return the same, over at `ended`."""
        return _try(self.session, self.transaction, self.started, ended, self.account, self.host, self.relay)


_try, _entry, _record = maker(Try), maker(Entry), maker(AttemptRecord)


class Desk:
    """Keeps the books of one run of `campaign`.

    queues: where those who wait for a try are put. ring: called when the ledger is to be asked for more at once.
    """

    def __init__(
        self,
        campaign: Campaign,
        ledger: Ledger,
        log: ConnectionLog,
        queues: Queues,
        ring: Callable[[], None] = lambda: None,
    ) -> None:
        self.campaign = campaign
        self.ledger = ledger
        self.log = log
        self.queues = queues
        self.attempts = 0
        self.states = dict.fromkeys(State, 0)
        self._intake = Intake(campaign, ledger, log, queues)
        self._ring = ring
        self.watch = Watch(campaign.limits.pause_after, ledger, log, alone=campaign.limits.sharers == 1)

    def reporting(self, message_id: str, go: Try) -> Reporting | None:
        """Return what reports a try of this message asks for; None: the campaign asks for none."""
        if self.campaign.dsn is None:
            return None
        envelope_id = EnvelopeId(
            message=message_of(message_id),
            run=self.ledger.run,
            session=go.session,
            transaction=go.transaction or 0,
        )
        return Reporting(self.campaign.dsn, envelope_id)

    def open(self, rows: Iterable[Row], now: float, caution: Caution = PLAIN) -> None:
        """Take in the list and whatever earlier runs left; log it all."""
        self.states = dict(begin_run(self.campaign, self.ledger, self.log, rows, now))
        self._begin(now, caution)

    def join(self, now: float) -> None:
        """Begin a share of a run whose list was taken in."""
        self.states = dict(self.ledger.counts())
        self._begin(now, PLAIN)

    def _begin(self, now: float, caution: Caution) -> None:
        self.watch.begin(caution, now)
        if self.watch.pause is None:
            self._intake.begin(now, self.watch.last_key)

    def canary_over(self, now: float) -> bool:
        """Nobody waits any more: if that was all of a canary, say what came of it; return whether the rest is next."""
        if not self.watch.canary_over(now):
            return False
        self._intake.begin(now)
        return True

    @property
    def next_page(self) -> float | None:
        """When the ledger may have more for us; None while we hold enough, or where it has nobody."""
        return self._intake.next_page

    def fill(self, now: float) -> None:
        """Take in from the ledger who is due, as long as no more than a window of the list is here."""
        self._intake.fill(now)

    def balance(self) -> None:
        """The hosts of a domain were found, or serve nobody: the window is to be looked at again."""
        self._intake.look_again()

    @property
    def waits(self) -> bool:
        """Whether anybody waits for a try, here or in the ledger."""
        return self.states[State.PENDING] + self.states[State.DEFERRED] > 0

    def take(self, queue: Queue, now: float, size: int) -> list[Waiting]:
        """Give out at most `size` recipients that are due; whose lifetime is over is settled on the way."""
        self.lapse(now)
        batch = queue.agenda.take(now, size)
        if batch and self._intake.hungry:
            self._ring()
        return batch

    def put_back(self, batch: Sequence[Waiting]) -> None:
        """Take back recipients for whom nothing was tried."""
        for waiting in batch:
            self.queues.add(waiting)

    async def intend(self, intent: Intent, accepted: Sequence[str]) -> None:
        """Write down that the final dot is about to leave for `accepted`."""
        await self.ledger.intend(intent, partial(self._log_intent, intent, accepted))

    def _log_intent(self, intent: Intent, accepted: Sequence[str]) -> None:
        self.log.emit(
            "transaction.intent",
            intent.at,
            session=intent.session,
            transaction=intent.transaction,
            recipients=list(accepted),
        )

    async def conclude(self, batch: Sequence[Waiting], rulings: Sequence[Ruling], go: Try) -> list[Waiting]:
        """Write down what a try came to for each of its recipients; return those to be tried again in its session.

        Everybody else who is to be tried again is back on the agenda if that is soon, else only in the ledger.
        """
        entries = [self._entry(waiting, ruling, go) for waiting, ruling in zip(batch, rulings, strict=True)]
        pause = self.watch.verdict(rulings, go.ended)
        paused = await self.ledger.record(entries, pause)
        again = []
        for waiting, ruling, entry in zip(batch, rulings, entries, strict=True):
            self._log_attempt(waiting, ruling, entry, go)
            self._moved(waiting.standing.state, entry.standing.state)
            if ruling.again:
                again.append(waiting.at(entry.standing))
            elif entry.kept:
                self.queues.add(waiting.at(entry.standing))
            else:
                self._intake.given_back(entry.standing.due)
            if ruling.verdict is not Verdict.RELEASED:
                self._intake.served(waiting)
        if pause is not None:
            self.watch.called(pause, go.ended, first=paused)
        return again

    def _entry(self, waiting: Waiting, ruling: Ruling, go: Try) -> Entry:
        policy, seed = self.campaign.retry, self.campaign.seed
        standing = after(waiting.standing, ruling, policy, started=go.started, now=go.ended, seed=seed)
        record = _record(  # for more than 15 names in a call Python makes a dictionary, each time
            waiting.address,
            standing.attempts,
            self.ledger.run,
            go.session,
            go.transaction,
            go.started,
            go.ended,
            ruling.verdict,
            standing.state,
            ruling.scope,
            stage=ruling.stage,
            row=ruling.row,
            counted=ruling.counted,
            reply=ruling.reply,
            fault=ruling.fault,
            detail=ruling.detail,
            until=standing.due if standing.state is State.DEFERRED else None,
            account=go.account,
            host=go.host,
            override=ruling.override,
        )
        soon = standing.due is not None and standing.due <= go.ended + AHEAD
        return _entry(waiting.key, record, standing, kept=ruling.again or soon)

    def _log_attempt(self, waiting: Waiting, ruling: Ruling, entry: Entry, go: Try) -> None:
        self.attempts += 1
        delay = go.ended - waiting.queued_at
        self.log.attempt(
            go.ended,
            ruling,
            session=go.session,
            transaction=go.transaction,
            number=entry.attempt.number,
            state=entry.standing.state,
            relay=go.relay,
            account=go.account,
            host=go.host,
            delay=delay if delay > 0 else 0.0,  # the clock may have been put back since
            until=entry.attempt.until,
        )

    def lapse(self, now: float) -> None:
        """Settle everybody whose lifetime ended before their next try could begin."""
        for queue, over in self.queues.lapsed(now):
            self._settle(over, partial(lapsed, why_untried=f"{queue.name} was not to be had all the time"), now)

    def hold(self, queue: Queue, reason: str, now: float) -> None:
        """Hold everybody who waits in a queue: our own set-up is at fault, and nobody is to be burnt for it."""
        everybody = queue.agenda.clear()
        if everybody:
            self._settle(everybody, lambda standing: held(standing, reason), now)

    def keep_waiting(self, queue: Queue, now: float, *, left_alone: bool) -> None:
        """The host would not have us: whoever is due waits for it, but not for longer than a lifetime."""
        self._intake.kept_waiting(queue, now)
        change = partial(kept_waiting, policy=self.campaign.retry, at=now, left_alone=left_alone)
        changed = queue.agenda.change(now, change)
        if changed:
            self.queues.bound(queue)
            self.ledger.settle(changed)
        if left_alone:
            self.lapse(nextafter(now, inf))  # nothing else would happen before the host is asked again

    def learn(self, lesson: Lesson) -> None:
        """Write down what a destination taught."""
        self.ledger.learn(lesson)
        taught = {"response": response(lesson.reply)} if lesson.reply else {}
        self.log.emit(
            "limit.learned",
            lesson.at,
            relay=lesson.destination,
            limit=lesson.kind.value,
            value=round(lesson.value, 3),
            **taught,
        )

    def _settle(self, who: Sequence[Waiting], change: Callable[[Standing], Standing], now: float) -> None:
        moved = [waiting.at(change(waiting.standing)) for waiting in who]
        self.ledger.settle(moved)
        self._intake.gone(len(moved))
        for old, new in zip(who, moved, strict=True):
            self._moved(old.standing.state, new.standing.state)
            self._log_settled(new, now)

    def _log_settled(self, waiting: Waiting, now: float) -> None:
        standing = waiting.standing
        self.log.emit(
            "recipient.held" if standing.state is State.HELD else "recipient.expired",
            now,
            recipient=waiting.address,
            state=standing.state.value,
            attempts=standing.attempts,
            reason=standing.reason,
        )

    def _moved(self, before: State, now: State) -> None:
        self.states[before] -= 1
        self.states[now] += 1
