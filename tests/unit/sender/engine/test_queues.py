"""Who waits, by where they are to go."""

from __future__ import annotations

from collections.abc import Callable

from maildrill.sender.plan import Waiting
from maildrill.sender.queues import Queue, Queues


def _queues(*waiting: Waiting) -> Queues:
    queues = Queues()
    queues.name_of = lambda one: "even" if one.key % 2 == 0 else "odd"
    for one in waiting:
        queues.add(one)
    return queues


def test_everybody_waits_in_a_queue_of_their_own_kind(waiting: Callable[..., Waiting]) -> None:
    """And whoever watches is told which queue got somebody."""
    queues, told = _queues(waiting(1), waiting(2), waiting(3)), list[Queue]()
    queues.changed = told.append
    queues.add(waiting(4))

    assert {queue.name: [one.key for one in queue.agenda] for queue in queues} == {"odd": [1, 3], "even": [2, 4]}
    assert told == [queues["even"]]
    assert (len(queues), bool(queues), bool(_queues())) == (4, True, False)
    assert repr(queues["even"]) == "<queue even: 2>"


def test_a_queue_that_gets_many_is_told_of_once(waiting: Callable[..., Waiting]) -> None:
    """In the order in which they got somebody; by then all of them are there."""
    queues, told = _queues(), list[tuple[str, int]]()
    queues.changed = lambda queue: told.append((queue.name, len(queues)))
    queues.add_all([waiting(1), waiting(2, expires_at=5.0), waiting(3)])

    assert told == [("odd", 3), ("even", 3)]
    assert sorted(queue.name for queue in queues.filled()) == ["even", "odd"]
    assert [(queue.name, len(gone)) for queue, gone in queues.lapsed(6.0)] == [("even", 1)]


def test_lifetimes_end_in_all_queues(waiting: Callable[..., Waiting]) -> None:
    """Each queue gives out its own; nobody twice."""
    queues = _queues(waiting(1, expires_at=9.0), waiting(2, expires_at=5.0), waiting(3, expires_at=50.0), waiting(4))

    assert queues.lapsed(5.0) == []
    assert [(queue.name, [one.key for one in gone]) for queue, gone in queues.lapsed(10.0)] == [
        ("odd", [1]),
        ("even", [2]),
    ]
    assert queues.lapsed(10.0) == []
    assert [(queue.name, [one.key for one in gone]) for queue, gone in queues.lapsed(51.0)] == [("odd", [3])]


def test_a_lifetime_that_begins_while_somebody_waits_is_kept_to(waiting: Callable[..., Waiting]) -> None:
    """The agenda changed it; the queues are told."""
    queues = _queues(waiting(1, due=1.0))
    (queue,) = queues
    ends = waiting(1, due=1.0, expires_at=3.0).standing
    queue.agenda.change(1.0, lambda _: ends)
    queues.bound(queue)

    assert [(queue.name, len(gone)) for queue, gone in queues.lapsed(4.0)] == [("odd", 1)]
