"""Whole scenarios: all that can be drawn, brought together."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from maildrill.fakeserver.language.script import Script
from maildrill.scenarios.fake_dns import Records
from maildrill.scenarios.scenario import Scenario
from maildrill.scenarios.strategies.happening import events, networks
from maildrill.scenarios.strategies.ruling import DOMAINS, scripts
from maildrill.scenarios.strategies.sending import campaigns, lists
from maildrill.scenarios.strategies.serving import servers
from maildrill.sender.campaign import Account, Member, Route, RouteKind
from maildrill.sender.route.answers import Mx

#: The accounts of a campaign that has two.
_ACCOUNTS = tuple(Account(host=f"{name}.relay.example", name=name) for name in ("first", "second"))


@st.composite
def scenarios(draw: st.DrawFn, *, most_events: int = 2) -> Scenario:
    """Scenarios of any list, through any network, to one relay, two, or the hosts of each domain, with some events.

    They shrink to one recipient, a server that accepts, and nothing else; most_events: 0 for none.
    """
    scenario = Scenario(
        purpose="generated",
        campaign=draw(campaigns()),
        listed=draw(lists()),
        script=draw(_sayings()),
        network=draw(networks()),
        seed=draw(st.sampled_from((None, 0, 1, 2))),
        events=tuple(draw(st.lists(events(), max_size=most_events))),
    )
    kind = draw(st.sampled_from((None, RouteKind.ROTATION, RouteKind.FAILOVER, RouteKind.DIRECT)))
    return scenario if kind is None else _routed(draw, scenario, kind)


def _sayings() -> st.SearchStrategy[Script]:
    return st.one_of(scripts(), servers())


def _routed(draw: st.DrawFn, scenario: Scenario, kind: RouteKind) -> Scenario:
    """Return the scenario with a campaign that goes elsewhere than to one relay; one of its hosts has its own mind."""
    if kind is RouteKind.DIRECT:
        names = [f"mx.{domain}" for domain in DOMAINS]
        direct = replace(scenario.campaign, account=Account(host=""), route=Route(kind=kind))
        zone = {domain: Records(mx=(Mx(10, name),)) for domain, name in zip(DOMAINS, names, strict=True)}
        return replace(scenario, campaign=direct, hosts={names[0]: _named(draw, names[0])}, dns=zone)
    route = Route(kind=kind, members=tuple(Member(account=account) for account in _ACCOUNTS))
    campaign, other = replace(scenario.campaign, account=_ACCOUNTS[0], route=route), _ACCOUNTS[1].host
    return replace(scenario, campaign=campaign, hosts={other: _named(draw, other)})


def _named(draw: st.DrawFn, host: str) -> Script:
    script = draw(servers())
    return replace(script, name=host, server=replace(script.server, hostname=host))
