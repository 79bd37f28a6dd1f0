"""The course of a campaign with events: runs of the sender on one ledger, and what is done between them.

Rule 1: everything is as with `maildrill send` and its sister commands: the same ledger, the same log, one after the
other. Rule 2: the last run, to the end, is left to whoever asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maildrill.scenarios.death import Death, let_die
from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.oracles import Life, Setback
from maildrill.scenarios.roll import Roll
from maildrill.scenarios.servers import Servers
from maildrill.scenarios.world import World
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ending import Ending, ending_of
from maildrill.sender.ledger import Durability, RecipientRecord, open_ledger, read_ledger
from maildrill.sender.ledger.opening import change_ledger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.sender.log_sinks import Sink
from maildrill.sender.operation import Moved, as_said, can_be_settled, move, settle
from maildrill.sender.review.moving import SETTLED, TEMPORARY, Choice, brought_forward, taken_back
from maildrill.sender.review.selection import address_pattern
from maildrill.sender.runner import Runner, RunSummary
from maildrill.sender.standing import Standing

_RESTART = 60.0  # seconds until somebody starts a sender again that has died

#: Makes the runner of one run: of this ledger, for these rows, until `stop` is set.
MakeRunner = Callable[[SqliteLedger, Sequence[Row], asyncio.Event], Runner]
_Change = Callable[[RecipientRecord, float], Standing | None]


class Gate:
    """Lets events through to sinks, numbered anew, as long as whoever says them lives."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.death: Death | None = None
        self._sinks = sinks
        self.number = 0

    def take(self, number: int, at: float, kind: str, fields: Mapping[str, object]) -> None:  # noqa: ARG002 - a sink
        """Hand on one event, with a number of our own."""
        if self.death is None or not self.death.dead:
            self.number += 1
            for sink in self._sinks:
                sink.take(self.number, at, kind, fields)

    def flush(self) -> None:
        """Flush all sinks."""
        for sink in self._sinks:
            sink.flush()

    def close(self) -> None:
        """Close all sinks."""
        for sink in self._sinks:
            sink.close()


