"""Defects, seeded: each behaviour of routes and limits has a test that notices when it is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from maildrill.scenarios.drill import Drilled
from maildrill.scenarios.fake_dns import Records
from maildrill.sender import dispatch, disposition, standing
from maildrill.sender.attempt import State
from maildrill.sender.campaign import (
    Account,
    DestinationLimits,
    Limits,
    Member,
    RetryPolicy,
    Route,
    RouteKind,
    UnknownPolicy,
)
from maildrill.sender.credentials import Credentials, Mechanism
from maildrill.sender.gate import Gate
from maildrill.sender.look_ups import AT_ONCE, LookUps
from maildrill.sender.pacing.feedback import Feedback
from maildrill.sender.pacing.hours import Hours, Opening, WarmUp
from maildrill.sender.pacing.lessons import Pupil
from maildrill.sender.pacing.pace import Groups, Pace
from maildrill.sender.places import Places
from maildrill.sender.route import direct, ways
from maildrill.sender.route.answers import Found, Mx
from maildrill.sender.route.candidates import targets as honest_targets
from maildrill.sender.secret import Secret
from maildrill.sender.security import Security, TlsMode
from maildrill.smtp.quantity import Rate

Played = Callable[..., Drilled]
Patch = pytest.MonkeyPatch
SILENT = ("a.test", "b.test", "c.test", "d.test", "e.test", "f.test")
DOWN = '[[rule]]\nat = "connect"\ncut = "refuse"\n'
TWO = {"x.example": Records(mx=(Mx(10, "mx1.test"), Mx(20, "mx2.test")))}
DIRECT = Route(kind=RouteKind.DIRECT)
PAIR = Route(members=tuple(Member(account=Account(host=host, name=host)) for host in ("a.test", "b.test")))
LOGIN = Credentials(user="ann", secret=Secret("env:X", lambda: "x"), mechanisms=(Mechanism.PLAIN,), plaintext=True)
WRONG = '[server]\nauth = ["PLAIN"]\n[[rule]]\nat = "auth"\nwait = "1s"\nreply = "535 5.7.8 no"\n'
LOST = '[[rule]]\nat = "dot"\ncommit = true\ncut = "before"\ntimes = 1\n'
AGAIN = RetryPolicy(schedule=(1.0,), cap=1.0, lifetime=86400.0, unknown=UnknownPolicy.AT_LEAST_ONCE)
ENOUGH = '[[rule]]\nat = "mail"\nkey = "connection"\nattempt = "6-"\nreply = "421 4.7.0 enough"\n'
THREE = '[[rule]]\nat = "banner"\nopen = ">3"\nreply = "421 4.7.0 too many"\n[[rule]]\nat = "dot"\nwait = "1s"\n'


@dataclass(frozen=True)
class Case:
    """What is broken, the drill, and how the drill is told from a good one."""

    name: str
    seed: Callable[[Patch], None]
    recipients: Any
    hosts: dict[str, str]
    given: dict[str, Any]
    good: Callable[[Drilled], bool]
    dns: dict[str, Records] | None = None


def _at_once(*classes: type) -> Callable[[Patch], None]:
    def seed(patch: Patch) -> None:
        for one in classes:
            patch.setattr(one, "wait", lambda *_: 0.0)

    return seed


def _setting(where: object, name: str, value: object) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(where, name, value)


def _quick(drilled: Drilled) -> bool:
    return set(drilled.evidence.states.values()) == {State.DELIVERED} and drilled.summary.virtual_seconds < 300


def _slow(seconds: float) -> Callable[[Drilled], bool]:
    return lambda drilled: drilled.summary.virtual_seconds >= seconds


def _hosts(*names: str) -> Callable[[Drilled], bool]:
    return lambda drilled: {one.host for one in drilled.evidence.attempts} == set(names)


def _seldom(row: str, most: int) -> Callable[[Drilled], bool]:
    return lambda drilled: sum(one.row == row for one in drilled.evidence.attempts) <= most


def _when(drilled: Drilled, host: str) -> float:
    """Return after how many seconds a host had its last message."""
    return max(one.ended for one in drilled.evidence.attempts if one.host == host) - drilled.evidence.events[0].at


CASES = [
    Case(
        "enough messages are a deferral",
        _setting(disposition, "enough", lambda _: False),
        20,
        {"a.test": ENOUGH.replace("421 4.7.0", "452 4.5.3")},
        {"limits": Limits(connections=1)},
        _quick,
    ),
    Case(
        "a wrong password is said by everybody at once",
        _setting(Gate, "knock", lambda _: None),
        20,
        {"a.test": WRONG},
        {"account": Account(host="a.test", auth=LOGIN, security=Security(mode=TlsMode.NONE))},
        lambda drilled: drilled.summary.connections == 1,
    ),
    Case(
        "nobody stands in",
        _setting(ways, "stand_in", lambda working, at: at),
        20,
        {"a.test": DOWN, "b.test": ""},
        {"route": PAIR, "retry": RetryPolicy(schedule=(60.0,), cap=60.0, lifetime=3600.0)},
        _quick,
    ),
    Case(
        "everybody to the first",
        _setting(ways, "home", lambda *_: 0),
        20,
        {"a.test": "", "b.test": ""},
        {"route": PAIR},
        _hosts("a.test", "b.test"),
    ),
    Case(
        "only the best host",
        _setting(direct, "targets", lambda *given, **more: honest_targets(*given, **more)[:1]),
        5,
        {"mx1.test": '[[rule]]\nat = "banner"\nreply = "554 no"\n', "mx2.test": ""},
        {"route": DIRECT, "limits": Limits(connections=1)},
        lambda drilled: len(drilled.evidence.attempts) == 5,
        TWO,
    ),
    Case(
        "the worst host first",
        _setting(direct, "targets", lambda *given, **more: honest_targets(*given, **more)[::-1]),
        5,
        {"mx1.test": "", "mx2.test": ""},
        {"route": DIRECT},
        _hosts("mx1.test"),
        TWO,
    ),
    Case(
        "dead hosts are tried every time",
        _setting(direct.Hosts, "down", lambda *_: False),
        100,
        {"mx1.test": DOWN, "mx2.test": ""},
        {"route": DIRECT, "limits": Limits(connections=1, messages_per_connection=2)},
        lambda drilled: sum(event.kind == "session.refused" for event in drilled.evidence.events) <= 6,
        TWO,
    ),
    Case(
        "an answer that may change is final",
        _setting(disposition, "row_of", lambda *_, **__: "dns-nxdomain"),
        3,
        {"mx1.test": ""},
        {"route": DIRECT},
        lambda drilled: State.FAILED not in drilled.evidence.states.values(),
        {"x.example": Records(mx=(Mx(1, "mx1.test"),), fault=Found.TROUBLE)},
    ),
    Case(
        "an unknown is sent again at once",
        _setting(standing, "DOT_TIMEOUT", 0.0),
        5,
        {"a.test": LOST, "b.test": LOST},
        {"route": PAIR, "retry": AGAIN},
        _slow(60),
    ),
    Case(
        "the office is always open",
        _at_once(Opening),
        5,
        {"mx.test": ""},
        {"limits": Limits(opening=Opening((Hours(3 * 60, 3 * 60 + 1, frozenset({2})),)))},
        _slow(3600),
    ),
    Case("no interval", _at_once(Groups), 20, {"mx.test": ""}, {"limits": Limits(group=5, interval=60.0)}, _slow(180)),
    Case("no rate", _at_once(Pace), 20, {"mx.test": ""}, {"limits": Limits(rate=Rate(1, 10.0))}, _slow(180)),
    Case(
        "no warm-up",
        _at_once(WarmUp),
        20,
        {"mx.test": ""},
        {"limits": Limits(each=DestinationLimits(warm_up=(2, 4)))},
        _slow(86400),
    ),
    Case(
        "learns nothing",
        _setting(Pupil, "session_ended", lambda *_: None),
        100,
        {"mx.test": ENOUGH},
        {"limits": Limits(connections=1)},
        _seldom("mail-421", 2),
    ),
    Case(
        "never fewer sessions",
        _setting(Feedback, "refused", lambda self, *_: self),
        20,
        {"mx.test": THREE},
        {"limits": Limits(connections=10)},
        lambda drilled: sum(event.kind == "session.refused" for event in drilled.evidence.events) <= 15,
    ),
    Case(
        "no turns",
        _setting(dispatch.Dispatch, "crowded", lambda *_: False),
        [f"r{n}@{name}" for name in ("a.test", "b.test") for n in range(60)],
        {"mx.a.test": "", "mx.b.test": ""},
        {"route": DIRECT, "limits": Limits(connections=1)},
        lambda drilled: len({one.host for one in drilled.evidence.attempts[:40]}) == 2,
        {name: Records(mx=(Mx(1, f"mx.{name}"),)) for name in ("a.test", "b.test")},
    ),
    Case(
        "nobody gives way",
        _setting(Places, "giving_way", lambda *_: []),
        [f"r@{name}" for name in (*SILENT, "z.test")],
        {**dict.fromkeys(SILENT, '[[rule]]\nat = "banner"\nwait = "2h"\n'), "z.test": ""},
        {"route": DIRECT, "retry": RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=3600.0)},
        lambda drilled: _when(drilled, "z.test") < 60.0,
    ),
    Case(
        "slow name servers are waited for",
        _setting(LookUps, "room", lambda look_ups, _: len(look_ups._begun) < AT_ONCE),
        [*(f"r@mute{n}.test" for n in range(100)), "r@z.test"],
        {"z.test": ""},
        {"route": DIRECT, "retry": RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=900.0)},
        lambda drilled: _when(drilled, "z.test") < 60.0,
        {f"mute{n}.test": Records(fault=Found.TIMEOUT) for n in range(100)},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_drill_tells_the_defect(case: Case, played: Played, monkeypatch: Patch) -> None:
    """Good without the defect, and not with it."""
    good = played(case.recipients, case.hosts, case.dns, **case.given)
    assert case.good(good)

    case.seed(monkeypatch)

    assert not case.good(played(case.recipients, case.hosts, case.dns, judged=False, **case.given))
