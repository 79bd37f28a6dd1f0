"""Draws and queue ids are the same on every Python and machine."""

from __future__ import annotations

from maildrill.fakeserver.engine.counters import draw, queue_id


def test_a_draw_never_changes() -> None:
    """Seeded runs of last year must be repeatable: these numbers are part of the format."""
    assert draw(42, "rule", ("ann@x.test", "ü"), 1) == 0.1640031346391584
    assert queue_id(42, "rule", 1, (), 1) == "052BF6D32F"


def test_each_argument_changes_the_draw() -> None:
    """Seed, rule, key and number all count."""
    draws = {
        draw(1, "r", "k", 1),
        draw(2, "r", "k", 1),
        draw(1, "s", "k", 1),
        draw(1, "r", "l", 1),
        draw(1, "r", "k", 2),
    }

    assert len(draws) == 5
    assert all(0 <= value < 1 for value in draws)
