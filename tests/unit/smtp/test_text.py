"""Showing what a stranger said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.smtp import decode, escape, has_bare_newline


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("ü 漢 🙂", "ü 漢 🙂"),
        ("a\tb\r\nc", r"a\tb\r\nc"),
        ("back\\slash", r"back\\slash"),
        ("\x1b[2J\0\x7f\x9b", r"\x1b[2J\x00\x7f\x9b"),
        ("\u202eright to left", r"\u202eright to left"),
        ("zero\u200bwidth\u2028line", r"zero\u200bwidth\u2028line"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_could_steer_a_terminal_is_written_out(text: str, shown: str) -> None:
    """Everything a person can see stays; the rest becomes an escape."""
    assert escape(text) == shown


@pytest.mark.parametrize(("octets", "text"), [(b"ok", "ok"), ("ü".encode(), "ü"), (b"\xfc", "ü"), (b"", "")])
def test_octets_are_utf_8_or_else_latin_1(octets: bytes, text: str) -> None:
    """Nothing is lost and nothing raises."""
    assert decode(octets) == text


@given(st.text("\r\n ").map(str.encode))
def test_a_newline_is_bare_that_is_no_pair(octets: bytes) -> None:
    """CR or LF by itself, wherever it stands."""
    pairs = octets.count(b"\r\n")

    assert has_bare_newline(octets) is (octets.count(b"\r") != pairs or octets.count(b"\n") != pairs)
