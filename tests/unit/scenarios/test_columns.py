"""Columns come out of their octets as they went in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.scenarios.oracles.columns import packed, values
from maildrill.smtp import Stage

TEXTS = st.lists(st.text(alphabet=st.characters()) | st.sampled_from(["", "\0", "\udc80", "a\0b"]), min_size=1)
NUMBERS = st.lists(st.integers(0, 2**32), min_size=1) | st.lists(st.integers(), min_size=1)
FLOATS = st.lists(st.floats(allow_nan=False), min_size=1)
ANY = st.lists(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just(...))
WORDS = st.lists(st.sampled_from(Stage), min_size=1)


@given(columns=st.lists(TEXTS | NUMBERS | FLOATS | ANY | WORDS, max_size=4))
def test_columns_come_back_to_the_type(columns: list[list[object]]) -> None:
    """Whether all of their values are texts or numbers, or some; a word of an enumeration stays one."""
    found = [values(column) for column in packed(columns)]

    assert found == columns
    assert [[type(value) for value in column] for column in found] == [
        [type(value) for value in column] for column in columns
    ]


def test_texts_and_numbers_are_no_pickles() -> None:
    """Texts in which nothing stands that is put between them, and numbers of their own size."""
    columns: list[list[object]] = [["a", ""], ["a\0", "b"], [0.5, -0.0], [0, 2**32 - 1], [-1], [2**32], [True], [None]]

    kinds = [kind for kind, _ in packed(columns)]

    assert kinds == ["texts", "any", "floats", "counts", "any", "any", "any", "any"]
