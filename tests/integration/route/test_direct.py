"""Delivery to the hosts that recipients' domains name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from maildrill.fakeserver.language.span import During
from maildrill.scenarios.drill import Drilled
from maildrill.scenarios.fake_dns import Records
from maildrill.sender.attempt import State, Verdict
from maildrill.sender.campaign import Limits, Route, RouteKind, UnusableMx
from maildrill.sender.route.answers import Found, Mx

DOWN = '[[rule]]\nat = "connect"\nduring = "{span}"\ncut = "refuse"\n'
DIRECT = Route(kind=RouteKind.DIRECT)

Played = Callable[..., Drilled]
ALL_DOWN = DOWN.format(span="0s..")
TWO = Records(mx=(Mx(10, "mx1.test"), Mx(20, "mx2.test")))


def _people(*domains: str, each: int = 5) -> list[str]:
    return [f"r{n}@{domain}" for domain in domains for n in range(each)]


def _states(drilled: Drilled, domain: str) -> set[State]:
    return {state for address, state in drilled.evidence.states.items() if address.endswith(f"@{domain}")}


def _rows(drilled: Drilled, domain: str) -> set[str]:
    return {one.row for one in drilled.evidence.attempts if one.recipient.endswith(f"@{domain}")}


def _sessions(drilled: Drilled) -> int:
    return sum(event.kind == "session.opened" for event in drilled.evidence.events)


def test_each_domain_goes_to_its_own_host(played: Played) -> None:
    """By MX, or to the domain itself where it has an address and no MX."""
    dns = {"a.test": Records(mx=(Mx(10, "mx.a.test"),)), "b.test": Records(addresses=("192.0.2.7",))}
    drilled = played(_people("a.test", "b.test"), {"mx.a.test": "", "b.test": ""}, dns, route=DIRECT)

    assert {(one.recipient.partition("@")[2], one.host) for one in drilled.evidence.attempts} == {
        ("a.test", "mx.a.test"),
        ("b.test", "b.test"),
    }
    assert set(drilled.evidence.states.values()) == {State.DELIVERED}


def test_without_a_dns_of_its_own_a_drill_leads_everybody_to_its_script(played: Played) -> None:
    """Any campaign can be rehearsed as it is."""
    drilled = played(_people("a.test", "b.test"), {}, route=DIRECT)

    assert {one.host for one in drilled.evidence.attempts} == {"mx.drill.example"}


def test_a_dead_best_host_costs_nobody_anything(played: Played) -> None:
    """The next one is tried in the same go; after two failures the dead one is passed over for a while."""
    drilled = played(
        _people("x.test", each=200),
        {"mx1.test": ALL_DOWN, "mx2.test": ""},
        {"x.test": TWO},
        route=DIRECT,
        limits=Limits(connections=1, messages_per_connection=5),
    )
    refused = sum("mx1.test:25" in str(event.fields.get("text")) for event in drilled.evidence.events)

    assert Counter(one.host for one in drilled.evidence.attempts) == {"mx2.test": 200}
    assert {record.attempts for record in drilled.evidence.recipients} == {1}
    assert _sessions(drilled) == 40
    assert refused <= 6


@pytest.mark.parametrize("said", ["421 4.3.2 busy", "450 4.3.2 busy", "554 5.3.2 no", "521 5.3.2 never"])
def test_a_host_that_refuses_in_its_greeting_is_one_host(played: Played, said: str) -> None:
    """The domain has another (delivery-semantics 2.1, greeting)."""
    no = f'[[rule]]\nat = "banner"\nreply = "{said}"\n'
    drilled = played(_people("x.test"), {"mx1.test": no, "mx2.test": ""}, {"x.test": TWO}, route=DIRECT)

    assert _states(drilled, "x.test") == {State.DELIVERED}


def test_521_from_all_hosts_is_final(played: Played) -> None:
    """No host of the domain takes mail (RFC 7504)."""
    never = '[[rule]]\nat = "banner"\nreply = "521 5.3.2 never"\n'
    drilled = played(_people("x.test"), {"mx1.test": never, "mx2.test": never}, {"x.test": TWO}, route=DIRECT)

    assert (_states(drilled, "x.test"), _rows(drilled, "x.test")) == ({State.FAILED}, {"banner-521-mx"})


def test_what_the_dns_says_decides_by_the_table(played: Played) -> None:
    """Final: no such domain, null MX, no host at all, ourselves. Later: SERVFAIL, timeout, no address of any host."""
    dns = {
        "null.test": Records(mx=(Mx(0, ""),)),
        "nohost.test": Records(txt=("v=spf1 -all",)),
        "loop.test": Records(mx=(Mx(10, "[127.0.0.1]"),)),
        "trouble.test": Records(fault=Found.TROUBLE, during=During("0s..1h"), mx=(Mx(10, "mx.test"),)),
        "slow.test": Records(fault=Found.TIMEOUT, during=During("0s..1h"), mx=(Mx(10, "mx.test"),)),
        "lame.test": Records(mx=(Mx(10, "gone.test"),)),
        "gone.test": Records(fault=Found.NXDOMAIN),
    }
    domains = ["nowhere.test", *dns][:-1]
    drilled = played(_people(*domains), {"mx.test": ""}, dns, route=DIRECT)
    found = {domain: (_states(drilled, domain), _rows(drilled, domain)) for domain in domains}

    assert found == {
        "nowhere.test": ({State.FAILED}, {"dns-nxdomain"}),
        "null.test": ({State.FAILED}, {"dns-null-mx"}),
        "nohost.test": ({State.FAILED}, {"dns-no-host"}),
        "loop.test": ({State.FAILED}, {"dns-loop"}),
        "trouble.test": ({State.DELIVERED}, {"dns-trouble", "dot-2yz"}),
        "slow.test": ({State.DELIVERED}, {"dns-trouble", "dot-2yz"}),
        "lame.test": ({State.EXPIRED}, {"dns-unusable"}),
    }


def test_a_domain_without_a_usable_host_fails_where_that_is_wanted(played: Played) -> None:
    """`unusable_mx = "fail"`."""
    dns = {"lame.test": Records(mx=(Mx(10, "gone.test"),)), "gone.test": Records(fault=Found.NXDOMAIN)}
    route = Route(kind=RouteKind.DIRECT, unusable_mx=UnusableMx.FAIL)
    drilled = played(_people("lame.test"), {}, dns, route=route)

    assert (_states(drilled, "lame.test"), _rows(drilled, "lame.test")) == ({State.FAILED}, {"dns-unusable-final"})


def test_domains_with_the_same_hosts_share_sessions(played: Played) -> None:
    """One destination: it counts our sessions, whoever they are for (invariant I20)."""
    domains = [f"d{n}.test" for n in range(30)]
    drilled = played(
        _people(*domains, each=1), {"mx1.test": "", "mx2.test": ""}, dict.fromkeys(domains, TWO), route=DIRECT
    )

    assert set(drilled.evidence.states.values()) == {State.DELIVERED}
    assert _sessions(drilled) <= 4


def test_a_dead_domain_keeps_nobody_waiting(played: Played) -> None:
    """Invariant I45: three domains that never answer, and one place left is enough for the one that does."""
    dns = {f"dead{n}.test": Records(mx=(Mx(10, f"mx{n}.test"),)) for n in range(3)}
    silent = '[[rule]]\nat = "banner"\nwait = "2h"\n'
    hosts = {f"mx{n}.test": silent for n in range(3)} | {"mx.alive.test": ""}
    drilled = played(
        [*_people(*dns, each=20), *_people("alive.test", each=50)],
        hosts,
        {**dns, "alive.test": Records(mx=(Mx(10, "mx.alive.test"),))},
        route=DIRECT,
        limits=Limits(connections=8),
    )
    done = max(one.ended for one in drilled.evidence.attempts if one.host == "mx.alive.test")
    began = drilled.evidence.events[0].at

    assert _states(drilled, "alive.test") == {State.DELIVERED}
    assert done - began < 60


def test_places_are_given_in_turn(played: Played) -> None:
    """One place, two domains with much to do: neither waits for the end of the other."""
    dns = {name: Records(mx=(Mx(10, f"mx.{name}"),)) for name in ("a.test", "b.test")}
    drilled = played(
        _people(*dns, each=100), {"mx.a.test": "", "mx.b.test": ""}, dns, route=DIRECT, limits=Limits(connections=1)
    )
    first = [one.host for one in drilled.evidence.attempts][:40]

    assert min(Counter(first).values()) >= 10


def test_an_answer_is_kept_as_long_as_it_says(played: Played) -> None:
    """When the domain moves, its mail moves: after the time to live, and not before."""
    grey = '[[rule]]\nat = "rcpt"\nreply = "450 4.2.0 later"\n'
    dns = {
        "x.test": Records(mx=(Mx(10, "old.test"),), ttl=60.0),
        "old.test": Records(fault=Found.NXDOMAIN, during=During("4m.."), ttl=60.0, addresses=("192.0.2.1",)),
    }
    drilled = played(_people("x.test", each=1), {"old.test": grey}, dns, route=DIRECT)
    rows = [one.row for one in drilled.evidence.attempts]

    assert rows[:2] == ["rcpt-4yz", "dns-unusable"]


def test_a_network_that_never_comes_back_holds_the_domain_alone(played: Played) -> None:
    """Nothing is known against its recipients (invariant I5); everybody else is served."""
    dns = {"x.test": Records(mx=(Mx(10, "mx1.test"),)), "y.test": Records(mx=(Mx(10, "mx2.test"),))}
    drilled = played(_people("x.test", "y.test"), {"mx1.test": ALL_DOWN, "mx2.test": ""}, dns, route=DIRECT)

    assert (_states(drilled, "x.test"), _states(drilled, "y.test")) == ({State.HELD}, {State.DELIVERED})
    assert not any(one.counted for one in drilled.evidence.attempts if one.recipient.endswith("@x.test"))


def test_an_unknown_is_not_taken_to_the_next_host(played: Played, tmp_path: Path) -> None:
    """The reply was lost after the dot: at most once, and no second copy by way of another MX."""
    lost = '[[rule]]\nat = "dot"\ncommit = true\ncut = "before"\n'
    drilled = played(_people("x.test"), {"mx1.test": lost, "mx2.test": ""}, {"x.test": TWO}, route=DIRECT)

    assert _states(drilled, "x.test") == {State.UNKNOWN}
    assert {one.host for one in drilled.evidence.attempts} == {"mx1.test"}
    assert {one.verdict for one in drilled.evidence.attempts} == {Verdict.UNKNOWN}
