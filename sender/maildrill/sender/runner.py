"""Run a campaign: open sessions while there is work and its destinations bear them, wait when there is none.

Rule 1: all that is known is in the ledger; the runner may die at any moment. Rule 2: a stop request ends sessions
between commands, and never a transaction whose final dot has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from maildrill.sender.attempt import Broken, State
from maildrill.sender.campaign import Account, Campaign, UnusableMx
from maildrill.sender.canary import Canary
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.content import PLAIN, Caution
from maildrill.sender.desk import Desk
from maildrill.sender.destination import Destination
from maildrill.sender.dispatch import Dispatch
from maildrill.sender.lane import Lane
from maildrill.sender.ledger import Ledger, Pause
from maildrill.sender.letters import Letters
from maildrill.sender.lists import Row
from maildrill.sender.message import Composer
from maildrill.sender.opener import Opener, OpenSession
from maildrill.sender.queues import Queues
from maildrill.sender.roll import end_run
from maildrill.sender.route.map import ways_of
from maildrill.sender.route.resolver import Resolver
from maildrill.sender.session import opener as sessions
from maildrill.sender.setup.published import Fetcher
from maildrill.sender.share import WHOLE, Share
from maildrill.sender.shop import Shop
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Clock, OnSaid


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a run came to. started, ended: Unix seconds of its clock. connections: sessions begun.

    attempts: tries, uncounted ones included. stopped: asked to stop while there was work left. pause: the campaign is
    paused. canary: what came of it, once nobody of it waits any more.
    """

    started: float
    ended: float
    connections: int
    attempts: int
    states: Mapping[State, int]
    stopped: bool
    pause: Pause | None = None
    canary: Canary | None = None


