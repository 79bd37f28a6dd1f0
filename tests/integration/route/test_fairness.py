"""Who is slow, or dead, keeps a share of the places and of memory, and nobody else waiting for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from maildrill.scenarios.drill import Drilled
from maildrill.scenarios.fake_dns import Records
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Account, Limits, Member, Mode, RetryPolicy, Route, RouteKind
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.log_text import as_text
from maildrill.sender.route.answers import Found

Played = Callable[..., Drilled]
DIRECT = Route(kind=RouteKind.DIRECT)
#: Each message to the slow one takes a minute.
SLOW = '[[rule]]\nat = "mail"\nwait = "1m"\n'
HANGS = '[[rule]]\nat = "{stage}"\nwait = "2h"\n'
NO_LUCK = RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=7200.0)


def _done(drilled: Drilled, account: str) -> float:
    """Return after how many seconds the last message of a destination was done with."""
    ends = [one.ended for one in drilled.evidence.attempts if one.account == account]
    return max(ends) - drilled.evidence.events[0].at


def _reasons(drilled: Drilled, kind: str, field: str) -> set[object]:
    return {event.fields.get(field) for event in drilled.evidence.events if event.kind == kind}


def _rotation(played: Played, hosts: Mapping[str, str], people: int, connections: int = 4) -> Drilled:
    members = tuple(Member(account=Account(name=name, host=f"{name}.test")) for name in hosts)
    return played(
        people,
        {f"{name}.test": rules for name, rules in hosts.items()},
        route=Route(kind=RouteKind.ROTATION, members=members),
        limits=Limits(connections=connections),
        mode=Mode.MERGE,
    )


def _direct(played: Played, rules: str, dead: int, *, each: int = 1, connections: int = 4) -> Drilled:
    """So many domains that are dead come first in the list, then a hundred of one that is alive."""
    names = [f"dead{n}.test" for n in range(dead)]
    listed = [f"r{n}@{name}" for n in range(each) for name in names] + [f"r{n}@alive.test" for n in range(100)]
    return played(
        listed,
        {**dict.fromkeys(names, rules), "alive.test": ""},
        route=DIRECT,
        limits=Limits(connections=connections),
        retry=NO_LUCK,
        mode=Mode.MERGE,
    )


@pytest.mark.parametrize("window", [SqliteLedger.window, 100, 40])
def test_a_slow_account_does_not_fill_memory(played: Played, monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    """However few recipients are in memory, the other one of two is as fast as it would be by itself."""
    monkeypatch.setattr(SqliteLedger, "window", window)
    drilled = _rotation(played, {"fast": "", "slow": SLOW}, 400)

    assert _done(drilled, "fast") < 5.0
    assert set(drilled.evidence.states.values()) == {State.DELIVERED}


@pytest.mark.parametrize(("connections", "seconds"), [(1, 150.0), (4, 30.0), (20, 5.0)])
def test_nine_slow_accounts_do_not_take_all_places(played: Played, connections: int, seconds: float) -> None:
    """A session that has no message on its way gives way, at nobody's expense; and they all are served, too."""
    slow = {f"slow{n}": SLOW for n in range(9)}
    drilled = _rotation(played, {**slow, "fast": ""}, 200, connections)

    assert _done(drilled, "fast") < seconds
    assert {record.attempts for record in drilled.evidence.recipients} == {1}
    assert set(drilled.evidence.states.values()) == {State.DELIVERED}


@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt"])
def test_a_hundred_dead_domains_cost_a_few_seconds_each(played: Played, stage: str) -> None:
    """Not their deadlines of five minutes: two of four places ask one after the other."""
    drilled = _direct(played, HANGS.format(stage=stage), 100)
    alive = [state for address, state in drilled.evidence.states.items() if address.endswith("@alive.test")]

    assert _done(drilled, "alive.test") < 260.0
    assert set(alive) == {State.DELIVERED}


