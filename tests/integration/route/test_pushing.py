"""How hard a destination is pushed: sessions used again, rates, groups, hours, warm-up, and what is learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from maildrill.scenarios.drill import Drilled
from maildrill.scenarios.fake_dns import Records
from maildrill.sender.attempt import State
from maildrill.sender.campaign import DestinationLimits, Limits, Route, RouteKind
from maildrill.sender.pacing.hours import Hours, Opening
from maildrill.sender.route.answers import Mx
from maildrill.smtp import Stage
from maildrill.smtp.quantity import Rate

Played = Callable[..., Drilled]
BERLIN = ZoneInfo("Europe/Berlin")


def _mails(drilled: Drilled) -> list[float]:
    """When each MAIL command was read."""
    return sorted(asked.at for asked in drilled.evidence.asked if asked.stage is Stage.MAIL)


def _events(drilled: Drilled, kind: str) -> list[dict[str, object]]:
    return [dict(event.fields) for event in drilled.evidence.events if event.kind == kind]


def _learned(drilled: Drilled) -> list[tuple[object, object]]:
    return [(event["limit"], event["value"]) for event in _events(drilled, "limit.learned")]


def _all_delivered_once(drilled: Drilled) -> bool:
    once = {record.attempts for record in drilled.evidence.recipients} == {1}
    return once and set(drilled.evidence.states.values()) == {State.DELIVERED}


IDLE = '[[rule]]\nat = "idle"\nage = ">=5s"\nreply = "421 4.4.2 idle for too long"\n'


def test_a_session_that_ended_while_it_was_idle_is_replaced_at_once(played: Played) -> None:
    """Nobody's attempt; and the time is learned, so that from then on we are gone before."""
    drilled = played(40, {"mx.test": IDLE}, limits=Limits(connections=1, rate=Rate(1, 8.0), idle=30.0))
    reasons = Counter(event["reason"] for event in _events(drilled, "session.closed"))

    assert _all_delivered_once(drilled)
    assert drilled.summary.virtual_seconds < 40 * 8 + 5
    ((limit, seconds),) = _learned(drilled)

    assert (limit, round(float(str(seconds)), 1)) == ("idle", 4.5)
    assert reasons["lost"] == 1


def test_a_session_that_waits_is_used_again(played: Played) -> None:
    """One message every eight seconds: one session for all of them, as long as the server bears it."""
    drilled = played(40, {"mx.test": ""}, limits=Limits(connections=4, rate=Rate(1, 8.0)))

    assert len(_events(drilled, "session.opened")) == 1


def test_messages_in_a_session_are_learned(played: Played) -> None:
    """421 to the sixth MAIL, twice: from then on five in a session, and no 421 any more."""
    enough = '[[rule]]\nat = "mail"\nkey = "connection"\nattempt = "6-"\nreply = "421 4.7.0 enough"\n'
    drilled = played(100, {"mx.test": enough}, limits=Limits(connections=1))
    refused = [one for one in drilled.evidence.attempts if one.row == "mail-421"]

    assert _all_delivered_once(drilled)
    assert _learned(drilled) == [("messages", 5)]
    assert [event["response"] for event in _events(drilled, "limit.learned")] == [
        {"code": 421, "enhanced_code": {"class": 4, "subject": 7, "detail": 0}, "content": "enough"}
    ]
    assert len(refused) == 2


def test_a_quota_is_learned_as_a_rate(played: Played) -> None:
    """Ten in an hour: after the second time ten messages are spread over each hour, and hardly any is refused."""
    quota = '[[rule]]\nat = "mail"\nkey = "client"\nover = "10/1h"\nreply = "421 4.7.0 too fast"\n'
    drilled = played(80, {"mx.test": quota}, limits=Limits(connections=1))
    (lesson,) = (value for limit, value in _learned(drilled) if limit == "rate")
    refusals = [one.started for one in drilled.evidence.attempts if one.row == "mail-421"]
    taught = next(event.at for event in drilled.evidence.events if event.fields.get("limit") == "rate")

    assert _all_delivered_once(drilled)
    assert isinstance(lesson, float)
    assert 5 < lesson <= 10
    assert sum(at > taught for at in refusals) <= 3


