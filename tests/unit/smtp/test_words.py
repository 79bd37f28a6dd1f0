"""Words are members."""

from __future__ import annotations

import pytest

from maildrill.smtp import Stage
from maildrill.smtp.words import Words


def test_a_word_is_the_member_that_it_names() -> None:
    """And one that names none is refused as the enumeration refuses it."""
    words = Words(Stage)

    assert words["rcpt"] is Stage.RCPT
    assert [words[str(stage)] for stage in Stage] == list(Stage)
    with pytest.raises(ValueError, match="'lunch' is not a valid Stage"):
        words["lunch"]
