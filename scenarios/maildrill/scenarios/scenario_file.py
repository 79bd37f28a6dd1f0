"""Read scenarios: a script with a `[scenario]` table is one, in a file, in the catalogue, or in memory.

`load_scenario(name_or_path)` and `scenario_of(script)` are the doors. What a scenario does not say of the campaign,
catalogue/campaign.toml does. Every error names the file and the line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from maildrill.fakeserver.language import scenario as language
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.script_file import script_of
from maildrill.scenarios import catalogue
from maildrill.scenarios.catalogue import CAMPAIGN
from maildrill.scenarios.drill import Plan
from maildrill.scenarios.event import event_of
from maildrill.scenarios.fake_dns import zone_of
from maildrill.scenarios.scenario import LINE, Scenario, listed
from maildrill.scenarios.world import DEFAULT, Network
from maildrill.sender.campaign import Campaign
from maildrill.sender.campaign_file import campaign_of
from maildrill.sender.lists import parse_list
from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import Said, Table, table_of


def load_scenario(name_or_path: str) -> Scenario:
    """Return the scenario in a file, or of a name in the catalogue. Raises ConfigurationError."""
    return scenario_of(catalogue.load_script(name_or_path))


def has_scenario(script: Script) -> bool:
    """Whether the script says who is to be written to, so that it can be rehearsed by itself."""
    return script.scenario is not None and bool(script.scenario.recipients or script.scenario.listed)


def plan_of(script: Script, *, seed: int | None = None) -> Plan:
    """Return what to rehearse of a script with a scenario; seed: instead of its own. Raises ConfigurationError."""
    plan = scenario_of(script).plan()
    return plan if seed is None else replace(plan, seed=seed)


def scenario_of(script: Script) -> Scenario:
    """Return the scenario that a script has. Raises ConfigurationError."""
    said = script.scenario
    if said is None or not has_scenario(script):
        raise ConfigurationError(
            f"{script.name} has no scenario with recipients", hint="name a campaign to rehearse with it"
        )
    campaign = campaign_for(said, script.name)
    return Scenario(
        purpose=said.purpose,
        source=said.source,
        campaign=campaign,
        listed=_listed(said, script.name, campaign.email),
        script=replace(script, scenario=None),
        hosts=_hosts(said, script.name),
        dns=zone_of(table_of(said.dns, f"{script.name}: [scenario] dns")),
        network=_network(table_of(said.network, f"{script.name}: [scenario] network")),
        seed=said.seed,
        expectations=said.expectations,
        outcomes=said.outcomes,
        events=tuple(event_of(table_of(one, f"{script.name}: [scenario] event")) for one in said.events),
    )


def campaign_for(scenario: language.Scenario, name: str) -> Campaign:
    """Return the campaign of a scenario; `name` is what errors call its script."""
    usual = tomllib.loads(CAMPAIGN.read_text("utf-8"))
    if "route" in scenario.campaign:
        del usual["account"]  # the route says where messages go
    campaign = campaign_of(_over(scenario.campaign, usual, f"{name}: [scenario] campaign"), CAMPAIGN)
    if scenario.size is None:
        return campaign
    lines = -(-scenario.size.octets // len(LINE))
    return replace(campaign, text=f"{campaign.text or ''}{LINE * lines}")


def _hosts(scenario: language.Scenario, name: str) -> dict[str, Script]:
    hosts = table_of(scenario.hosts, f"{name}: [scenario] hosts")
    return {host: _host(host, hosts) for host in hosts}


def _host(host: str, hosts: Table) -> Script:
    """Return the script of another host, which stands in the scenario itself."""
    if not isinstance(hosts.raw(host), dict):
        hosts.fail(host, "a host is no table", expected="a script: [[scenario.hosts.NAME.rule]]")
    script = script_of(hosts.table(host).said(), host)
    if script.server.hostname is None:
        return replace(script, server=replace(script.server, hostname=host))
    return script


def _network(table: Table) -> Network:
    network = Network(
        latency=table.duration("latency", DEFAULT.latency),
        jitter=table.duration("jitter", DEFAULT.jitter),
        segment=table.number("segment", DEFAULT.segment),
        seed=table.number("seed", DEFAULT.seed),
        cuts=tuple(_cut(table, text) for text in table.texts("cuts", ())),
    )
    table.finish()
    return network


def _cut(table: Table, text: str) -> tuple[int, int]:
    """`1@400`: the first connection is lost behind 400 octets."""
    connection, at, octets = text.partition("@")
    if not (at and text.isascii() and connection.isdigit() and octets.isdigit() and int(connection)):
        table.fail(
            "cuts", f'{table.label("cuts")} holds "{escape(text)}"', expected='connection and octets, as "1@400"'
        )
    return int(connection), int(octets)


def _over(said: Mapping[str, object], usual: Mapping[str, object], name: str) -> Table:
    """Return the table that says what is said, and what is usual besides."""
    whole = _laid(said, usual)
    return said.table.said(whole).table if isinstance(said, Said) else table_of(whole, name)


def _laid(said: Mapping[str, object], usual: Mapping[str, object]) -> dict[str, object]:
    """Return the tables of `usual` with what is said laid over them."""
    return {
        key: _laid(cast("Mapping[str, object]", said[key]), cast("Mapping[str, object]", usual[key]))
        if isinstance(said.get(key), dict) and isinstance(usual.get(key), dict)
        else said.get(key, usual.get(key))
        for key in dict.fromkeys((*usual, *said))
    }


def _listed(scenario: language.Scenario, name: str, email: str) -> str:
    if scenario.listed:
        parse_list(scenario.listed, f"{scenario.place.of('list') or name}: list", email)
        return scenario.listed
    text = listed(scenario.addresses, email)
    for one in parse_list(text, "recipients", email).set_aside:
        where = scenario.place.of("recipients") or name
        raise ConfigurationError(f'no recipient: "{one.value}"', where=where, hint=one.detail)
    return text
