"""A scenario: everything that a drill depends on, as one value that one file can hold.

`Scenario(…).run()` plays it in virtual time; `scenario_file` reads and writes it. Rule: what a scenario does not say is
usual, so that what it says is what matters.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from maildrill.fakeserver.language.expectation import Expectation
from maildrill.fakeserver.language.scenario import Outcome
from maildrill.fakeserver.language.script import Script
from maildrill.scenarios.catalogue import CAMPAIGN
from maildrill.scenarios.drill import Drilled, Plan, rehearse
from maildrill.scenarios.event import Event
from maildrill.scenarios.fake_dns import Zone
from maildrill.scenarios.oracles import Pair, Violation, judge_pair
from maildrill.scenarios.world import DEFAULT, Network
from maildrill.sender.campaign import Campaign
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.lists import RecipientList, parse_list

#: The number of the invariant that a scenario played twice must keep.
_SAME = 48
#: The column of the usual list.
ADDRESS = "address"
#: What a letter is made longer with; quoted-printable leaves it as it is.
LINE = f"{'and so on ' * 6}and on\n"


@cache
def usual_campaign() -> Campaign:
    """Return what is sent where nothing else is said: catalogue/campaign.toml."""
    return read_campaign(CAMPAIGN)


def listed(addresses: Iterable[str], column: str = ADDRESS) -> str:
    """Return a list of these addresses as CSV, as `Scenario` takes it; column: what its one column is called."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([[column], *([one] for one in addresses)])
    return written.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is sent, to whom, over which network, and what every server says to it.

    purpose, source: what it is for and where it is from, for people. listed: the list as CSV; the campaign says which
    column has the addresses. script: what every server says that is not in `hosts`. hosts: others, by name. dns: what
    a direct campaign is told of domains. expectations: of what the server saw; outcomes: of what became of
    recipients. events: what happens meanwhile. seed: None leaves campaign, script and network each their own.
    """

    purpose: str = "a scenario"
    source: tuple[str, ...] = ("maildrill",)
    campaign: Campaign = field(default_factory=usual_campaign)
    listed: str
    script: Script = field(default_factory=Script)
    hosts: Mapping[str, Script] = field(default_factory=dict)
    dns: Zone = field(default_factory=dict)
    network: Network = DEFAULT
    seed: int | None = None
    expectations: tuple[Expectation, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def recipients(self) -> RecipientList:
        """The list as the sender reads it. Raises ConfigurationError where it is none."""
        return parse_list(self.listed, "list", self.campaign.email)

    def plan(self, ledger: Path | None = None) -> Plan:
        """Return what to rehearse; ledger: as in Plan. Raises ConfigurationError."""
        return Plan(
            campaign=self.campaign,
            script=self._expecting(),
            seed=self.seed,
            network=self.network,
            recipients=self.recipients,
            ledger=ledger,
            outcomes=self.outcomes,
            hosts=self.hosts,
            dns=self.dns,
            events=self.events,
        )

    def run(self) -> Drilled:
        """Play it, and judge it by every oracle. The same scenario comes to the same. Raises ConfigurationError."""
        return rehearse(self.plan())

    def _expecting(self) -> Script:
        script = self.script
        return replace(script, expectations=(*script.expectations, *self.expectations), scenario=None)


def differences(one: Drilled, other: Drilled) -> tuple[Violation, ...]:
    """Return how two runs of one scenario differ, by log, journal and ledger (I48); none where it is stable."""
    return judge_pair(Pair(left=one.evidence, right=other.evidence), {_SAME})
