"""Where destinations are: by the campaign's accounts, or by what the log says of hosts and domains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from maildrill.scenarios.mutants.told import ATTEMPTS, CAMPAIGN
from maildrill.scenarios.oracles.places import (
    connections_at,
    districts,
    messages_at,
    pace_at,
    places_of,
    recipients_at,
)
from maildrill.sender.campaign import Account, DestinationLimits, Limits, Member, Route, RouteKind
from maildrill.sender.log_event import LogEvent
from maildrill.smtp.quantity import Rate


def met(account: str, host: str = "") -> LogEvent:
    """A session with a host was opened."""
    return LogEvent(1, 1000.0, "session.opened", {"account": account, "host": host})


def direct(limits: Limits, *sites: tuple[str, str]) -> Any:
    """Places of a direct campaign: recipients' domains with the hosts that they are at."""
    campaign = replace(CAMPAIGN, route=Route(kind=RouteKind.DIRECT), limits=limits)
    tries = [replace(ATTEMPTS[0], recipient=f"r@{domain}", account=hosts) for domain, hosts in sites]
    events = {"session.opened": tuple(met(hosts, hosts.split(",")[0]) for _, hosts in sites)}
    return places_of(campaign, tries, {**events, "session.refused": (met("nobody.test"),)})


def test_accounts_are_where_the_campaign_says() -> None:
    """What it says of one by name comes before what its route says."""
    route = Route(
        members=(
            Member(account=Account(host="a.test", name="a"), limits=DestinationLimits(connections=1)),
            Member(account=Account(host="b.test", name="b"), limits=DestinationLimits(connections=1)),
        )
    )
    limits = Limits(destinations={"B*": DestinationLimits(connections=3)}, connections=4)
    a, b = places_of(replace(CAMPAIGN, route=route, limits=limits), (), {})

    assert [(one.label, one.relay, one.hosts) for one in (a, b)] == [
        ("a", "a.test:25", frozenset({"a.test"})),
        ("b", "b.test:25", frozenset({"b.test"})),
    ]
    assert (connections_at(a, limits), connections_at(b, limits)) == (1, 3)


def test_domains_are_where_the_log_says() -> None:
    """A destination with several domains may be treated as any of them; one that nobody was sent to is none."""
    limits = Limits(destinations={"slow.*": DestinationLimits(messages_per_connection=2, rate=Rate(1, 60.0))})
    slow, both = direct(limits, ("slow.test", "mx.slow.test"), ("slow.test", "mx1,mx2"), ("fast.test", "mx1,mx2"))

    assert (slow.hosts, both.hosts) == ({"mx.slow.test"}, {"mx1", "mx2"})
    assert (messages_at(slow, limits), messages_at(both, limits)) == (2, 100)
    assert (pace_at(slow, limits), pace_at(both, limits)) == ((Rate(1, 60.0), 1), (None, 1))


def test_what_was_learned_is_less_than_what_is_set_for_all() -> None:
    """And what is said by name is more than a lesson."""
    limits = Limits(destinations={"own.*": DestinationLimits(recipients_per_transaction=50)})
    own, other = direct(limits, ("own.test", "mx.own.test"), ("other.test", "mx.other.test"))

    assert [recipients_at(one, limits, 10.0) for one in (own, other)] == [50, 10]


def test_destinations_that_share_a_host_are_judged_together() -> None:
    """The journal does not say for which of them a session was."""
    places = direct(Limits(), ("a.test", "mx1"), ("b.test", "mx2"), ("c.test", "mx3"), ("d.test", "mx1,mx2"))
    found = {one.name: one.hosts for one in districts(places)}

    assert found == {"mx3": {"mx3"}, "mx1 and mx2 and mx1,mx2": {"mx1", "mx2"}}
