"""The table of reply codes."""

from __future__ import annotations

import pytest

from maildrill.smtp import CODES, meaning

RFC_821 = {211, 214, 220, 221, 250, 251, 354, 421, 450, 451, 452, 500, 501, 502, 503, 504, 550, 551, 552, 553, 554}
RFC_5321 = RFC_821 | {252, 455, 555}
EXTENSIONS = {235, 334, 432, 454, 521, 523, 530, 534, 535, 538, 556}


def test_the_table_holds_what_the_standards_list() -> None:
    """All codes of RFC 821 section 4.2.1 and RFC 5321 section 4.2.3, and those of the extensions."""
    assert set(CODES) == RFC_5321 | EXTENSIONS


def test_each_row_stands_under_its_own_code_and_names_its_source() -> None:
    """A meaning without a source cannot be checked."""
    assert all(code == row.code and row.meaning and row.source.startswith("RFC ") for code, row in CODES.items())


def test_rfc_821_is_named_as_a_source_where_it_lists_the_code() -> None:
    """The oldest document that defines a code is part of its source."""
    assert {code for code, row in CODES.items() if "RFC 821" in row.source} == RFC_821


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (250, "done"),
        (299, "done"),
        (399, "go on"),
        (499, "not now, try again later"),
        (599, "no, do not try this again"),
        (600, "not an SMTP reply code"),
    ],
)
def test_an_unlisted_code_means_what_its_first_digit_means(code: int, words: str) -> None:
    """RFC 5321 section 4.2: a client acts on the first digit of a code that it does not know."""
    assert meaning(code) == words
