"""Turns are evenly spread (invariant I21)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.pace import Pace
from maildrill.smtp.quantity import Rate


def test_without_a_rate_every_turn_is_now() -> None:
    """As fast as it goes."""
    pace = Pace(None)

    assert [pace.turn(5.0), pace.turn(5.0), pace.wait(5.0)] == [5.0, 5.0, 0.0]


def test_turns_are_spread_evenly() -> None:
    """100 in a minute is one every 600 milliseconds."""
    pace = Pace(Rate(100, 60.0))

    assert [pace.turn(0.0), pace.wait(0.0), pace.turn(0.0), pace.wait(0.0)] == [0.0, 0.6, 0.6, 1.2]


def test_what_was_not_used_is_not_saved_up() -> None:
    """After an idle hour the next two turns are still apart."""
    pace = Pace(Rate(100, 60.0))
    pace.turn(0.0)

    assert [pace.turn(3600.0), pace.turn(3600.0)] == [3600.0, 3600.6]


@given(
    rate=st.builds(Rate, st.integers(1, 1000), st.floats(0.1, 1e5)),
    steps=st.lists(st.floats(0, 100), min_size=1, max_size=50),
    window=st.floats(0.1, 1000),
)
def test_no_window_has_more_turns_than_it_may(rate: Rate, steps: list[float], window: float) -> None:
    """Invariant I21 with a burst of one."""
    pace, now, turns = Pace(rate), 0.0, list[float]()
    for step in steps:
        now += step
        turns.append(pace.turn(now))

    for first in turns:
        inside = [at for at in turns if first <= at < first + window]
        assert len(inside) <= 1 + window * rate.count / rate.seconds + 1e-6
