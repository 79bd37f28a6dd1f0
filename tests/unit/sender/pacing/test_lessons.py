"""What a destination teaches of itself, and what holds for it then."""

from __future__ import annotations

import pytest

from maildrill.sender.campaign import DestinationLimits, Limits, Mode
from maildrill.sender.pacing.lessons import Kind, Lesson, Pupil, SessionEnd
from maildrill.sender.pacing.limits import Effective, effective, own_limits
from maildrill.smtp import Reply, Stage
from maildrill.smtp.quantity import Rate

ENOUGH = Reply.of("421 4.7.0 enough")


def _ended(messages: int, stage: Stage = Stage.MAIL, said: Reply | None = ENOUGH, idle: float = 0.0) -> SessionEnd:
    return SessionEnd(messages, idle, stage, said)


@pytest.mark.parametrize("said", [ENOUGH, Reply.of("452 4.5.3 Too many messages sent")], ids=str)
def test_twice_the_same_number_of_messages_is_a_limit(said: Reply) -> None:
    """421, or enough, to the sixth MAIL, and in the next session again: five messages in a session."""
    pupil = Pupil("mx")

    assert pupil.session_ended(1.0, _ended(5, said=said)) is None
    assert pupil.session_ended(2.0, _ended(5, said=said)) == Lesson(
        destination="mx", kind=Kind.MESSAGES, value=5, at=2.0, reply=said
    )


@pytest.mark.parametrize(
    "ends",
    [
        [_ended(5), _ended(4), _ended(5)],
        [_ended(0), _ended(0)],
        [_ended(5, said=None), _ended(5, said=None)],
        [_ended(5, said=Reply.of("450 4.2.1 busy")), _ended(5, said=Reply.of("450 4.2.1 busy"))],
        [_ended(5, Stage.RCPT), _ended(5, Stage.RCPT)],
        [_ended(0, Stage.IDLE, None, 60.0)],
        [_ended(5, Stage.IDLE, None, 1.0)],
    ],
)
def test_a_coincidence_is_no_lesson(ends: list[SessionEnd]) -> None:
    """Another number, another place, another reply, or a session that had done nothing."""
    pupil = Pupil("mx")

    assert [pupil.session_ended(float(n), end) for n, end in enumerate(ends)] == [None] * len(ends)


def test_a_session_lost_while_it_was_idle_tells_how_long_it_may_be() -> None:
    """A tenth less than the server bore."""
    lesson = Pupil("mx").session_ended(9.0, _ended(3, Stage.IDLE, None, 60.0))

    assert lesson is not None
    assert (lesson.kind, lesson.value) == (Kind.IDLE, 54.0)


def test_a_quota_that_ends_twice_at_the_same_number_is_a_rate() -> None:
    """Ten in an hour: ten at once, then refusals until the hour is over, and so again."""
    pupil, lessons = Pupil("mx"), []
    for hour in range(3):
        lessons += [pupil.served(hour * 3600.0 + n) for n in range(10)]
        pupil.refused(hour * 3600.0 + 10, ENOUGH)
        pupil.refused(hour * 3600.0 + 900, Reply.of("421 4.7.0 still"))
    (lesson,) = (lesson for lesson in lessons if lesson)

    assert (lesson.kind, lesson.value, lesson.at, lesson.reply) == (Kind.RATE, 10.0, 7200.0, ENOUGH)


def test_an_outage_is_no_rate() -> None:
    """Refusals after five messages, and later after eight; or after a single one, again and again."""
    pupil, lessons = Pupil("mx"), []
    for start, count in ((0, 5), (1000, 8), (2000, 1), (3000, 1), (4000, 1)):
        lessons += [pupil.served(float(start + n)) for n in range(count)]
        pupil.refused(float(start + count), ENOUGH)

    assert set(lessons) == {None}


def test_a_moment_is_no_quota() -> None:
    """Five in a session, then 421, and served at once in the next one: that is a limit of the session."""
    pupil, lessons = Pupil("mx"), []
    for start in range(5):
        lessons += [pupil.served(float(start))] * 5
        pupil.refused(start + 0.5, ENOUGH)

    assert set(lessons) == {None}


def test_too_many_recipients_are_learned_at_once() -> None:
    """There is a code for it; nobody is asked to take less than one."""
    pupil = Pupil("mx")

    assert [pupil.too_many(1.0, accepted, ENOUGH).value for accepted in (7, 0)] == [7, 1]


def _limits(**given: float | Rate | DestinationLimits | dict[str, DestinationLimits]) -> Limits:
    return Limits(**{"connections": 8, **given})  # type: ignore[arg-type]


def test_without_a_word_the_campaigns_limits_hold() -> None:
    """For every destination."""
    assert effective(_limits(), DestinationLimits(), {}) == Effective(
        connections=8, messages=100, recipients=100, idle=10.0, rate=None, burst=1, warm_up=()
    )


def test_what_was_learned_holds_where_it_is_less() -> None:
    """Invariant I22; a rate of 60 an hour is one a minute."""
    learned = {Kind.RECIPIENTS: 7.0, Kind.MESSAGES: 500.0, Kind.IDLE: 4.0, Kind.RATE: 60.0}
    found = effective(_limits(), DestinationLimits(), learned)

    assert (found.recipients, found.messages, found.idle, found.rate) == (7, 100, 4.0, Rate(1, 60.0))
    assert effective(_limits(each=DestinationLimits(rate=Rate(1, 90.0))), DestinationLimits(), learned).rate == Rate(
        1, 90.0
    )
    assert effective(_limits(each=DestinationLimits(rate=Rate(1, 9.0))), DestinationLimits(), learned).rate == Rate(
        1, 60.0
    )


def test_what_is_said_of_a_destination_by_name_overrides_all() -> None:
    """Lessons too; only the connections are never more than all together."""
    own = DestinationLimits(
        connections=20,
        messages_per_connection=500,
        recipients_per_transaction=50,
        rate=Rate(5, 1.0),
        burst=3,
        idle=60.0,
        warm_up=(10,),
    )
    learned = {Kind.RECIPIENTS: 7.0, Kind.MESSAGES: 5.0, Kind.IDLE: 4.0, Kind.RATE: 60.0}
    each = DestinationLimits(connections=2, warm_up=(1, 2), burst=9)

    assert effective(_limits(each=each), own, learned) == Effective(
        connections=8, messages=500, recipients=50, idle=60.0, rate=Rate(5, 1.0), burst=3, warm_up=(10,)
    )
    assert effective(_limits(each=each), DestinationLimits(), {}).connections == 2


def test_in_merge_mode_each_transaction_has_one_recipient() -> None:
    """Whatever the limits say."""
    assert effective(_limits(), DestinationLimits(), {Kind.RECIPIENTS: 9.0}, mode=Mode.MERGE).recipients == 1


def test_the_first_pattern_that_fits_names_a_destination() -> None:
    """By the domain, by a host of it, or by an account's name; letter case does not count."""
    gentle, slow = DestinationLimits(connections=1), DestinationLimits(connections=2)
    limits = _limits(destinations={"*.MX.example": gentle, "x.*": slow})

    assert own_limits(limits, ("x.example", "a.mx.example")) == gentle
    assert own_limits(limits, ("X.example",)) == slow
    assert own_limits(limits, ("y.example",)) == DestinationLimits()