@pytest.mark.parametrize("connections", [4, 20])
def test_hosts_that_are_mute_behind_the_dot_do_not_take_all_places(played: Played, connections: int) -> None:
    """None of their sessions may be left for ten minutes; a quarter of the places is for those known to serve."""
    mute = [f"mute{n}.test" for n in range(40)]
    people = ["first@alive.test", *(f"r@{name}" for name in mute), *(f"r{n}@alive.test" for n in range(500))]
    drilled = played(
        people,
        {**dict.fromkeys(mute, HANGS.format(stage="dot")), "alive.test": ""},
        route=DIRECT,
        limits=Limits(connections=connections),
        retry=NO_LUCK,
        mode=Mode.MERGE,
    )

    assert _done(drilled, "alive.test") < 60.0
    assert {state for address, state in drilled.evidence.states.items() if "mute" in address} == {State.UNKNOWN}


def test_name_servers_that_do_not_answer_keep_no_other_domain_waiting(played: Played) -> None:
    """Of three hundred domains each look-up takes fifteen seconds; twenty more are begun every other second."""
    names = [f"mute{n}.test" for n in range(300)]
    drilled = played(
        [*(f"r@{name}" for name in names), "r@alive.test"],
        {"alive.test": ""},
        dict.fromkeys(names, Records(fault=Found.TIMEOUT)),
        route=DIRECT,
        retry=NO_LUCK,
    )

    assert _done(drilled, "alive.test") < 60.0
    assert drilled.evidence.states["r@alive.test"] is State.DELIVERED


def test_the_dead_are_heard_out_all_the_same(played: Played) -> None:
    """Half of the places are theirs; whoever answers late is found out, and served."""
    late = '[[rule]]\nat = "banner"\nwait = "4m"\n'
    drilled = _direct(played, late, 12)

    assert _done(drilled, "alive.test") < 40.0
    assert set(drilled.evidence.states.values()) == {State.DELIVERED}
    assert {record.attempts for record in drilled.evidence.recipients} == {1}


def test_many_of_many_dead_domains_do_not_fill_memory(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them has much of it; all together have half."""
    monkeypatch.setattr(SqliteLedger, "window", 100)
    drilled = _direct(played, HANGS.format(stage="banner"), 10, each=50)

    assert _done(drilled, "alive.test") < 30.0


def test_more_dead_domains_than_memory_holds_do_not_fill_it(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are found dead beyond half of it are parked, and end like the others all the same."""
    monkeypatch.setattr(SqliteLedger, "window", 20)
    drilled = _direct(played, HANGS.format(stage="banner"), 60)
    dead = {state for address, state in drilled.evidence.states.items() if "dead" in address}

    assert _done(drilled, "alive.test") < 180.0
    assert dead == {State.HELD}


def test_the_log_says_who_waits_and_why(played: Played) -> None:
    """Who is tardy, and until when; and which session made room."""
    slow_at_first = '[[rule]]\nat = "banner"\nduring = "0s..1m"\nwait = "1m"\n'
    drilled = _direct(played, slow_at_first, 6)
    tardy = [event for event in drilled.evidence.events if event.kind == "destination.tardy"]
    said = [as_text(event.at, event.kind, event.fields) for event in drilled.evidence.events]

    assert {event.fields["relay"] for event in tardy} == {f"dead{n}.test" for n in range(2, 6)}
    assert {event.fields["seconds"] for event in tardy} >= {5.0}
    assert _reasons(drilled, "destination.prompt", "relay") == _reasons(drilled, "destination.tardy", "relay")
    assert any("dead2.test served nobody for 5.0s: while others wait, it waits for a place" in one for one in said)
    assert any("dead2.test serves in seconds again" in one for one in said)
    assert "made room" in _reasons(drilled, "session.refused", "detail")


def test_of_several_places_order_within_a_destination_is_that_of_the_list(played: Played) -> None:
    """Whoever gives way goes on where it was."""
    drilled = _rotation(played, {"slow": SLOW, "slower": SLOW, "fast": ""}, 60, connections=2)
    order: dict[str, list[tuple[float, int]]] = {}
    for one in drilled.evidence.attempts:
        if one.state is State.DELIVERED:
            order.setdefault(one.account, []).append((one.started, int(one.recipient[1:].partition("@")[0])))

    assert all([n for _, n in sorted(tries)] == sorted(n for _, n in tries) for tries in order.values())
