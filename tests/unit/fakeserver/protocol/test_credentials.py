"""Names and secrets as they are compared."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.protocol.credentials import same
from maildrill.smtp.saslprep import prepared


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("\u0007", ""),
        ("\u0627\u0031", ""),
        ("a\u00a0b", "a b"),
        ("\u0627\u0031\u0628", "\u0627\u0031\u0628"),
        ("\u0627a\u0628", ""),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_text_is_prepared_before_it_is_compared(text: str, name: str) -> None:
    """The examples of RFC 4013 section 3, and what else it says."""
    assert prepared(text) == name


def test_no_secret_is_the_same_as_no_secret() -> None:
    """What may not be a password lets nobody in."""
    assert same("a", "a")
    assert not same("a", "b")
    assert not same("", "")
