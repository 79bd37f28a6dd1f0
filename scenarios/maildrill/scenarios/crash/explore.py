"""All deaths of a drill: one run that counts what happens, then a world for each event, in which the sender dies there.

In each a second sender goes on with what the first has left, on the same network, against the same server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from maildrill.fakeserver.journal.record import Entry, Message
from maildrill.scenarios.crash.torn import torn
from maildrill.scenarios.death import Death, DiedError, Point, let_die, scratch
from maildrill.scenarios.drill import Plan
from maildrill.scenarios.drill_accounts import in_a_drill, nonces
from maildrill.scenarios.oracles import Evidence, Life, Lives
from maildrill.scenarios.servers import Servers, cast
from maildrill.scenarios.world import World, run_world
from maildrill.sender.attempt import State
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ending import Ending, ending_of
from maildrill.sender.ledger import AttemptRecord, Durability, RecipientRecord, open_ledger, read_ledger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import RecipientList, read_list
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_sinks import Memory
from maildrill.sender.message import Composer
from maildrill.sender.review.moving import TEMPORARY
from maildrill.sender.runner import Runner
from maildrill.sender.session import opener
from maildrill.sender.watch import standing_pause

_RESTART = 60.0  # seconds until somebody starts the sender again


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """The ledger as a death has left it, or a life. intended: the recipients for whom a dot was about to leave.

    paused: the campaign was paused, and no operator had lifted that.
    """

    recipients: tuple[RecipientRecord, ...]
    attempts: tuple[AttemptRecord, ...]
    intended: frozenset[str]
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """A drill in which the sender died once: what was left then, and what came of it all in the end.

    died_at, reborn_at: Unix seconds. remains: None where the ledger was not there yet. paused: so it was in the end.
    events: of the second run. entries, messages: of all servers.
    """

    plan: Plan
    listed: tuple[str, ...]
    point: Point
    died_at: float
    reborn_at: float
    remains: Remains | None
    recipients: tuple[RecipientRecord, ...]
    attempts: tuple[AttemptRecord, ...]
    events: tuple[LogEvent, ...]
    entries: tuple[Entry, ...]
    messages: tuple[Message, ...]
    lives: Lives
    paused: bool = False


def deaths_of(plan: Plan) -> tuple[Point, ...]:
    """Return where the sender of a drill may die: before and after each write of its ledger, as octets land."""
    with scratch() as folder:
        events = run_world(_Lives(plan, 0, Path(folder)).count, network=plan.network)
    return tuple(Point(number, what) for number, what in enumerate(events, 1))


def die_at(plan: Plan, point: Point) -> Explored:
    """Let the sender die there, and another go on; nothing is judged yet."""
    with scratch() as folder:
        found = run_world(_Lives(plan, point.number, Path(folder)).play, network=plan.network)
    return replace(found, point=point)


class _Lives:
    """One or two lives of the sender in a world."""

    def __init__(self, plan: Plan, at: int, folder: Path) -> None:
        campaign = plan.campaign if plan.seed is None else replace(plan.campaign, seed=plan.seed)
        campaign, self._settings = in_a_drill(campaign, plan.script, plan.hosts)
        self._plan = replace(plan, campaign=campaign)
        self._at = at
        self._file = folder / "first" / "campaign.ledger"
        self._left = folder / "left"
        self._list: RecipientList = plan.recipients or read_list(campaign)
        self._composer = Composer(campaign)
        self._file.parent.mkdir()

    async def count(self, world: World) -> list[str]:
        """Return all that happens in a life without a death."""
        death, servers = await self._begin(world)
        await self._live(world, death, servers, Memory(), self._file)
        await servers.stop()
        return death.events

    async def play(self, world: World) -> Explored:
        """Return what comes of a death and of a second life."""
        death, servers = await self._begin(world)
        let_die(world.loop)
        first = asyncio.ensure_future(self._live(world, death, servers, Memory(), self._file))
        await asyncio.wait([first, death.over], return_when=asyncio.FIRST_COMPLETED)
        died_at = world.clock.now()
        first.cancel()
        await asyncio.wait([first])
        if not first.cancelled():
            first.exception()  # whatever the dying have to say
        await world.clock.sleep(_RESTART)  # what was under way lands
        reborn_at = world.clock.now()
        world.loop.tap = None
        left = self._left / self._file.name
        tails = tuple(torn(left)) if left.exists() else ()
        remains = _remains(left) if left.exists() else None
        log = Memory()
        left.parent.mkdir(exist_ok=True)
        await self._live(world, None, servers, log, left)
        final = _remains(left)
        whole = self._evidence(final, servers, log)
        await servers.stop()
        journals = [server.journal for server in servers.by_host.values()]
        return Explored(
            plan=self._plan,
            listed=tuple(row.address for row in self._list.recipients),
            point=Point(self._at),
            died_at=died_at,
            reborn_at=reborn_at,
            remains=remains,
            recipients=final.recipients,
            attempts=final.attempts,
            events=tuple(log.events),
            entries=tuple(entry for journal in journals for entry in journal.entries),
            messages=tuple(message for journal in journals for message in journal.messages),
            lives=Lives(lives=_lived(died_at, reborn_at, remains, final, world.clock.now()), whole=whole, torn=tails),
            paused=final.paused,
        )

    def _evidence(self, final: Remains, servers: Servers, log: Memory) -> Evidence:
        """Return what witnesses say in the end; the log is that of the second life."""
        return Evidence(
            campaign=self._plan.campaign,
            imported=tuple(row.address for row in self._list.recipients),
            recipients=final.recipients,
            attempts=final.attempts,
            events=tuple(log.events),
            asked=servers.asked(),
            taken=servers.taken(),
            severed=servers.severed(),
            unroutable=servers.unroutable(),
            connected=servers.connected(),
            composed=lambda _: b"",  # nobody asks: what was sent is compared with what was sent
        )

    async def _begin(self, world: World) -> tuple[Death, Servers]:
        plan = self._plan
        playing = cast(plan.campaign, plan.script, plan.hosts, plan.dns)
        servers = Servers(playing, plan.campaign, world.clock, plan.seed, self._settings)
        await servers.start()
        death = Death(self._at, self._file, self._left, lambda: world.loop.switchboard.cut("client"))
        world.loop.tap = death.landed
        return death, servers

    async def _live(self, world: World, death: Death | None, servers: Servers, sink: Memory, file: Path) -> None:
        ledger: SqliteLedger = open_ledger(
            file, self._plan.campaign, at=world.clock.now(), durability=Durability.PROCESS
        )
        try:
            with ConnectionLog(sink) as log:
                await Runner(
                    self._plan.campaign,
                    self._list.recipients,
                    self._composer,
                    ledger if death is None else death.watched(ledger),
                    clock=world.clock,
                    log=log,
                    stop=asyncio.Event(),
                    opener=opener(nonces(self._plan.campaign.seed)),
                    resolver=servers.resolver,
                ).run()
        except DiedError:
            pass
        finally:
            ledger.close()


def _remains(file: Path) -> Remains:
    book = read_ledger(file)
    try:
        recipients = tuple(book.recipients())
        return Remains(
            recipients=recipients,
            attempts=tuple(book.attempts()),
            intended=_intended(recipients),
            paused=standing_pause(book) is not None,
        )
    finally:
        book.close()


def _lived(died_at: float, reborn_at: float, remains: Remains | None, final: Remains, ended: float) -> tuple[Life, ...]:
    """Return both runs; only the second one where the first had written nothing yet."""
    first = () if remains is None else (_life(1, 0.0, died_at, remains, crashed=True),)
    return (*first, _life(len(first) + 1, reborn_at, ended, final))


def _life(number: int, began: float, ended: float, left: Remains, *, crashed: bool = False) -> Life:
    waiting = sum(record.state in TEMPORARY for record in left.recipients)
    ending = None if crashed else Ending.PAUSED if left.paused else ending_of(left.recipients)
    return Life(
        number=number,
        began=began,
        ended=ended,
        crashed=crashed,
        intents=left.intended,
        waiting=waiting,
        ending=ending,
    )


def _intended(recipients: Iterable[RecipientRecord]) -> frozenset[str]:
    return frozenset(record.address for record in recipients if record.state is State.INFLIGHT)


def spread(points: tuple[Point, ...], most: int) -> tuple[Point, ...]:
    """Return at most so many of the points, evenly spread, the first and the last of them included."""
    if len(points) <= most:
        return points
    return tuple(points[round(n * (len(points) - 1) / (most - 1))] for n in range(most))
