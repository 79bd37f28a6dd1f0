"""Columns come out of their octets as they went in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.scenarios.oracles.columns import different, packed, together, values, worded
from maildrill.smtp import Stage

TEXTS = st.lists(st.text(alphabet=st.characters()) | st.sampled_from(["", "\0", "\udc80", "a\0b"]), min_size=1)
NUMBERS = st.lists(st.integers(0, 2**32), min_size=1) | st.lists(st.integers(), min_size=1)
FLOATS = st.lists(st.floats(allow_nan=False), min_size=1)
ALONE = st.lists(st.tuples(st.text() | st.integers()).map(list), min_size=1)
ANY = st.lists(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just(...))
WORDS = st.lists(st.sampled_from(Stage), min_size=1)


@given(columns=st.lists(TEXTS | NUMBERS | FLOATS | ALONE | ANY | WORDS, max_size=4))
def test_columns_come_back_to_the_type(columns: list[list[object]]) -> None:
    """Whether all of their values are texts or numbers, or some; a word of an enumeration stays one."""
    found = [values(column) for column in packed(columns)]

    assert found == columns
    assert [[type(value) for value in column] for column in found] == [
        [type(value) for value in column] for column in columns
    ]


@given(column=TEXTS | NUMBERS | ALONE | ANY | WORDS)
def test_a_column_is_looked_at_as_a_whole(column: list[object]) -> None:
    """Its texts behind one another, and its values where each of them is wanted but once."""
    (octets,) = packed([column])

    assert together(octets) == "".join(f"\0{value}" for value in column if isinstance(value, str))
    assert all(value in different(octets) for value in column)
    assert all(value in column for value in different(octets))


def test_texts_and_numbers_are_no_pickles() -> None:
    """Texts in which nothing stands that is put between them, and numbers of their own size."""
    texts, counts = [str(number) for number in range(40)], [*range(40)]
    columns: list[list[object]] = [
        [*texts, ""],
        [*texts, "a\0"],
        [0.5, -0.0],
        [*counts, 2**32 - 1],
        [*counts, -1],
        [*counts, 2**32],
        [True, 1],
        [None, 0.5],
        [[1, 2], [3]],
    ]

    kinds = [kind for kind, *_ in packed(columns)]

    assert kinds == ["texts", "any", "floats", "counts", "any", "any", "any", "any", "any"]


def test_few_values_are_kept_once() -> None:
    """Where they are of one type; also where they only turn out to be many."""
    few: list[list[object]] = [["a", ""] * 300, [7, -1] * 300, [True, False], [None] * 40, ["a\0", "b", ..., None]]
    many: list[list[object]] = [[*["a"] * 32, *map(str, range(40))], [*range(40)]]

    assert [kind for kind, *_ in packed([*few, *many])] == ["few"] * len(few) + ["texts", "counts"]
    assert [values(column) for column in packed([*few, *many])] == [*few, *many]


def test_words_are_told_by_what_they_are_of() -> None:
    """One for each value, whichever of them there are."""
    assert values(worded([Stage.DOT, Stage.RCPT, Stage.DOT], {Stage.RCPT: "to", Stage.DOT: "end"})) == [
        "end",
        "to",
        "end",
    ]


def test_lists_of_one_value_are_as_the_values() -> None:
    """And come back as lists."""
    addresses = [[f"{number}@x.test"] for number in range(100)]
    ((kind, _, (inner,)),) = packed([addresses])

    assert (kind, inner[0]) == ("alone", "texts")
    assert values(packed([addresses])[0]) == addresses
