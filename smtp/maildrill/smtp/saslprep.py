"""Names and passwords as they are compared: SASLprep (RFC 4013), a profile of stringprep (RFC 3454)."""

from __future__ import annotations

import stringprep
from unicodedata import ucd_3_2_0 as unicode_3_2


def prepared(text: str) -> str:
    """Return a name or password as it is compared, "" where SASLprep forbids it."""
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    normal = unicode_3_2.normalize("NFKC", mapped)
    return "" if any(map(_prohibited, normal)) or not _one_direction(normal) else normal


def _prohibited(character: str) -> bool:
    """RFC 4013 section 2.3; unassigned code points (2.5) are let through, as in a query."""
    return (
        stringprep.in_table_c12(character)
        or stringprep.in_table_c21_c22(character)
        or stringprep.in_table_c3(character)
        or stringprep.in_table_c4(character)
        or stringprep.in_table_c5(character)
        or stringprep.in_table_c6(character)
        or stringprep.in_table_c7(character)
        or stringprep.in_table_c8(character)
        or stringprep.in_table_c9(character)
    )


def _one_direction(text: str) -> bool:
    """Whether text with right-to-left characters has no others, and begins and ends with one (RFC 3454 section 6)."""
    right = [stringprep.in_table_d1(character) for character in text]
    return not any(right) or (right[0] and right[-1] and not any(map(stringprep.in_table_d2, text)))
