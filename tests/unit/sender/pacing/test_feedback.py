"""How many sessions a destination bears is found out by halving and by adding one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.pacing.feedback import GROWTH, Feedback


def _answered(feedback: Feedback, times: int) -> Feedback:
    for _ in range(times):
        feedback = feedback.answered()
    return feedback


def test_a_refused_session_halves_the_number() -> None:
    """Eight were open: four are allowed."""
    assert Feedback(ceiling=10, allowed=10).refused(5.0, 1.0, 8).allowed == 4
    assert Feedback(ceiling=10, allowed=1).refused(5.0, 1.0, 8).allowed == 1


def test_sessions_refused_together_halve_it_once() -> None:
    """Three of eight are sent away in the same second: that is one piece of news."""
    feedback = Feedback(ceiling=8, allowed=8).refused(5.0, 1.0, 8)

    assert feedback.refused(5.1, 1.0, 7) is feedback
    assert feedback.refused(9.0, 6.0, 4).allowed == 2


def test_so_many_served_allow_one_more() -> None:
    """Ten for each session that there may be, and twice as many after each halving in a row."""
    feedback = Feedback(ceiling=8, allowed=4).refused(5.0, 1.0, 4)

    assert _answered(feedback, GROWTH * 2 * 2 - 1).allowed == 2
    assert _answered(feedback, GROWTH * 2 * 2).allowed == 3


def test_a_new_destination_grows_to_its_ceiling_and_no_further() -> None:
    """Without a refusal there is nothing to count at the ceiling."""
    feedback = _answered(Feedback(ceiling=3, allowed=1), 1000)

    assert feedback.allowed == 3
    assert feedback.answered() is feedback


def test_long_peace_at_the_ceiling_forgets_the_halvings() -> None:
    """The next one is taken as the first."""
    feedback = _answered(Feedback(ceiling=2, allowed=2).refused(5.0, 1.0, 2), 10_000)

    assert (feedback.allowed, feedback.cuts) == (2, 0)


@given(st.integers(1, 9), st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=60))
def test_it_stays_between_one_and_the_ceiling(ceiling: int, moves: list[tuple[bool, int]]) -> None:
    """Whatever comes (invariant I20)."""
    feedback = Feedback(ceiling=ceiling, allowed=ceiling)
    for now, (refused, count) in enumerate(moves):
        before = feedback.allowed
        feedback = feedback.refused(now, now, count) if refused else _answered(feedback, count)
        assert 1 <= feedback.allowed <= ceiling
        assert not refused or feedback.allowed <= max(before // 2, 1)
