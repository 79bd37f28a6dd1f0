"""Run a campaign: open sessions while there is work and the relay bears them, wait when there is none.

Rule 1: all that is known is in the ledger; the runner may die at any moment. Rule 2: a stop request ends sessions
between commands, and never a transaction whose final dot has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil

from maildrill.sender.attempt import Broken, State
from maildrill.sender.campaign import Campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.desk import Desk
from maildrill.sender.gate import Gate
from maildrill.sender.lane import Lane, Shop
from maildrill.sender.ledger import Ledger
from maildrill.sender.letters import Letters
from maildrill.sender.lists import Row
from maildrill.sender.message import Composer, message_id
from maildrill.sender.opener import Opener, OpenSession
from maildrill.sender.pacing.pace import Pace
from maildrill.sender.session import open_session
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Clock, Line

_NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a run came to. started, ended: Unix seconds of its clock. connections: sessions begun.

    attempts: tries, uncounted ones included. stopped: asked to stop while there was work left.
    """

    started: float
    ended: float
    connections: int
    attempts: int
    states: Mapping[State, int]
    stopped: bool


class Runner:
    """One run of one campaign; `await run()` once.

    rows: the list. stop: set it to end the run early. local_hostname: what we call ourselves in EHLO (RFC 5321
    section 4.1.1.1).
    """

    def __init__(  # noqa: PLR0913 - everything that a run touches is given, so that a drill can give its own
        self,
        campaign: Campaign,
        rows: Sequence[Row],
        composer: Composer,
        ledger: Ledger,
        *,
        clock: Clock,
        log: ConnectionLog,
        stop: asyncio.Event | None = None,
        opener: Opener = open_session,
        deadlines: Deadlines | None = None,
        local_hostname: str = "[127.0.0.1]",
    ) -> None:
        relay = f"{campaign.account.host}:{campaign.account.port}"
        self._campaign = campaign
        self._rows = rows
        self._clock = clock
        self._log = log
        self._stop = stop or asyncio.Event()
        self._opener = opener
        self._deadlines = deadlines or Deadlines()
        self._local_hostname = local_hostname
        self._bell = asyncio.Event()
        self._desk = Desk(campaign, ledger, log, relay)
        limits = campaign.limits
        pace = Pace(limits.rate, limits.burst)
        self._gate = Gate(relay, pace, log, self._bell.set, connections=limits.connections)
        self._shop = Shop(
            desk=self._desk,
            gate=self._gate,
            letters=Letters(campaign, composer, ledger),
            clock=clock,
            stopping=lambda: self._stopping,
            connect=self._connect,
            opened=lambda: sum(lane.opened for lane in self._lanes.values()),
            added=self._added,
        )
        self._lanes: dict[asyncio.Task[None], Lane] = {}
        self._stopping = False
        self._sessions = 0
        self._alarm = _NEVER  # when the runner will look again by itself

    async def run(self) -> RunSummary:
        """Send until nobody waits any more, or until asked to stop; return what it came to.

        Raises LedgerError when the ledger cannot be written, ConfigurationError for a message that cannot be made.
        """
        started = self._clock.now()
        self._desk.open(self._rows, partial(message_id, self._campaign), started)
        stopping = asyncio.create_task(self._stop_lanes(), name="maildrill stop")
        try:
            while not self._stopping:
                self._bell.clear()
                now = self._clock.now()
                self._desk.lapse(now)
                self._open_lanes(now)
                if not self._lanes and not self._desk.agenda:
                    break
                await self._wait(now)
                self._reap()
        finally:
            stopping.cancel()
            await self._end_lanes()
            await asyncio.wait([stopping])
        return self._ended(started)

    def _open_lanes(self, now: float) -> None:
        """Begin as many sessions as there is work for, within the limits."""
        desk, gate = self._desk, self._gate
        wanted = ceil(desk.agenda.ready(now) / desk.size)
        if self._campaign.limits.rate is not None:
            wanted = min(wanted, 1 if gate.pace.wait(now) <= 0 else 0)
        idle = sum(lane.idle for lane in self._lanes.values())
        while (
            idle < wanted
            and len(self._lanes) < self._campaign.limits.connections
            and gate.allows(now, len(self._lanes))
        ):
            self._sessions += 1
            lane = Lane(self._shop, self._sessions)
            task = asyncio.create_task(lane.run(), name=f"maildrill session {self._sessions}")
            task.add_done_callback(lambda _: self._bell.set())
            self._lanes[task] = lane
            idle += 1

    def _next_moment(self, now: float) -> float | None:
        """Return when another session may be wanted by the passing of time alone, or None."""
        agenda, gate = self._desk.agenda, self._gate
        if len(self._lanes) >= self._campaign.limits.connections:
            return None
        hindered = [gate.pace.wait(now) + now]
        if not gate.allows(now, len(self._lanes)):
            opens_at = gate.breaker.next_moment(now)
            if opens_at is None:
                return None
            hindered.append(opens_at)
        hindrance = max(hindered)
        moments = [at for at in (agenda.next_due(), agenda.next_later()) if at is not None]
        return min((at for at in (max(moment, hindrance) for moment in moments) if at > now), default=None)

    async def _wait(self, now: float) -> None:
        """Wait for a lane to end, for the gate to change, for the next moment, or for the stop."""
        moment = self._next_moment(now)
        full = len(self._lanes) >= self._campaign.limits.connections
        self._alarm = -_NEVER if full else _NEVER if moment is None else moment
        if moment is None:
            await self._bell.wait()
            return
        if not self._lanes:
            self._log.emit("run.waited", now, until=moment)
        timer = asyncio.create_task(self._clock.sleep(moment - now), name="maildrill timer")
        timer.add_done_callback(lambda task: None if task.cancelled() else self._bell.set())
        try:
            await self._bell.wait()
        finally:
            timer.cancel()

    def _reap(self) -> None:
        """Forget lanes that ended; raises what one of them raised."""
        for task in [task for task in self._lanes if task.done()]:
            del self._lanes[task]
            if not task.cancelled():  # stopped before its first step
                task.result()

    async def _stop_lanes(self) -> None:
        """Wait for the stop request, then ask all lanes to end."""
        await self._stop.wait()
        self._log.emit("run.stopping", self._clock.now(), reason="asked to stop")
        self._tell_lanes()
        self._bell.set()

    def _tell_lanes(self) -> None:
        """Ask the lanes to end, once: a second time would break off their goodbye."""
        if not self._stopping:
            self._stopping = True
            for task in self._lanes:
                task.cancel()

    async def _end_lanes(self) -> None:
        """Ask all lanes to end and wait for them: none leaves a transaction whose dot has left."""
        self._tell_lanes()
        if self._lanes:
            await asyncio.wait(self._lanes)
        self._reap()

    async def _connect(self, on_line: Callable[[Line], None]) -> OpenSession | Broken:
        return await self._opener(
            self._campaign.account,
            clock=self._clock,
            deadlines=self._deadlines,
            on_line=on_line,
            local_hostname=self._local_hostname,
        )

    def _added(self) -> None:
        """Ring if somebody becomes due sooner than we are going to look."""
        due = self._desk.agenda.next_later()
        if due is not None and due < self._alarm:
            self._bell.set()

    def _ended(self, started: float) -> RunSummary:
        desk, now = self._desk, self._clock.now()
        stopped = self._stop.is_set() and len(desk.agenda) > 0
        desk.ledger.ended(now)
        states = {state: count for state, count in desk.ledger.counts().items() if count}
        self._log.emit(
            "run.ended",
            now,
            reason="stopped" if stopped else "done",
            states={state.value: count for state, count in states.items()},
            connections=self._sessions,
            attempts=desk.attempts,
        )
        return RunSummary(
            started=started,
            ended=now,
            connections=self._sessions,
            attempts=desk.attempts,
            states=states,
            stopped=stopped,
        )
