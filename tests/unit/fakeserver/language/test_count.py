"""How many."""

from __future__ import annotations

import math

import pytest

from maildrill.fakeserver.language.count import COUNT_WORDS, Count


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("0", 0, 0),
        ("2", 2, 2),
        ("2-3", 2, 3),
        (" 2 - 3 ", 2, 3),
        ("0-", 0, math.inf),
        ("<3", 0, 2),
        ("<=3", 0, 3),
        (">3", 4, math.inf),
        (">= 3", 3, math.inf),
    ],
)
def test_a_count_has_two_ends(text: str, least: int, most: float) -> None:
    """Both are part of it."""
    count = Count(text)

    assert (count.least, count.most) == (least, most)
    assert least in count
    assert (least - 1 in count, most + 1 in count) == (False, most == math.inf)


@pytest.mark.parametrize("text", ["", "x", "-1", "3-2", "<0", "1.5", "1..2", "<", "²", "1234567890"])
def test_what_is_no_count_is_refused(text: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match="how many") as caught:
        Count(text)

    assert str(caught.value) == COUNT_WORDS
