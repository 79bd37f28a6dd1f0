"""Several accounts, in rotation and in failover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from maildrill.scenarios.drill import Drilled
from maildrill.sender.attempt import State, Verdict
from maildrill.sender.campaign import Account, Limits, Member, RetryPolicy, Route, RouteKind, UnknownPolicy
from maildrill.sender.credentials import Credentials, Mechanism
from maildrill.sender.secret import Secret
from maildrill.sender.security import Security, TlsMode
from maildrill.smtp.quantity import Rate

DOWN = '[[rule]]\nat = "connect"\nduring = "{span}"\ncut = "refuse"\n'

Played = Callable[..., Drilled]
PACED = Limits(connections=4, rate=Rate(1, 10.0))


def accounts(*names: str, kind: RouteKind = RouteKind.ROTATION, weight: Sequence[int] = (1, 1)) -> Route:
    """A route over accounts that are called as their hosts."""
    members = (
        Member(account=Account(host=name, name=name), weight=share) for name, share in zip(names, weight, strict=True)
    )
    return Route(kind=kind, members=tuple(members))


def _delivered(drilled: Drilled) -> Counter[str]:
    """Who delivered how many."""
    return Counter(one.host for one in drilled.evidence.attempts if one.verdict is Verdict.DELIVERED)


def _all_delivered(drilled: Drilled) -> bool:
    return set(drilled.evidence.states.values()) == {State.DELIVERED}


def test_accounts_share_the_recipients_by_weight(played: Played) -> None:
    """Three to one; each attempt says whose it was."""
    drilled = played(40, {"a.test": "", "b.test": ""}, route=accounts("a.test", "b.test", weight=[3, 1]))

    assert _delivered(drilled) == {"a.test": 30, "b.test": 10}
    assert {(one.account, one.host) for one in drilled.evidence.attempts} == {
        ("a.test", "a.test"),
        ("b.test", "b.test"),
    }


def test_a_deferred_recipient_stays_with_its_account(played: Played) -> None:
    """Greylisting remembers who came."""
    grey = '[[rule]]\nat = "rcpt"\nkey = "rcpt"\nattempt = "1"\nreply = "450 4.7.1 grey"\n'
    drilled = played(10, {"a.test": grey, "b.test": grey}, route=accounts("a.test", "b.test"))

    assert _all_delivered(drilled)
    assert {len({try_.host for try_ in tries}) for tries in drilled.evidence.attempts_of.values()} == {1}


def test_while_an_account_is_down_the_next_one_sends(played: Played) -> None:
    """Failover: the second takes over when the breaker of the first has opened, and gives back when it recovers."""
    route = accounts("a.test", "b.test", kind=RouteKind.FAILOVER)
    drilled = played(1000, {"a.test": DOWN.format(span="10m..1h"), "b.test": ""}, route=route, limits=PACED)
    order = [one.host for one in drilled.evidence.attempts if one.verdict is Verdict.DELIVERED]
    changes = [order[0], *(now for before, now in pairwise(order) if now != before)]

    assert _all_delivered(drilled)
    assert changes == ["a.test", "b.test", "a.test"]
    assert 150 < order.count("b.test") < 500
    assert {record.attempts for record in drilled.evidence.recipients} == {1}


def test_an_account_that_logs_in_begins_with_one_session(played: Played) -> None:
    """A wrong password is said once (many at a time lock accounts); once it was right there are as many as allowed."""
    login = Credentials(user="ann", secret=Secret("env:X", lambda: "x"), mechanisms=(Mechanism.PLAIN,), plaintext=True)
    account = Account(host="a.test", auth=login, security=Security(mode=TlsMode.NONE))
    server = '[server]\nauth = ["PLAIN"]\n[[rule]]\nat = "auth"\nwait = "10s"\n'
    slow = '[[rule]]\nat = "dot"\nwait = "10s"\n'
    wrong = played(20, {"a.test": server + 'reply = "535 5.7.8 no"\n'}, account=account)
    right = played(20, {"a.test": f'{server}then = "pass"\n{slow}then = "pass"\n'}, account=account)

    assert [one.row for one in wrong.evidence.attempts] == ["auth-5yz"]
    assert set(wrong.evidence.states.values()) == {State.HELD}
    assert wrong.summary.connections == 1
    assert _all_delivered(right)
    assert right.summary.connections == 4
    assert right.summary.virtual_seconds < 90


def test_in_rotation_too(played: Played) -> None:
    """The share of the one that is down goes to the other; nobody waits for it, and nobody is charged."""
    drilled = played(40, {"a.test": DOWN.format(span="0s..20h"), "b.test": ""}, route=accounts("a.test", "b.test"))

    assert _all_delivered(drilled)
    assert drilled.summary.virtual_seconds < 120
    assert {record.attempts for record in drilled.evidence.recipients} == {1}


def test_a_held_account_leaves_its_recipients_to_the_other(played: Played) -> None:
    """530 at MAIL is about the account (invariant I55): who was asked for with it is held, everybody else is sent."""
    wants = '[[rule]]\nat = "mail"\nreply = "530 5.7.0 log in first"\n'
    drilled = played(40, {"a.test": wants, "b.test": ""}, route=accounts("a.test", "b.test"))
    states = Counter(drilled.evidence.states.values())

    assert states[State.DELIVERED] >= 38
    assert states[State.DELIVERED] + states[State.HELD] == 40


def test_a_held_account_does_not_wait_for_one_that_is_away(played: Played) -> None:
    """The other comes back after an hour, and takes all."""
    wants = '[[rule]]\nat = "mail"\nreply = "530 5.7.0 log in first"\n'
    drilled = played(40, {"a.test": wants, "b.test": DOWN.format(span="0s..1h")}, route=accounts("a.test", "b.test"))

    assert Counter(drilled.evidence.states.values())[State.DELIVERED] >= 38


def test_all_accounts_held_hold_everybody(played: Played) -> None:
    """There is nobody left to send."""
    wants = '[[rule]]\nat = "mail"\nreply = "530 5.7.0 log in first"\n'
    drilled = played(20, {"a.test": wants, "b.test": wants}, route=accounts("a.test", "b.test"))

    assert set(drilled.evidence.states.values()) == {State.HELD}


@pytest.mark.parametrize("kind", [RouteKind.ROTATION, RouteKind.FAILOVER])
def test_nobody_goes_to_another_host_within_a_minute_of_an_unknown(played: Played, kind: RouteKind) -> None:
    """At least once: the same copy again, but not before the reply to the first can have come (RFC 1047)."""
    lost = '[[rule]]\nat = "dot"\ncommit = true\ncut = "before"\ntimes = 9\n'
    policy = RetryPolicy(schedule=(1.0,), cap=1.0, lifetime=86400.0, unknown=UnknownPolicy.AT_LEAST_ONCE)
    drilled = played(20, {"a.test": lost, "b.test": ""}, route=accounts("a.test", "b.test", kind=kind), retry=policy)
    tries = drilled.evidence.attempts_of.values()
    gaps = [
        after.started - before.ended
        for of in tries
        for before, after in pairwise(of)
        if before.verdict is Verdict.UNKNOWN
    ]

    assert _all_delivered(drilled)
    assert len(gaps) >= 8
    assert min(gaps) >= 60