def test_what_the_campaign_says_by_name_overrides_what_was_learned(played: Played) -> None:
    """The operator knows better, and is refused for it."""
    enough = '[[rule]]\nat = "mail"\nkey = "connection"\nattempt = "6-"\nreply = "421 4.7.0 enough"\n'
    own = {"mx.test:25": DestinationLimits(messages_per_connection=10)}
    drilled = played(60, {"mx.test": enough}, limits=Limits(connections=1, destinations=own))

    assert sum(one.row == "mail-421" for one in drilled.evidence.attempts) > 5


def test_sessions_are_halved_by_a_421_and_grow_again(played: Played) -> None:
    """The server bears three: no more than a handful is sent away, and no breaker opens."""
    three = '[[rule]]\nat = "banner"\nopen = ">3"\nreply = "421 4.7.0 too many connections"\n'
    slow = '[[rule]]\nat = "dot"\nwait = "1s"\n'
    drilled = played(400, {"mx.test": three + slow}, limits=Limits(connections=10))
    allowed = [event["sessions"] for event in _events(drilled, "sessions.allowed")]

    assert _all_delivered_once(drilled)
    assert _events(drilled, "breaker.opened") == []
    assert len(_events(drilled, "session.refused")) <= 15
    assert allowed[0] == 5
    assert 3 in allowed
    assert drilled.summary.virtual_seconds < 400


def test_group_and_interval(played: Played) -> None:
    """MaxBulk's: ten at once, a minute of nothing, ten at once."""
    drilled = played(35, {"mx.test": ""}, limits=Limits(connections=1, group=10, interval=60.0))
    mails = _mails(drilled)
    pauses = [n for n, (before, after) in enumerate(pairwise(mails), start=1) if after - before > 59]

    assert pauses == [10, 20, 30]
    assert mails[-1] - mails[0] < 3 * 62


def test_a_rate_with_a_burst(played: Played) -> None:
    """Invariant I21: in any minute no more than the burst and what the rate gives."""
    drilled = played(60, {"mx.test": ""}, limits=Limits(connections=2, rate=Rate(10, 60.0), burst=5))
    mails = _mails(drilled)

    assert all(sum(first <= at < first + 60 for at in mails) <= 5 + 10 for first in mails)
    assert mails[4] - mails[0] < 3


def test_each_destination_has_its_own_rate(played: Played) -> None:
    """What is said of one by name does not slow the others down."""
    dns = {name: Records(mx=(Mx(10, f"mx.{name}"),)) for name in ("slow.test", "fast.test")}
    limits = Limits(connections=4, destinations={"*slow.test": DestinationLimits(rate=Rate(1, 60.0))})
    people = [f"r{n}@{name}" for n in range(20) for name in dns]
    hosts = {"mx.slow.test": "", "mx.fast.test": ""}
    drilled = played(people, hosts, dns, route=Route(kind=RouteKind.DIRECT), limits=limits)
    ended = {host: max(one.ended for one in drilled.evidence.attempts if one.host == host) for host in hosts}
    began = drilled.evidence.events[0].at

    assert ended["mx.fast.test"] - began < 30
    assert 19 * 60 <= ended["mx.slow.test"] - began < 20 * 60


def test_nothing_is_sent_out_of_hours(played: Played) -> None:
    """By the clock on the wall there, and within a minute of the opening."""
    opening = Opening((Hours(9 * 60, 9 * 60 + 5, frozenset(range(5))),), BERLIN)
    drilled = played(20, {"mx.test": ""}, limits=Limits(connections=2, rate=Rate(1, 60.0), opening=opening))
    local = [datetime.fromtimestamp(at, BERLIN) for at in _mails(drilled)]

    assert {(at.hour, at.minute < 5, at.weekday() < 5) for at in local} == {(9, True, True)}
    assert len({at.date() for at in local}) == 4
    assert _all_delivered_once(drilled)


def test_a_warm_up_grows_by_the_day(played: Played) -> None:
    """Two on the first day, four on the second, eight on the third, then all."""
    limits = Limits(connections=2, each=DestinationLimits(warm_up=(2, 4, 8)), opening=Opening((), UTC))
    drilled = played(40, {"mx.test": ""}, limits=limits)
    days = Counter(datetime.fromtimestamp(at, UTC).date() for at in _mails(drilled))

    assert [days[day] for day in sorted(days)] == [2, 4, 8, 26]
