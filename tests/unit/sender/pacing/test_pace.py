"""Turns are spread, and no more than the burst is saved up (invariant I21)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.pacing.pace import Groups, Pace, Throttle, Together
from maildrill.smtp.quantity import Rate


def _taken(throttle: Throttle, turns: int, now: float = 0.0) -> list[float]:
    """Take so many turns, each as soon as it is there."""
    taken = []
    for _ in range(turns):
        now += throttle.wait(now)
        taken.append(throttle.turn(now))
    return taken


def test_without_a_rate_every_turn_is_now() -> None:
    """As fast as it goes."""
    pace = Pace(None)

    assert [pace.turn(5.0), pace.turn(5.0), pace.wait(5.0)] == [5.0, 5.0, 0.0]


def test_turns_are_spread_evenly() -> None:
    """100 in a minute is one every 600 milliseconds."""
    pace = Pace(Rate(100, 60.0))

    assert [pace.turn(0.0), pace.wait(0.0), pace.turn(0.0), pace.wait(0.0)] == [0.0, 0.6, 0.6, 1.2]


def test_without_a_burst_nothing_is_saved_up() -> None:
    """After an idle hour the next two turns are still apart."""
    pace = Pace(Rate(100, 60.0))
    pace.turn(0.0)

    assert [pace.turn(3600.0), pace.turn(3600.0)] == [3600.0, 3600.6]


def test_a_burst_is_had_at_once_and_earned_again() -> None:
    """Three at once, then one every ten seconds; after twenty idle seconds, two."""
    pace = Pace(Rate(6, 60.0), burst=3)

    assert _taken(pace, 5) == [0.0, 0.0, 0.0, 10.0, 20.0]
    assert _taken(pace, 3, 40.0) == [40.0, 40.0, 50.0]


def test_a_group_goes_at_once_and_the_next_waits_for_the_interval() -> None:
    """MaxBulk's Group and Interval: from the last of one group to the first of the next."""
    groups = Groups(2, 60.0)

    assert _taken(groups, 5) == [0.0, 0.0, 60.0, 60.0, 120.0]
    assert _taken(groups, 2, 121.0) == [121.0, 181.0]


def test_a_group_that_dawdled_waits_from_its_last_message() -> None:
    """The interval is a time of nothing, not a time from start to start."""
    groups = Groups(2, 60.0)
    groups.turn(0.0)
    groups.turn(50.0)

    assert groups.wait(50.0) == 60.0


def test_together_the_slowest_decides() -> None:
    """One turn is a turn of each."""
    both = Together(Pace(Rate(1, 5.0)), Groups(2, 60.0))

    assert _taken(both, 4) == [0.0, 5.0, 65.0, 70.0]
    assert Together().wait(3.0) == 0.0


class _Office:
    """Open for the first minute of every hour."""

    def wait(self, now: float) -> float:
        return 0.0 if now % 3600 < 60 else 3600 - now % 3600

    def turn(self, now: float) -> float:
        return now + self.wait(now)


def test_together_a_turn_is_one_that_all_of_them_give() -> None:
    """The pace's turn comes when the office is closed: the office's next hour it is."""
    both = Together(_Office(), Pace(Rate(1, 100.0)))

    assert _taken(both, 3) == [0.0, 3600.0, 7200.0]


@pytest.mark.parametrize("mixed", [lambda pace: pace, lambda pace: Together(pace, Groups(3, 20.0))])
@given(
    rate=st.builds(Rate, st.integers(1, 1000), st.floats(0.1, 1e5)),
    burst=st.integers(1, 20),
    steps=st.lists(st.floats(0, 100), min_size=1, max_size=50),
    window=st.floats(0.1, 1000),
)
def test_no_window_has_more_turns_than_it_may(
    mixed: Callable[[Throttle], Throttle], rate: Rate, burst: int, steps: list[float], window: float
) -> None:
    """Invariant I21, whoever else gives turns out, and however late they are taken."""
    pace, now, turns = mixed(Pace(rate, burst)), 0.0, list[float]()
    for step in steps:
        now += step + pace.wait(now + step)
        turns.append(pace.turn(now))

    for first in turns:
        inside = [at for at in turns if first <= at < first + window]
        assert len(inside) <= burst + window * rate.count / rate.seconds + 1e-6
