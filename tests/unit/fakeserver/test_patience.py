"""When silence means something."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.patience import Patience


def test_each_age_is_reached_once_in_a_silence() -> None:
    """Ascending, at the exact time, and the last is the end."""
    patience = Patience((60.0, 90.0, 300.0))

    assert patience.start(1000.0, between=True) == 1060.0
    assert [patience.fire() for _ in range(3)] == [(60.0, 1090.0), (90.0, 1300.0), (300.0, None)]


def test_within_a_command_only_the_end_counts() -> None:
    """A message that comes slowly is not idle."""
    patience = Patience((60.0, 300.0))

    assert patience.start(1000.0, between=False) == 1300.0
    assert patience.fire() == (300.0, None)


def test_a_timer_that_is_early_enough_stays() -> None:
    """A busy session sets no timer with each command; the one that fires too early moves on."""
    patience = Patience((300.0,))
    first = patience.start(0.0, between=True)
    more = [patience.start(at, between=True) for at in (1.0, 2.0, 250.0)]

    assert (first, more) == (300.0, [None, None, None])
    assert patience.fire() == (None, 550.0)
    assert patience.fire() == (300.0, None)


def test_a_timer_that_is_too_late_is_moved() -> None:
    """After a message the short age counts again."""
    patience = Patience((60.0, 300.0))
    patience.start(0.0, between=False)

    assert patience.start(10.0, between=True) == 70.0


def test_nothing_is_due_while_it_is_the_servers_turn() -> None:
    """The timer goes on, and finds nothing."""
    patience = Patience((60.0,))
    patience.start(0.0, between=True)
    patience.stop()
    patience.heard(30.0)

    assert patience.fire() == (None, 120.0)
    assert patience.fire() == (None, 180.0)


def test_octets_of_a_message_count_and_those_of_a_command_do_not() -> None:
    """Silence within a message begins with its last octet, between commands with the last reply."""
    body, command = Patience((300.0,)), Patience((300.0,))
    body.start(0.0, between=False)
    command.start(0.0, between=True)
    body.heard(200.0)
    command.heard(200.0)

    assert body.fire() == (None, 500.0)
    assert command.fire() == (300.0, None)


@given(
    st.lists(st.tuples(st.floats(0.0, 400.0), st.booleans()), min_size=1),
    st.lists(st.floats(1.0, 299.0), max_size=3, unique=True).map(lambda ages: (*sorted(ages), 300.0)),
)
def test_no_age_is_missed_or_early(turns: list[tuple[float, bool]], ages: tuple[float, ...]) -> None:
    """However turns and timers fall, each silence reaches exactly the ages that it is long enough for."""
    patience, timer, now = Patience(ages), float("inf"), 0.0
    for silence, between in turns:
        when = patience.start(now, between=between)
        timer = timer if when is None else when
        end, reached, over = now + silence, [], False
        while timer <= end and not over:
            at = timer
            age, when = patience.fire()
            timer = float("inf") if when is None else when
            if age is not None:
                reached.append(age)
                over = age == 300.0

                assert at == now + age
        due = [age for age in (ages if between else ages[-1:]) if now + age <= end]

        assert reached == due
        if over:
            return
        now = end
