"""A destination that takes nobody has its place in memory, and no more: everybody else is served (invariant I45)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from maildrill.scenarios.drill import Drilled
from maildrill.scenarios.fake_dns import Records
from maildrill.sender.campaign import Limits, RetryPolicy, Route, RouteKind
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.route.answers import Mx

Played = Callable[..., Drilled]

HANGS = '[[rule]]\nat = "banner"\nwait = "2h"\n'
REFUSES = '[[rule]]\nat = "connect"\ncut = "refuse"\n'
SLOW = '[[rule]]\nat = "mail"\nwait = "30s"\n'
ALIVE = ("alive.test", "well.test")


def _last(drilled: Drilled, domain: str) -> float:
    """Return after how many seconds the last recipient of a domain was done with."""
    ends = [one.ended for one in drilled.evidence.attempts if one.recipient.endswith(f"@{domain}")]
    return max(ends) - drilled.evidence.events[0].at


def _played(played: Played, dead: str, domains: Sequence[str], people: int, *, shared: bool = False) -> Drilled:
    """Drill so many people of each of these domains, then 300 of each that is well; shared: by one host."""
    hosts = {name: "mx.dead.test" if shared else f"mx.{name}" for name in domains}
    hosts |= {name: f"mx.{name}" for name in ALIVE}
    listed = [f"r{n}@{name}" for name in domains for n in range(people)]
    listed += [f"r{n}@{name}" for n in range(300) for name in ALIVE]
    return played(
        listed,
        {host: "" if name in ALIVE else dead for name, host in hosts.items()},
        {name: Records(mx=(Mx(10, host),)) for name, host in hosts.items()},
        route=Route(kind=RouteKind.DIRECT),
        limits=Limits(connections=40),
        retry=RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=7200.0),
    )


@pytest.mark.parametrize(
    ("dead", "window"),
    [(HANGS, SqliteLedger.window), (REFUSES, SqliteLedger.window), (SLOW, 500)],
    ids=["hangs", "refuses", "slow"],
)
def test_who_is_behind_thousands_of_a_dead_domain_is_served(
    played: Played, monkeypatch: pytest.MonkeyPatch, dead: str, window: int
) -> None:
    """More of the dead domain are due first than a window holds; the others are hardly later for that."""
    monkeypatch.setattr(SqliteLedger, "window", window)
    drilled = _played(played, dead, ["dead.test"], window + window // 10)
    alone = _played(played, dead, ["dead.test"], 1)

    for domain in ALIVE:
        assert _last(drilled, domain) <= _last(alone, domain) + 1.0


@pytest.mark.parametrize("shared", [False, True], ids=["own hosts", "one host"])
def test_who_is_behind_many_dead_domains_is_served(
    played: Played, monkeypatch: pytest.MonkeyPatch, *, shared: bool
) -> None:
    """Each of them could fill the window by itself, or all of them together through the one host that they share."""
    monkeypatch.setattr(SqliteLedger, "window", 100)
    domains = [f"dead{n}.test" for n in range(12 if not shared else 120)]
    drilled = _played(played, HANGS, domains, 150 if not shared else 2, shared=shared)
    alone = _played(played, HANGS, domains[:1], 1)

    for domain in ALIVE:
        assert _last(drilled, domain) <= _last(alone, domain) + 10.0