class Runner:
    """One run of one campaign; `await run()` once.

    rows: the list. stop: set it to end the run early. local_hostname: what we call ourselves in EHLO (RFC 5321
    section 4.1.1.1). resolver: who answers for the DNS; None: the real one, where the campaign needs any.
    fetcher: who fetches policies of MTA-STS; None: the web where the DNS is the real one, nobody where it is not.
    caution: a canary first; whether to go on after a pause. share: what is this process's of a run that several share;
    where it is not the whole, whoever began the run took in the list, and writes down when it is over.
    """

    def __init__(  # noqa: PLR0913 - everything that a run touches is given, so that a drill can give its own
        self,
        campaign: Campaign,
        rows: Iterable[Row],
        composer: Composer,
        ledger: Ledger,
        *,
        clock: Clock,
        log: ConnectionLog,
        stop: asyncio.Event | None = None,
        opener: Opener | None = None,
        deadlines: Deadlines | None = None,
        local_hostname: str = "[127.0.0.1]",
        resolver: Resolver | None = None,
        fetcher: Fetcher | None = None,
        caution: Caution = PLAIN,
        share: Share = WHOLE,
    ) -> None:
        self._campaign = campaign
        self._share = share
        self._rows = rows
        self._clock = clock
        self._log = log
        self._stop = stop or asyncio.Event()
        self._opener = opener or sessions()
        self._deadlines = deadlines or Deadlines()
        self._local_hostname = local_hostname
        self._bell = asyncio.Event()
        self._queues = Queues()
        self._desk = Desk(campaign, ledger, log, self._queues, self._bell.set)
        self._desk.watch.on_pause = self._halt
        self._caution = caution
        self._ways = ways_of(
            campaign,
            self._queues,
            ledger,
            log,
            open_session=self._open,
            resolver=resolver,
            fetcher=fetcher,
            clock=clock,
            own_names=frozenset({local_hostname.lower()}),
            changed=self._changed,
        )
        self._shop = Shop(
            desk=self._desk,
            ways=self._ways,
            letters=Letters(campaign, composer, ledger),
            clock=clock,
            stopping=lambda: self._stopping,
            crowded=self._crowded,
            number=self._number,
            unusable_fails=campaign.route.unusable_mx is UnusableMx.FAIL,
        )
        self._dispatch = Dispatch(self._shop, campaign.limits.connections, self._bell.set, share)
        self._queues.name_of = self._ways.name_of
        self._queues.site_of = self._ways.site_of
        self._queues.turns_of = self._ways.turns_of
        self._queues.changed = self._dispatch.queue_changed
        self._stopping = False

    async def run(self) -> RunSummary:
        """Send until nobody waits any more, until asked to stop or until paused; return what it came to.

        Raises LedgerError when the ledger cannot be written, ConfigurationError for a message that cannot be made.
        """
        started = self._clock.now()
        if self._share.whole:
            self._desk.open(self._rows, started, self._caution)
        else:
            self._desk.join(started)
        stopping = asyncio.create_task(self._stop_lanes(), name="maildrill stop")
        renewing = self._renewing()
        try:
            while not self._stopping:
                self._bell.clear()
                now = self._clock.now()
                self._desk.fill(now)
                self._desk.lapse(now)
                self._dispatch.serve(now)
                if not self._dispatch.busy and not self._queues and self._desk.next_page is None:
                    if self._desk.canary_over(now):
                        continue
                    break
                await self._wait(now)
                if renewing and renewing.done():
                    renewing.result()
                self._dispatch.reap()
        finally:
            stopping.cancel()
            await self._end_lanes()
            if renewing:
                renewing.cancel()  # not before: a dot may be waiting for its reply
            await asyncio.wait([stopping, *([renewing] if renewing else [])])
        return self._ended(started)

    async def _wait(self, now: float) -> None:
        """Wait for a session to end, for a gate to change, for the next moment, or for the stop."""
        moments = [at for at in (self._dispatch.next_moment(), self._desk.next_page) if at is not None]
        moment = min(moments, default=None)
        if moment is None:
            await self._bell.wait()
            return
        if not self._dispatch.busy:
            self._log.emit("run.waited", now, until=moment)
        timer = asyncio.create_task(self._clock.sleep(moment - now), name="maildrill timer")
        timer.add_done_callback(lambda task: None if task.cancelled() else self._bell.set())
        try:
            await self._bell.wait()
        finally:
            timer.cancel()

    async def _stop_lanes(self) -> None:
        """Wait for the stop request, then ask all lanes to end."""
        await self._stop.wait()
        if self._share.whole:
            self._log.emit("run.stopping", self._clock.now(), reason="asked to stop")
        self._tell_lanes()
        self._bell.set()

    def look(self) -> None:
        """See if another process has paused the campaign."""
        self._desk.watch.look(self._clock.now())

    def _halt(self) -> None:
        """The campaign is paused: have all lanes end, as a stop request does."""
        self._tell_lanes()
        self._bell.set()

    def _renewing(self) -> asyncio.Task[None] | None:
        """Begin to renew the leases on recipients, where the ledger wants that."""
        seconds = self._desk.ledger.renewal
        if seconds is None:
            return None
        renewing = asyncio.create_task(self._renew_leases(seconds), name="maildrill leases")
        renewing.add_done_callback(lambda _: self._bell.set())
        return renewing

    async def _renew_leases(self, seconds: float) -> None:
        while True:
            await self._clock.sleep(seconds)
            await self._desk.ledger.renew()
            self._desk.watch.look(self._clock.now())

    def _tell_lanes(self) -> None:
        """Ask the lanes to end, once: a second time would break off their goodbye."""
        if not self._stopping:
            self._stopping = True
            self._dispatch.cancel()

    async def _end_lanes(self) -> None:
        """Ask all lanes to end and wait for them: none leaves a transaction whose dot has left."""
        self._tell_lanes()
        await self._dispatch.wait()
        self._dispatch.reap()

    async def _open(self, account: Account, on_said: OnSaid) -> OpenSession | Broken:
        return await self._opener(
            account,
            clock=self._clock,
            deadlines=self._deadlines,
            on_said=on_said,
            local_hostname=self._local_hostname,
        )

    def _number(self) -> int:
        return self._dispatch.number()

    def _crowded(self, lane: Lane) -> bool:
        return self._dispatch.crowded(lane)

    def _changed(self, destination: Destination) -> None:
        self._dispatch.changed(destination)

    def _ended(self, started: float) -> RunSummary:
        desk, now = self._desk, self._clock.now()
        stopped = self._stop.is_set() and desk.waits
        reason = "stopped" if stopped else "canary" if desk.watch.canary and desk.waits else "done"
        states: Mapping[State, int] = {}
        if self._share.whole:
            states = end_run(
                desk.ledger,
                self._log,
                now,
                reason="paused" if desk.watch.pause else reason,
                connections=self._dispatch.sessions,
                attempts=desk.attempts,
            )
        return RunSummary(
            started=started,
            ended=now,
            connections=self._dispatch.sessions,
            attempts=desk.attempts,
            states=states,
            stopped=stopped,
            pause=desk.watch.pause,
            canary=desk.watch.canary,
        )
