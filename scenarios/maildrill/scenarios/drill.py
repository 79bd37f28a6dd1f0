"""A drill: the real sender against the real fake server in virtual time, then judged by every oracle.

`rehearse(plan)` is the door. Rule: both sides run unmodified; only clock and network are not the real ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from maildrill.fakeserver.language.scenario import Outcome
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.scenarios.drill_accounts import in_a_drill, nonces, open_hosts, secrets_of
from maildrill.scenarios.fake_dns import Zone
from maildrill.scenarios.oracles import Evidence, Violation, judge_drill
from maildrill.scenarios.outcomes import missed
from maildrill.scenarios.servers import Servers, cast
from maildrill.scenarios.world import DEFAULT, Network, World, run_world
from maildrill.sender.campaign import Campaign, Mode
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.content import Caution
from maildrill.sender.ledger import Durability, open_ledger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import RecipientList, Row, read_list
from maildrill.sender.log_sinks import Memory, Sink
from maildrill.sender.merge.preflight import preflight
from maildrill.sender.message import Composer, message_id
from maildrill.sender.runner import Runner, RunSummary
from maildrill.sender.session import opener
from maildrill.sender.summary import Summary, summarise


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to rehearse. seed: None leaves campaign, script and network each their own; else it is theirs all.

    recipients: None reads the campaign's list. ledger: a file that must not exist yet; None keeps it in memory.
    outcomes: what must become of the recipients, besides all that must hold always. script: what every server says
    that is not in `hosts`: by name or address, another script. dns: what a direct campaign is told of domains.
    canary: only so many are sent to, the first of the list; 0: everybody.
    """

    campaign: Campaign
    script: Script
    seed: int | None = None
    network: Network = DEFAULT
    recipients: RecipientList | None = None
    ledger: Path | None = None
    outcomes: tuple[Outcome, ...] = ()
    hosts: Mapping[str, Script] = field(default_factory=dict)
    dns: Zone = field(default_factory=dict)
    canary: int = 0


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill came to: the numbers with all violations, the evidence for both, and the rules that acted."""

    summary: Summary
    evidence: Evidence
    fired: frozenset[str] = frozenset()


def rehearse(plan: Plan, sinks: Iterable[Sink] = ()) -> Drilled:
    """Run the drill and judge it; `sinks` get the sender's log besides. Raises ConfigurationError for a bad plan."""
    begun = time.perf_counter()
    campaign, network = plan.campaign, plan.network
    if plan.seed is not None:
        campaign, network = replace(campaign, seed=plan.seed), replace(network, seed=plan.seed)
    recipients = read_list(campaign) if plan.recipients is None else plan.recipients
    preflight(campaign, recipients)
    campaign, settings = in_a_drill(campaign, plan.script, plan.hosts)
    stage = _Stage(campaign, plan, settings, recipients, Composer(campaign), tuple(sinks))
    return run_world(stage.play, network=network).judged(lambda: time.perf_counter() - begun)


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
        campaign, began = self.campaign, world.clock.now()
        plan = self.plan
        servers = Servers(
            cast(campaign, plan.script, plan.hosts, plan.dns), campaign, world.clock, plan.seed, self.settings
        )
        await servers.start()
        ledger = open_ledger(self.plan.ledger, campaign, at=began, durability=Durability.PROCESS)
        try:
            memory = Memory()
            with ConnectionLog(memory, *self.sinks) as log:
                for row in self.recipients.set_aside:
                    log.set_aside(began, row)
                run = await self._run(world, ledger, log, servers)
            ended = world.clock.now()
            evidence = Evidence(
                campaign=campaign,
                imported=tuple(row.address for row in self.recipients.recipients),
                recipients=tuple(ledger.recipients()),
                attempts=tuple(ledger.attempts()),
                events=tuple(memory.events),
                asked=servers.asked(),
                taken=servers.taken(),
                severed=servers.severed(),
                unroutable=servers.unroutable(),
                connected=servers.connected(),
                rows={row.address: row.fields for row in self.recipients.recipients},
                set_aside=self.recipients.set_aside,
                composed=_composed(campaign, self.composer, self.recipients.recipients, ledger.created),
                tls_required=servers.strict(),
                plaintext=open_hosts(campaign),
                secrets=secrets_of(campaign),
            )
            said, fired = servers.unmet(), servers.fired()
            with ConnectionLog() as quiet:
                resumed = (await self._run(world, ledger, quiet, servers)).connections
        finally:
            ledger.close()
            await servers.stop()
        unheard = [Violation("script", "as the script expects", "", one) for one in said]
        differing = (*unheard, *missed(self.plan.outcomes, evidence))
        return _Played(replace(evidence, resumed=resumed), self.recipients, run, ended - began, differing, fired)

    async def _run(self, world: World, ledger: SqliteLedger, log: ConnectionLog, servers: Servers) -> RunSummary:
        """Run the sender to the end and return what that came to."""
        runner = Runner(
            self.campaign,
            self.recipients.recipients,
            self.composer,
            ledger,
            clock=world.clock,
            log=log,
            stop=asyncio.Event(),
            opener=opener(nonces(self.campaign.seed)),
            resolver=servers.resolver,
            caution=Caution(canary=self.plan.canary),
        )
        return await runner.run()


@dataclass(frozen=True, slots=True)
class _Played:
    evidence: Evidence
    recipients: RecipientList
    run: RunSummary
    virtual_seconds: float
    differing: tuple[Violation, ...]  # from what script, strict transcript or scenario expected
    fired: frozenset[str]

    def judged(self, real_seconds: Callable[[], float]) -> Drilled:
        def summary() -> Summary:
            return summarise(
                self.evidence.campaign,
                self.evidence.recipients,
                self.evidence.attempts,
                self.recipients.set_aside,
                connections=self.run.connections,
                virtual_seconds=self.virtual_seconds,
                real_seconds=real_seconds(),
                pause=self.run.pause,
                canary=None if self.run.canary is None else self.run.canary.states,
            )

        evidence = replace(self.evidence, report=summary().to_json())
        violations = (*judge_drill(evidence), *self.differing)
        return Drilled(replace(summary(), violations=violations), evidence, self.fired)


def _composed(campaign: Campaign, composer: Composer, rows: Sequence[Row], date: float) -> Callable[[str], bytes]:
    """Return what gives the message of an address, composed anew, apart from the runner."""
    by_address = {row.address: row for row in rows}

    @lru_cache(maxsize=64)
    def compose(address: str) -> bytes:
        row = by_address[address] if campaign.mode is Mode.MERGE else None
        return composer.compose(row, message_id=message_id(campaign, row), date=date).whole()

    return compose