@dataclass(slots=True, kw_only=True)
class Course:
    """All runs but the last. file: the ledger, another one after a death; in memory (None) only without events.

    connections: sessions begun so far. deeds: whether there are events at all; durability: of the ledger without them,
    for where nobody looks at the file meanwhile, and nothing dies, one commit at the end will do.
    """

    campaign: Campaign
    world: World
    servers: Servers
    file: Path | None
    roll: Roll
    log: ConnectionLog
    gate: Gate
    runner: MakeRunner
    deeds: bool = True
    durability: Durability = Durability.NONE
    lives: list[Life] = field(default_factory=list)
    setbacks: list[Setback] = field(default_factory=list)
    connections: int = 0
    _told: int = 0
    _deaths: int = 0

    async def play(self, events: Sequence[Event]) -> None:
        """Let all events happen, each at its time or as soon as those before it have."""
        began = self.world.clock.now()
        for event in sorted(events, key=lambda one: one.at):
            moment = began + event.at
            if event.do is Deed.KILL:
                await self._until_death(moment, event.number)
                continue
            if self.world.clock.now() < moment:
                await self._until(moment)
                await self.world.clock.sleep(moment - self.world.clock.now())
            self._do(event)

    def opened(self) -> SqliteLedger:
        """Open the ledger for a run, and log who was set aside since the last one."""
        durability = Durability.PROCESS if self.deeds else self.durability
        ledger = open_ledger(self.file, self.campaign, at=self.world.clock.now(), durability=durability)
        if durability is Durability.NONE:
            ledger.write_singly()
        for row in self.roll.set_aside[self._told :]:
            self.log.set_aside(self.world.clock.now(), row)
        self._told = len(self.roll.set_aside)
        return ledger

    async def _until(self, moment: float) -> None:
        """Run the sender, and ask it to stop at a moment."""
        ledger, stop, clock = self.opened(), asyncio.Event(), self.world.clock
        began = clock.now()

        async def ask() -> None:
            await clock.sleep(moment - began)
            stop.set()

        asking = asyncio.create_task(ask(), name="operator")
        try:
            run = await self.runner(ledger, self.roll.handed_out(), stop).run()
        finally:
            asking.cancel()
            ledger.close()
        self._lived(ledger.run, run)

    async def _until_death(self, moment: float, number: int) -> None:
        """Run the sender until it dies, or until it has nothing more to do."""
        self._deaths += 1
        world, file = self.world, self._file
        left = file.parent / f"left-{self._deaths}"
        ledger = self.opened()
        death = Death(
            number, file, left, lambda: world.loop.switchboard.cut("client"), lambda: world.clock.now() >= moment
        )
        self.gate.death, world.loop.tap = death, death.landed
        let_die(world.loop)
        began, earlier = world.clock.now(), {row.address for row in self.roll.ever}
        running = asyncio.create_task(self.runner(death.watched(ledger), self.roll.handed_out(), asyncio.Event()).run())
        either: list[asyncio.Future[Any]] = [running, death.over]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = world.clock.now()
            running.cancel()
            await asyncio.wait([running])
            world.loop.tap = None
            ledger.close()
        if death.dead:
            if not running.cancelled():
                running.exception()  # whatever the dying have to say
            self.file = left / file.name
            known = self._lived(ledger.run, None, began, ended)
            self.roll.forget({row.address for row in self.roll.ever} - earlier - known)
            await world.clock.sleep(_RESTART)  # what was under way lands
        else:
            self._lived(ledger.run, running.result())
        self.gate.death = None

    def broken_off(self, began: float) -> RunSummary:
        """Return what a drill came to that was broken off, all runs together; began: when (Unix seconds)."""
        begun, now = self.world.loop.switchboard.placed, self.world.clock.now()
        more = begun - self.connections
        return RunSummary(started=began, ended=now, connections=more, attempts=0, states={}, stopped=True)

    def _lived(self, number: int, run: RunSummary | None, began: float = 0.0, ended: float = 0.0) -> set[str]:
        """Note what a run has left, and return whom it knew; run: None where it died, then when it lived."""
        with closing(read_ledger(self._file)) as book:
            records = list(book.recipients())
        self.connections += 0 if run is None else run.connections
        self.lives.append(
            Life(
                number=number,
                began=began if run is None else run.started,
                ended=ended if run is None else run.ended,
                crashed=run is None,
                intents=frozenset(record.address for record in records if record.state is State.INFLIGHT),
                waiting=sum(record.state in TEMPORARY for record in records),
                stopped_at=run.ended if run is not None and run.stopped else None,
                ending=None if run is None else Ending.PAUSED if run.pause is not None else ending_of(records),
            )
        )
        return {record.address for record in records}

    def _do(self, event: Event) -> None:
        """Do what an operator does while no sender runs; what there is nobody for is not done."""
        match event.do:
            case Deed.ADD:
                self.roll.add(event.whom)
            case Deed.REMOVE:
                self.roll.remove(event.whom)
            case Deed.SUPPRESS:
                self.roll.suppress(event.whom)
            case Deed.CLOCK:
                self._put_clock(event.by)
            case Deed.RETRY:
                self._move(event, TEMPORARY, brought_forward)
            case Deed.REQUEUE:
                self._move(event, SETTLED, taken_back)
            case Deed.SETTLE:
                self._settle(event)

    def _put_clock(self, by: float) -> None:
        """Put the clock to another time; where it is put back, note what was before."""
        servers = self.servers
        servers.clock_put()
        self.world.clock.jump(by)
        if by < 0:
            setback = Setback(
                by=-by,
                run=max((life.number for life in self.lives), default=0),
                event=self.gate.number,
                asked=len(servers.asked()),
                taken=len(servers.taken()),
                deaths=sum(life.crashed for life in self.lives),
                connected=servers.connected(),
            )
            self.setbacks.append(setback)

    def _move(self, event: Event, states: tuple[State, ...], change: _Change) -> None:
        """As the commands `retry` and `requeue`."""
        whom = (address_pattern(event.whom),) if event.whom else ()
        choice, now = Choice(states=states, addresses=whom), self.world.clock.now()
        with self._book() as book:
            changed = ((one, change(one, now)) for one in book.recipients() if one in choice)
            moved = [Moved(one, standing) for one, standing in changed if standing is not None]
            move(book, self.log, moved, at=now, by=event.do.value)

    def _settle(self, event: Event) -> None:
        """As the command `settle`; the operator who says nothing of his own has asked the server."""
        now = self.world.clock.now()
        with self._book() as book:
            record = book.find(event.whom)
            if record is not None and can_be_settled(record):
                said = event.said or ("delivered" if self._has(record) else "retry")
                settle(book, self.log, [as_said(record, said, now)], at=now, by=event.do.value)

    @property
    def _file(self) -> Path:
        assert self.file is not None  # noqa: S101 - there are events
        return self.file

    def _has(self, record: RecipientRecord) -> bool:
        return any(one.committed and record.address in one.recipients for one in self.servers.taken())

    @contextmanager
    def _book(self) -> Iterator[SqliteLedger]:
        if not self._file.exists():  # nothing was sent yet
            self.opened().close()
        with closing(change_ledger(self._file)) as book:
            yield book
