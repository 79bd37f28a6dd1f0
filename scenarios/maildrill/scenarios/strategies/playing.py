"""Whole scenarios: all that can be drawn, brought together."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

from maildrill.fakeserver.language.script import Script
from maildrill.scenarios.event import Deed
from maildrill.scenarios.fake_dns import Records
from maildrill.scenarios.scenario import Scenario
from maildrill.scenarios.strategies.features import EVERYTHING, Features, chosen
from maildrill.scenarios.strategies.happening import events, networks
from maildrill.scenarios.strategies.ruling import DOMAINS, scripts
from maildrill.scenarios.strategies.sending import LISTS, campaigns, lists
from maildrill.scenarios.strategies.serving import servers
from maildrill.scenarios.world import Network
from maildrill.sender.campaign import Account, Member, Route, RouteKind
from maildrill.sender.route.answers import Mx

#: The accounts of a campaign that has two.
_ACCOUNTS = tuple(Account(host=f"{name}.relay.example", name=name) for name in ("first", "second"))
#: Of a script: one of them is often what makes the sender come to where another one waits.
_MOST_RULES = 6
#: Segments of a letter.
_MOST_SEGMENTS = 200


@st.composite
def scenarios(draw: st.DrawFn, features: Features = EVERYTHING, *, most_events: int = 2) -> Scenario:
    """Scenarios of any list, through any network, to one relay, two, or the hosts of each domain, with some events.

    They shrink to one recipient, a server that accepts, and nothing else. features: words of `features.ASPECTS`, what
    may be unusual; most_events: 0 for none.
    """
    campaign = draw(campaigns(features))
    deeds = tuple(map(Deed, chosen("events", features)))
    scenario = Scenario(
        purpose="generated",
        campaign=campaign,
        listed=draw(lists(*(chosen("lists", features) or LISTS[:1]))),
        script=draw(_sayings(features)),
        network=_passable(draw(networks(features)), campaign.text or ""),
        seed=draw(st.sampled_from((None, 0, 1, 2))),
        events=tuple(draw(st.lists(events(*deeds), max_size=most_events))) if deeds else (),
    )
    kind = draw(st.sampled_from((None, *map(RouteKind, chosen("routes", features)))))
    return scenario if kind is None else _routed(draw, scenario, kind, features)


def _passable(network: Network, text: str) -> Network:
    """Return a network through which a letter comes in some hundred segments: ten times as many teach no more."""
    least = len(text) // _MOST_SEGMENTS
    return replace(network, segment=max(network.segment, least)) if network.segment else network


@cache
def _sayings(features: Features) -> st.SearchStrategy[Script]:
    kinds = chosen("servers", features)
    own = scripts(features, most=_MOST_RULES)
    # not one_of, which would take each kind of server for as likely as all scripts together
    drawn = st.sampled_from((own, own, servers(*kinds)) if kinds else (own,)).flatmap(lambda one: one)
    missing = [f"-{word.removeprefix('no-').upper()}" for word in chosen("offers", features)]
    caps = st.lists(st.sampled_from(missing), unique=True, max_size=len(missing)) if missing else st.just([])
    return st.builds(_offering, drawn, caps)


def _offering(script: Script, caps: list[str]) -> Script:
    return replace(script, server=replace(script.server, caps=tuple(sorted(caps))))


def _routed(draw: st.DrawFn, scenario: Scenario, kind: RouteKind, features: Features) -> Scenario:
    """Return the scenario with a campaign that goes elsewhere than to one relay; one of its hosts has its own mind."""
    if kind is RouteKind.DIRECT:
        names = [f"mx.{domain}" for domain in DOMAINS]
        direct = replace(scenario.campaign, account=Account(host=""), route=Route(kind=kind))
        zone = {domain: Records(mx=(Mx(10, name),)) for domain, name in zip(DOMAINS, names, strict=True)}
        return replace(scenario, campaign=direct, hosts={names[0]: _named(draw, names[0], features)}, dns=zone)
    route = Route(kind=kind, members=tuple(Member(account=account) for account in _ACCOUNTS))
    campaign, other = replace(scenario.campaign, account=_ACCOUNTS[0], route=route), _ACCOUNTS[1].host
    return replace(scenario, campaign=campaign, hosts={other: _named(draw, other, features)})


def _named(draw: st.DrawFn, host: str, features: Features) -> Script:
    script = draw(_sayings(features))
    return replace(script, name=host, server=replace(script.server, hostname=host))
