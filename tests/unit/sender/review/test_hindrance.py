"""Why somebody who is due still waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from maildrill.sender.attempt import State, Verdict
from maildrill.sender.campaign import Account, Member, Route, RouteKind
from maildrill.sender.log_event import LogEvent
from maildrill.sender.review.advice import advice
from maildrill.sender.review.hindrance import destinations_of, hindrances

Make = Callable[..., Any]
NOON = 1767614400.0
TWO = tuple(Member(account=Account(host=f"{name}.test", name=name)) for name in ("a", "b"))


def _said(kind: str, relay: str = "mx.test:25", **fields: object) -> LogEvent:
    return LogEvent(1, NOON, kind, {"relay": relay, **fields})


DOWN = _said("breaker.opened", failures=5, until=NOON + 60)
TARDY = _said("destination.tardy", seconds=60.0)
FEW = _said("sessions.allowed", sessions=2)


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ([DOWN], ["failed 5 times in a row"]),
        ([TARDY], ["served nobody for 60.0s: while others wait, such destinations share half of [limits] connections"]),
        ([FEW], ["no more than 2 sessions at once"]),
        ([DOWN, TARDY, FEW], ["failed 5", "served nobody", "no more than 2"]),
        ([DOWN, _said("breaker.closed")], []),
        ([TARDY, _said("destination.prompt")], []),
        ([TARDY, _said("run.started")], []),
        ([TARDY, _said("destination.prompt", "other.test:25"), _said("line")], ["served nobody"]),
        ([_said("destination.tardy", "other.test:25", seconds=9.0)], []),
    ],
)
def test_the_log_says_what_holds_of_a_destination(recipient: Make, log: list[LogEvent], told: list[str]) -> None:
    """As long as nothing took it back, in the run that is under way."""
    due = recipient("a@x.test", State.DEFERRED, due=NOON)
    found = hindrances(due, {"mx.test:25"}, log, NOON)

    assert len(found) == len(told)
    assert all(one in line for one, line in zip(told, found, strict=True))
    assert all(line.startswith("mx.test:25 ") and line.endswith("(since 2026-01-05T12:00:00.000Z)") for line in found)


def test_who_is_not_due_waits_for_that_alone(recipient: Make) -> None:
    """Nor is anybody hindered who is done."""
    later, done = recipient("a@x", State.PENDING, due=NOON + 1), recipient("a@x", State.DELIVERED)

    assert hindrances(later, {"mx.test:25"}, [TARDY], NOON) == []
    assert hindrances(done, {"mx.test:25"}, [TARDY], NOON) == []
    assert hindrances(recipient("a@x", State.PENDING), {"mx.test:25"}, [TARDY], NOON) == []


def test_the_destination_is_that_of_the_last_try(recipient: Make, attempt: Make, campaign: Make) -> None:
    """By its label; of accounts by the relay, too."""
    one = recipient("a@x.test", State.DEFERRED)
    tries = [attempt("a@x.test", Verdict.DEFERRED, account=name) for name in ("b", "a")]
    direct = campaign(route=Route(kind=RouteKind.DIRECT))

    assert destinations_of(one, tries, None) == {"a"}
    assert destinations_of(one, tries, direct) == {"a"}
    assert destinations_of(one, tries, campaign(route=Route(members=TWO))) == {"a", "a.test:25"}


def test_whoever_was_never_tried_goes_where_the_campaign_says(recipient: Make, campaign: Make) -> None:
    """In rotation by the key, in failover to the first, by itself to the domain."""
    one = recipient("a@X.test", State.PENDING, key=1)
    rotation, failover = Route(members=TWO), Route(kind=RouteKind.FAILOVER, members=TWO)

    assert destinations_of(one, [], None) == frozenset()
    assert destinations_of(one, [], campaign(route=Route(kind=RouteKind.DIRECT))) == {"x.test"}
    assert destinations_of(one, [], campaign(route=rotation)) == {"b", "b.test:25"}
    assert destinations_of(one, [], campaign(route=failover)) == {"a", "a.test:25"}
    assert destinations_of(one, [], campaign()) == {"mx.example:25"}


def test_it_is_said_before_what_happens_by_itself(recipient: Make) -> None:
    """`it waits: …`."""
    said = advice(recipient("a@x", State.PENDING, due=NOON), now=NOON, sending=True, hindered=["mx is slow"])

    assert said[0] == "it waits: mx is slow"
    assert said[1].startswith("it is tried again now")
