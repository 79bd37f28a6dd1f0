"""Whatever a server says has a word, and how it is written changes nothing about it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.attempt import Fault
from maildrill.sender.classification import CATEGORIES, bundled
from maildrill.smtp import Reply, Stage

CODES = st.integers(200, 599)
TEXTS = st.text(max_size=80) | st.sampled_from(
    ["5.1.1 user unknown", "4.2.2 over quota", "blocked using rbl.example", "try again later", "(#5.2.1) no"]
)
STAGES = st.none() | st.sampled_from(Stage)
NAMES = {category.name for category in CATEGORIES}


@given(code=CODES, lines=st.lists(TEXTS, max_size=3), stage=STAGES, fault=st.none() | st.sampled_from(Fault))
def test_every_reply_has_a_word(code: int, lines: list[str], stage: Stage | None, fault: Fault | None) -> None:
    """Nothing raises, with a reply or without one."""
    for reply in (Reply(code, tuple(lines)), None):
        assert bundled().classify(reply, stage=stage, fault=fault).category.name in NAMES


@given(code=CODES, text=TEXTS.filter(str.isascii), stage=STAGES)
def test_neither_case_nor_blanks_nor_line_ends_matter(code: int, text: str, stage: Stage | None) -> None:
    """Servers wrap the same sentence in different ways."""
    words = text.split()
    plain = Reply(code, (" ".join(words),))
    shouted = Reply(code, tuple(word.upper() for word in words))

    assert bundled().classify(plain, stage=stage) == bundled().classify(shouted, stage=stage)
