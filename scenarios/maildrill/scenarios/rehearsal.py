"""A scenario made ready for a drill: its recipients as a list, its campaign, and what must come of it.

`plan_of(script)` is the door. What a scenario does not say of the campaign, catalogue/campaign.toml does.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from maildrill.fakeserver.language.scenario import Scenario
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.script_file import script_of
from maildrill.scenarios.catalogue import CAMPAIGN
from maildrill.scenarios.drill import Plan
from maildrill.scenarios.fake_dns import zone_of
from maildrill.scenarios.world import DEFAULT, Network
from maildrill.sender.campaign import Campaign
from maildrill.sender.campaign_file import campaign_of
from maildrill.sender.lists import RecipientList, parse_list
from maildrill.smtp import ConfigurationError
from maildrill.smtp.document import table_of

#: What a letter is made longer with; quoted-printable leaves it as it is.
_LINE = f"{'and so on ' * 6}and on\n"


def has_scenario(script: Script) -> bool:
    """Whether the script says who is to be written to, so that it can be rehearsed by itself."""
    return script.scenario is not None and bool(script.scenario.recipients)


def plan_of(script: Script, *, seed: int | None = None, network: Network = DEFAULT) -> Plan:
    """Return what to rehearse of a script with a scenario; raises ConfigurationError."""
    scenario = script.scenario
    if scenario is None or not scenario.recipients:
        raise ConfigurationError(
            f"{script.name} has no scenario with recipients", hint="name a campaign to rehearse with it"
        )
    return Plan(
        campaign=campaign_for(scenario, script.name),
        script=replace(script, expectations=(*script.expectations, *scenario.expectations)),
        seed=seed,
        network=network,
        recipients=_listed(scenario, script.name),
        outcomes=scenario.outcomes,
        hosts={host: _host(host, said, script.name) for host, said in scenario.hosts.items()},
        dns=zone_of(table_of(scenario.dns, f"{script.name}: [scenario] dns")),
    )


def campaign_for(scenario: Scenario, name: str) -> Campaign:
    """Return the campaign of a scenario; `name` is what errors call its script."""
    usual = tomllib.loads(CAMPAIGN.read_text("utf-8"))
    if "route" in scenario.campaign:
        del usual["account"]  # the route says where messages go
    campaign = campaign_of(table_of(_over(scenario.campaign, usual), f"{name}: [scenario] campaign"), CAMPAIGN)
    if scenario.size is None:
        return campaign
    lines = -(-scenario.size.octets // len(_LINE))
    return replace(campaign, text=f"{campaign.text or ''}{_LINE * lines}")


def _host(host: str, said: object, name: str) -> Script:
    """Return the script of another host, which stands in the scenario itself."""
    where = f"{name}: [scenario] hosts.{host}"
    if not isinstance(said, dict):
        raise ConfigurationError("a host is no table", where=where, expected="a script: [[scenario.hosts.NAME.rule]]")
    script = script_of(said, where)
    if script.server.hostname is None:
        return replace(script, server=replace(script.server, hostname=host))
    return script


def _over(said: Mapping[str, object], usual: Mapping[str, object]) -> dict[str, object]:
    """Return the tables of `usual` with what is said laid over them."""
    return {
        key: _over(cast("Mapping[str, object]", said[key]), cast("Mapping[str, object]", usual[key]))
        if isinstance(said.get(key), dict) and isinstance(usual.get(key), dict)
        else said.get(key, usual.get(key))
        for key in dict.fromkeys((*usual, *said))
    }


def _listed(scenario: Scenario, name: str) -> RecipientList:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([["address"], *([one] for one in scenario.addresses)])
    found = parse_list(written.getvalue(), f"{name}: scenario.recipients", "address")
    for one in found.set_aside:
        raise ConfigurationError(f'no recipient: "{one.value}"', where=name, hint=one.detail)
    return found
