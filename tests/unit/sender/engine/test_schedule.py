"""What is to be looked at now, and when the next one is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.schedule import Schedule


def _schedule(*things: str) -> Schedule[str]:
    schedule: Schedule[str] = Schedule()
    for thing in things:
        schedule.look_at(thing)
    return schedule


def test_whoever_waits_waits_in_line() -> None:
    """First come, first looked at; whoever got something goes to the end."""
    schedule = _schedule("a", "b", "a", "c")

    assert schedule.due(0.0) == ["a", "b", "c"]
    schedule.to_the_end("a")
    assert schedule.due(0.0) == ["b", "c", "a"]


def test_what_is_done_comes_back_with_its_alarm() -> None:
    """Once."""
    schedule = _schedule("a", "b")
    schedule.done("a", 10.0)
    schedule.done("b", None)

    assert (schedule.due(5.0), schedule.next_alarm()) == ([], 10.0)
    assert (schedule.due(10.0), schedule.next_alarm()) == (["a"], None)


def test_a_thing_has_one_alarm() -> None:
    """The latest word counts; an alarm that was called off does not go."""
    schedule = _schedule("a", "b")
    schedule.done("a", 10.0)
    schedule.done("a", 20.0)
    schedule.done("a", 20.0)
    schedule.done("b", 15.0)
    schedule.done("b", None)

    assert (schedule.due(15.0), schedule.next_alarm()) == ([], 20.0)
    assert schedule.due(20.0) == ["a"]


def test_alarms_of_one_moment_go_in_the_order_in_which_they_were_set() -> None:
    """Nothing of the things themselves is compared: they need not have an order."""
    things = [object() for _ in range(5)]
    schedule: Schedule[object] = Schedule()
    for thing in things:
        schedule.done(thing, 10.0)

    assert schedule.due(10.0) == things


def test_what_does_not_wait_may_go_to_the_end_too() -> None:
    """Then it waits."""
    schedule = _schedule("a")
    schedule.to_the_end("b")

    assert schedule.due(0.0) == ["a", "b"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.floats(0, 100)))))
def test_only_the_last_alarm_of_each_goes(moves: list[tuple[str, float | None]]) -> None:
    """Whatever was set before it."""
    schedule, last = _schedule(), dict[str, float | None]()
    for thing, alarm in moves:
        schedule.done(thing, alarm)
        last[thing] = alarm

    assert schedule.next_alarm() == min((at for at in last.values() if at is not None), default=None)
    assert set(schedule.due(200.0)) == {thing for thing, at in last.items() if at is not None}
