"""A drill: the real sender against the real fake server in virtual time, then judged by every oracle.

`rehearse(plan)` is the door. Rule: both sides run unmodified; only clock and network are not the real ones.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from maildrill.fakeserver.language.scenario import Outcome
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.scenarios.answered import Answered
from maildrill.scenarios.course import Course, Gate
from maildrill.scenarios.death import scratch
from maildrill.scenarios.drill_accounts import STAND_IN, in_a_drill, nonces, open_hosts, secrets_of
from maildrill.scenarios.event import Event
from maildrill.scenarios.fake_dns import Zone
from maildrill.scenarios.oracles import Evidence, Life, Lives, Violation, judge_drill, judge_lives
from maildrill.scenarios.oracles.packed import Events
from maildrill.scenarios.outcomes import missed
from maildrill.scenarios.patience import Patience
from maildrill.scenarios.roll import Roll
from maildrill.scenarios.servers import Servers, cast
from maildrill.scenarios.world import DEFAULT, Network, World, run_world
from maildrill.sender.campaign import Campaign, Mode
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.content import Caution
from maildrill.sender.ledger import Durability
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import RecipientList, Row, read_list
from maildrill.sender.lists.rows import SetAside
from maildrill.sender.log_sinks import Sink
from maildrill.sender.merge.preflight import preflight
from maildrill.sender.message import Composer, message_id
from maildrill.sender.runner import Runner, RunSummary
from maildrill.sender.session import opener
from maildrill.sender.summary import Summary, summarise
from maildrill.smtp.collecting import collecting_nothing, collecting_seldom

#: What a server's own journal keeps of a drill: the witness beside it writes down what the oracles are to know.
_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to rehearse. seed: None leaves campaign, script and network each their own; else it is theirs all.

    recipients: None reads the campaign's list. ledger: a file that must not exist yet; None keeps it in memory.
    outcomes: what must become of the recipients, besides all that must hold always. script: what every server says
    that is not in `hosts`: by name or address, another script. dns: what a direct campaign is told of domains.
    canary: only so many are sent to, the first of the list; 0: everybody. events: what happens meanwhile.
    password: of every account, in place of the real one, which is not fetched. durability: of the ledger; a drill
    without events is one commit unless it is said otherwise.
    """

    campaign: Campaign
    script: Script
    seed: int | None = None
    network: Network = DEFAULT
    recipients: RecipientList | None = None
    ledger: Path | None = None
    durability: Durability = Durability.NONE
    outcomes: tuple[Outcome, ...] = ()
    hosts: Mapping[str, Script] = field(default_factory=dict)
    dns: Zone = field(default_factory=dict)
    canary: int = 0
    events: tuple[Event, ...] = ()
    password: str = field(default=STAND_IN, repr=False)


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill came to: the numbers with all violations, the evidence for both, and the rules that acted.

    lives: the runs before the last one, where events ended them. answered: how often servers gave each kind of answer.
    """

    summary: Summary
    evidence: Evidence
    fired: frozenset[str] = frozenset()
    lives: tuple[Life, ...] = ()
    answered: Mapping[Answered, int] = field(default_factory=dict)


def rehearse(plan: Plan, sinks: Iterable[Sink] = ()) -> Drilled:
    """Run the drill and judge it; `sinks` get the sender's log besides. Raises ConfigurationError for a bad plan."""
    begun = time.perf_counter()
    campaign, network = plan.campaign, plan.network
    if plan.seed is not None:
        campaign, network = replace(campaign, seed=plan.seed), replace(network, seed=plan.seed)
    recipients = read_list(campaign) if plan.recipients is None else plan.recipients
    preflight(campaign, recipients)
    campaign, settings = in_a_drill(campaign, plan.script, plan.hosts, plan.password)
    stage = _Stage(campaign, plan, settings, recipients, Composer(campaign), tuple(sinks))
    with collecting_seldom(drill=True):
        played = run_world(stage.play, network=network)
        with collecting_nothing():
            return played.judged(lambda: time.perf_counter() - begun)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Everything on its place before the curtain rises."""

    campaign: Campaign
    plan: Plan
    settings: Settings
    recipients: RecipientList
    composer: Composer
    sinks: Sequence[Sink]

    async def play(self, world: World) -> _Played:
        if not self.plan.events:
            return await self._play(world, self.plan.ledger)
        with scratch() as folder:
            played = await self._play(world, Path(folder) / "campaign.ledger")
            if self.plan.ledger is not None and played.ledger is not None:
                shutil.copy(played.ledger, self.plan.ledger)
            return played

    async def _play(self, world: World, file: Path | None) -> _Played:
        campaign, began, plan = self.campaign, world.clock.now(), self.plan
        playing = cast(campaign, plan.script, plan.hosts, plan.dns)
        servers = Servers(playing, campaign, world.clock, plan.seed, self.settings, keep=_KEPT)
        await servers.start()
        events = Events()
        gate = Gate([events, *self.sinks])
        with ConnectionLog(*([gate] if plan.events else [events, *self.sinks])) as log:  # nobody dies without events
            people, lives = len(self.recipients.recipients) + len(plan.events), 1 + len(plan.events)
            patience = Patience(campaign, world, servers, events, log, people, lives)
            course = Course(
                campaign=campaign,
                world=world,
                servers=servers,
                file=file,
                roll=Roll(self.recipients, campaign.email),
                log=log,
                gate=gate,
                runner=partial(self._runner, world, servers, log, patience),
                deeds=bool(plan.events),
                durability=plan.durability,
            )
            await patience.bear(lambda: course.play(plan.events))
            ledger = course.opened()
            try:
                rows, sender = course.roll.handed_out(), course.runner
                run = await patience.bear(sender(ledger, rows, asyncio.Event()).run) or course.broken_off(began)
                ended = world.clock.now()
                with collecting_nothing():
                    evidence = self._evidence(ledger, events, servers, course)
                said, fired, answered = servers.unmet(), servers.fired(), servers.answered()
                with ConnectionLog() as quiet:
                    once_more = self._runner(world, servers, quiet, patience, ledger, rows, asyncio.Event())
                    resumed = await patience.bear(once_more.run)
            finally:
                ledger.close()
                await servers.stop()
        unheard = [Violation("script", "as the script expects", "", one) for one in said]
        return _Played(
            replace(evidence, resumed=resumed.connections if resumed else 0, endless=patience.said),
            evidence.set_aside,
            replace(run, connections=course.connections + run.connections),
            ended - began,
            (*unheard, *missed(self.plan.outcomes, evidence)),
            fired,
            tuple(course.lives),
            answered,
            course.file,
        )

    def _evidence(self, ledger: SqliteLedger, events: Events, servers: Servers, course: Course) -> Evidence:
        campaign, rows = self.campaign, course.roll.ever
        return Evidence(
            campaign=campaign,
            imported=tuple(row.address for row in rows),
            recipients=tuple(ledger.recipients()),
            attempts=tuple(ledger.attempts()),
            events=events,
            asked=servers.asked(),
            taken=servers.taken(),
            severed=servers.severed(),
            unroutable=servers.unroutable(),
            connected=servers.connected(),
            rows={row.address: row.fields for row in rows},
            set_aside=course.roll.set_aside,
            composed=_composed(campaign, self.composer, rows, ledger.created),
            tls_required=servers.strict(),
            plaintext=open_hosts(campaign),
            secrets=secrets_of(campaign),
            deaths=tuple(life.ended for life in course.lives if life.crashed),
            setbacks=tuple(course.setbacks),
        )

    def _runner(  # noqa: PLR0913, PLR0917 - all that a run touches
        self,
        world: World,
        servers: Servers,
        log: ConnectionLog,
        patience: Patience,
        ledger: SqliteLedger,
        rows: Sequence[Row],
        stop: asyncio.Event,
    ) -> Runner:
        patience.begin()
        return Runner(
            self.campaign,
            rows,
            self.composer,
            ledger,
            clock=world.clock,
            log=log,
            stop=stop,
            opener=opener(nonces(self.campaign.seed)),
            resolver=servers.resolver,
            caution=Caution(canary=self.plan.canary),
        )


@dataclass(frozen=True, slots=True)
class _Played:
    evidence: Evidence
    set_aside: tuple[SetAside, ...]
    run: RunSummary
    virtual_seconds: float
    differing: tuple[Violation, ...]  # from what script, strict transcript or scenario expected
    fired: frozenset[str]
    lives: tuple[Life, ...]
    answered: Mapping[Answered, int]
    ledger: Path | None

    def judged(self, real_seconds: Callable[[], float]) -> Drilled:
        summary = summarise(
            self.evidence.campaign,
            self.evidence.recipients,
            self.evidence.attempts,
            self.set_aside,
            connections=self.run.connections,
            virtual_seconds=self.virtual_seconds,
            real_seconds=real_seconds(),
            pause=self.run.pause,
            canary=None if self.run.canary is None else self.run.canary.states,
        )
        evidence = replace(self.evidence, report=summary.to_json())
        found = judge_lives(Lives(lives=self.lives, whole=evidence)) if self.lives else judge_drill(evidence)
        violations = (*found, *self.differing)
        told = replace(summary, violations=violations, real_seconds=real_seconds())
        return Drilled(told, evidence, self.fired, self.lives, self.answered)


def _composed(campaign: Campaign, composer: Composer, rows: Sequence[Row], date: float) -> Callable[[str], bytes]:
    """Return what gives the message of an address, composed anew, apart from the runner."""
    by_address = {row.address: row for row in rows}

    @lru_cache(maxsize=64)
    def compose(address: str) -> bytes:
        row = by_address[address] if campaign.mode is Mode.MERGE else None
        return composer.compose(row, message_id=message_id(campaign, row), date=date).whole()

    return compose
