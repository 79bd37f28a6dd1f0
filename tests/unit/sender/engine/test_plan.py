"""Who is due, in which order, and how many at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.plan import Agenda, Waiting
from maildrill.sender.standing import Standing


def _agenda(*waiting: Waiting) -> Agenda:
    agenda = Agenda()
    for one in waiting:
        agenda.add(one)
    return agenda


def test_recipients_come_in_order_of_due_then_of_the_list(waiting: Callable[..., Waiting]) -> None:
    """Whoever waits longest goes first."""
    agenda = _agenda(waiting(3, 5.0), waiting(1, 10.0), waiting(2, 5.0))

    assert [one.key for one in agenda.take(10.0, 10)] == [2, 3, 1]


def test_only_those_due_are_given_out_and_only_once(waiting: Callable[..., Waiting]) -> None:
    """What is not due stays; what was given out is gone until it is put back."""
    agenda = _agenda(waiting(1, 5.0), waiting(2, 20.0))

    assert [one.key for one in agenda.take(10.0, 10)] == [1]
    assert agenda.take(10.0, 10) == []
    assert [one.key for one in agenda] == [2]
    assert agenda.next_due() == 20.0


def test_who_is_put_back_goes_before_those_whose_turn_came_later(waiting: Callable[..., Waiting]) -> None:
    """A turn that could not be used is not lost to recipients that became due in the meantime."""
    agenda = _agenda(*(waiting(key, float(key)) for key in (1, 2, 3)))
    first = agenda.take(3.0, 1)
    agenda.add(first[0])

    assert [one.key for one in agenda.take(3.0, 3)] == [1, 2, 3]


def test_no_more_than_asked_for(waiting: Callable[..., Waiting]) -> None:
    """A batch is as large as it may be, the rest is still due."""
    agenda = _agenda(*(waiting(key) for key in range(5)))

    assert len(agenda.take(0.0, 3)) == 3
    assert agenda.ready(0.0) == 2
    assert agenda.next_due() == 0.0
    assert agenda.next_later() is None


def test_an_empty_agenda_has_no_next(waiting: Callable[..., Waiting]) -> None:
    """Nobody waits."""
    agenda = _agenda()

    assert (len(agenda), agenda.next_due(), agenda.next_later()) == (0, None, None)


def test_nobody_is_tried_after_their_lifetime(waiting: Callable[..., Waiting]) -> None:
    """Invariant I14: they are given out to be settled instead."""
    agenda = _agenda(waiting(1, 5.0, expires_at=9.0), waiting(2, 6.0, expires_at=100.0), waiting(3, 20.0))

    assert agenda.lapsed(9.0) == []
    assert [one.key for one in agenda.take(10.0, 10)] == [2]
    assert [one.key for one in agenda.lapsed(10.0)] == [1]
    assert agenda.lapsed(10.0) == []
    assert [one.key for one in agenda] == [3]


def test_the_last_moment_of_a_lifetime_belongs_to_it(waiting: Callable[..., Waiting]) -> None:
    """Nobody lapses at the moment that is their end: who is due then is tried."""
    agenda = _agenda(waiting(1, 5.0, expires_at=9.0), waiting(2, 5.0, expires_at=8.0))

    assert [one.key for one in agenda.lapsed(9.0)] == [2]
    assert [one.key for one in agenda.take(9.0, 10)] == [1]


def test_clearing_gives_out_everybody(waiting: Callable[..., Waiting]) -> None:
    """Due or not."""
    agenda = _agenda(waiting(2, 50.0), waiting(1, 60.0), waiting(3, 0.0))
    agenda.ready(10.0)

    assert [one.key for one in agenda.clear()] == [3, 2, 1]
    assert len(agenda) == 0


def test_changing_touches_only_those_due(waiting: Callable[..., Waiting]) -> None:
    """Whoever is not due did not notice that the host was away; the new end of a lifetime is kept to."""
    agenda = _agenda(waiting(1, 5.0), waiting(2, 5.0, expires_at=8.0), waiting(3, 50.0))

    def end(standing: Standing) -> Standing:
        return standing if standing.expires_at else replace(standing, expires_at=7.0)

    assert [one.key for one in agenda.change(5.0, end)] == [1]
    assert [one.key for one in agenda.lapsed(10.0)] == [1, 2]


def test_nobody_without_a_due_time_is_taken_in(waiting: Callable[..., Waiting]) -> None:
    """A settled recipient does not wait."""
    with pytest.raises(ValueError, match=r"nothing is due for r1@x\.example"):
        Agenda().add(waiting(1, None))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=30), st.lists(st.floats(0, 200), max_size=10))
def test_everybody_is_given_out_exactly_once(people: list[tuple[float, float]], moments: list[float]) -> None:
    """Taken or lapsed, nobody is lost and nobody comes twice."""
    agenda = Agenda()
    for key, (due, end) in enumerate(people):
        agenda.add(Waiting(key, f"r{key}@x.example", 0.0, Standing(due=due, expires_at=due + end)))
    out: list[int] = []
    for now in [*sorted(moments), 1000.0]:
        over = agenda.lapsed(now)
        batch = agenda.take(now, 3)
        assert all(one.standing.expires_at is not None and one.standing.expires_at < now for one in over)
        assert all(
            one.standing.due is not None and one.standing.due <= now <= (one.standing.expires_at or 0.0)
            for one in batch
        )
        out += [one.key for one in (*over, *batch)]

    assert sorted([*out, *(one.key for one in agenda)]) == list(range(len(people)))
