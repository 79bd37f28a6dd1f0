"""How many look-ups there may be at once."""

from __future__ import annotations

from maildrill.sender.look_ups import AT_ONCE, MOST, SLOW, LookUps


def _of(many: int, begun: float) -> LookUps:
    found = LookUps()
    for number in range(many):
        found.begin(f"{number}.test", begun)
    return found


def test_only_so_many_are_begun_at_once() -> None:
    """One ends, another one begins."""
    some = _of(AT_ONCE, 0.0)
    before = some.room(0.0)
    some.end("3.test")

    assert not before
    assert some.room(0.0)
    assert "3.test" not in some
    assert "4.test" in some


def test_whoever_is_slow_is_not_waited_for() -> None:
    """Two seconds later as many may be begun beside them."""
    slow = _of(AT_ONCE, 0.0)

    assert not slow.room(SLOW - 0.1)
    assert slow.next_moment(1.0) == SLOW
    assert slow.room(SLOW)
    assert slow.next_moment(SLOW) is None


def test_there_is_an_end_to_it() -> None:
    """However slow they are; then only an answer makes room."""
    many = _of(MOST, 0.0)

    assert not many.room(SLOW)
    assert many.next_moment(1.0) is None
