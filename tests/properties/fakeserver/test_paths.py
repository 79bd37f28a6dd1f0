"""Paths that are read by a short cut are read as the whole grammar reads them."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from maildrill.fakeserver.protocol.command import read_any_path, read_path

KEYWORDS = st.sampled_from(["FROM", "TO"])
WORDS = st.text("aB9-_+=.", max_size=70)
PARAMETERS = st.sampled_from(
    ["", " ", " SIZE=1", " SIZE=1 BODY=7BIT", "  SIZE=1", " SIZE=1 SIZE=2", " =", " a=b=c", "x"]
)


@given(asked=KEYWORDS, said=KEYWORDS, local=WORDS, at=st.sampled_from(["@", "", "@@"]), domain=WORDS, behind=PARAMETERS)
@example(asked="TO", said="TO", local="a" * 63, at="@", domain="b" * 64, behind="")
@example(asked="TO", said="TO", local="a", at="@", domain="b" * 62, behind="")
def test_both_ways_of_reading_a_path_agree(
    asked: str, said: str, local: str, at: str, domain: str, behind: str
) -> None:
    """Strict or not, well formed or not."""
    argument = f"{said}:<{local}{at}{domain}>{behind}"

    for strict in (False, True):
        assert read_path(asked, argument, strict=strict) == read_any_path(asked, argument, strict=strict)
