"""Values written as TOML mean what they meant."""

import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from maildrill.fakeserver.language.toml_text import value_text

WORDS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | WORDS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(WORDS, inner),
    max_leaves=8,
)


@example({"a": [1, True, "x"], "": {}})
@given(VALUES)
def test_a_value_is_read_as_it_was_written(value: object) -> None:
    """Texts with any character, lists and tables within each other, in one line."""
    written = value_text(value)

    assert "\n" not in written
    assert tomllib.loads(f"value = {written}")["value"] == _as_lists(value)


def _as_lists(value: object) -> object:
    if isinstance(value, dict):
        return {key: _as_lists(one) for key, one in value.items()}
    return list(map(_as_lists, value)) if isinstance(value, list | tuple) else value
