"""What each of several processes has of a campaign: all of it together, nobody twice, and no more than is allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.campaign import (
    Account,
    Campaign,
    DestinationLimits,
    Limits,
    Mailbox,
    Member,
    RetryPolicy,
    Route,
    RouteKind,
)
from maildrill.sender.pacing.lessons import Kind, Pupil
from maildrill.sender.pacing.limits import effective
from maildrill.sender.share import WHOLE, Share, check_shares
from maildrill.smtp import ConfigurationError, Reply
from maildrill.smtp.quantity import Rate

Make = Callable[..., Campaign]
RATE = Rate(100, 60.0)


def shares(of: int) -> list[Share]:
    """All shares of so many processes."""
    return [Share(place, of) for place in range(of)]


@given(of=st.integers(1, 64), key=st.integers(1, 2**63 - 1))
def test_each_recipient_is_in_one_share(of: int, key: int) -> None:
    """Whatever its key is, and however many share."""
    assert sum(share.has(key) for share in shares(of)) == 1
    assert {share.whole for share in shares(of)} == {of == 1}


@pytest.mark.parametrize("of", [2, 3, 8])
@pytest.mark.parametrize("stride", [1, 2, 3, 4, 6, 10])
def test_shares_are_about_as_large(of: int, stride: int) -> None:
    """For the whole list, and for each account of several, to whom recipients go in turn."""
    keys = range(1, 1200 * stride, stride)
    counted = Counter(share.place for key in keys for share in shares(of) if share.has(key))
    assert min(counted.values()) > 0.9 * 1200 / of
    assert max(counted.values()) < 1.1 * 1200 / of


@given(of=st.integers(1, 9), sessions=st.integers(1, 50))
def test_no_two_sessions_have_one_number(of: int, sessions: int) -> None:
    """The numbers of all are those of one process that had begun as many."""
    numbers = sorted(share.number(count) for share in shares(of) for count in range(1, sessions + 1))
    assert numbers == list(range(1, of * sessions + 1))


@given(of=st.integers(1, 9), connections=st.integers(9, 100), own=st.integers(9, 100))
def test_limits_are_shared_out(of: int, connections: int, own: int) -> None:
    """Parts come to the whole, for all destinations, for one by name and for an account; each has one at least."""
    limits = DestinationLimits(connections=own)
    made = Campaign(
        name="club",
        sender=Mailbox("", "office@club.example"),
        subject="",
        account=Account(host="mx.example"),
        list_file=Path("list.csv"),
        email="email",
        text="",
        html=None,
        attachments=(),
        retry=RetryPolicy(schedule=(300.0,), cap=300.0),
        limits=Limits(connections=connections, each=limits, destinations={"*.slow": limits, "*": DestinationLimits()}),
        route=Route(members=(Member(account=Account(host="a.example"), limits=limits),)),
    )
    parts = [share.of_campaign(made) for share in shares(of)]

    assert sum(one.limits.connections for one in parts) == connections
    for each in (
        [one.limits.each.connections for one in parts],
        [one.limits.destinations["*.slow"].connections for one in parts],
        [one.members[0].limits.connections for one in parts],
    ):
        assert sum(part or 0 for part in each) == own
        assert min(part or 0 for part in each) >= 1
    assert {one.limits.destinations["*"].connections for one in parts} == {None}
    assert {one.limits.sharers for one in parts} == {of}
    assert WHOLE.of_campaign(made) == made


def test_a_rate_that_was_learned_is_shared_out() -> None:
    """It is the destination's; each process goes at its part of it, and what it learns is a part of it."""
    alone, third = (effective(Limits(sharers=of), DestinationLimits(), {Kind.RATE: 90.0}).rate for of in (1, 3))
    assert alone == Rate(1, 40.0)
    assert third == Rate(1, 120.0)

    busy = Reply(451, ("4.7.1 enough for now",))
    for of, learned in ((1, 30.0), (3, 90.0)):
        pupil, lesson = Pupil("mx.example", of), None
        for hour in range(3):
            for message in range(30):
                lesson = pupil.served(hour * 3600.0 + message) or lesson
            pupil.refused(hour * 3600.0 + 40, busy)
        assert lesson is not None
        assert lesson.value == pytest.approx(learned)


MEMBER = Member(account=Account(host="a.example"))
OBSTACLES: Mapping[str, tuple[dict[str, object], str]] = {
    "direct": ({"route": Route(kind=RouteKind.DIRECT)}, "it goes directly to the hosts of recipients' domains"),
    "rate": ({"limits": Limits(rate=RATE)}, r"its messages wait for one another \(rate, group\)"),
    "group": ({"limits": Limits(group=10, interval=60.0)}, r"its messages wait for one another \(rate, group\)"),
    "rate_per_destination": (
        {"limits": Limits(each=DestinationLimits(rate=RATE))},
        "messages for a destination wait for one another",
    ),
    "warm_up": (
        {"limits": Limits(destinations={"mx.example": DestinationLimits(warm_up=(50, 100))})},
        "messages for a destination wait for one another",
    ),
    "an account's rate": (
        {"route": Route(members=(replace(MEMBER, limits=DestinationLimits(rate=RATE)),))},
        "messages for a destination wait for one another",
    ),
    "connections": ({"limits": Limits(connections=2)}, "connections = 2"),
    "a destination's connections": (
        {"limits": Limits(destinations={"mx.example": DestinationLimits(connections=1)})},
        "connections = 1",
    ),
}
SLOW = "leave --processes out: one process is enough for what is slowed down on purpose"
_FEW = "a connection for each process, 3 at least", "allow more connections, or fewer processes"
#: What is expected in place of an obstacle, and what to do, where it is no limit that slows down.
ADVICE = {
    "direct": ("one relay, or accounts", "leave --processes out, or send by a relay"),
    "connections": _FEW,
    "a destination's connections": _FEW,
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_cannot_be_shared_out_is_refused(name: str, campaign: Make) -> None:
    """With what it is; one process takes it."""
    given_, what = OBSTACLES[name]
    made = campaign(**given_)
    check_shares(made, 1)

    with pytest.raises(ConfigurationError, match=f"3 processes cannot share this campaign: {what}") as refused:
        check_shares(made, 3)
    assert refused.value.where == str(made.file)
    assert (refused.value.expected, refused.value.hint) == ADVICE.get(name, ("no such limit", SLOW))


def test_what_can_be_shared_out(campaign: Make) -> None:
    """Accounts, hours, and a connection for each process."""
    check_shares(campaign(limits=Limits(connections=3), route=Route(members=(MEMBER, MEMBER))), 3)
