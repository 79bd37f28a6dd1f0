"""No password of a URL is shown, wherever somebody has put it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.smtp import without_credentials

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\"'"), min_size=1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https:/ann:pw@h/x: campaign not found", "https:/***@h/x: campaign not found"),
        ('no script is called "postgresql://ann:pw@db:1/x"', 'no script is called "postgresql://ann:***@db:1/x"'),
        ("postgresql://ann@db/x: no such ledger", "postgresql://ann@db/x: no such ledger"),
        ("https://a-token@h/x", "https://***@h/x"),
        ("postgres://h/x?sslpassword=pw&sslmode=no", "postgres://h/x?sslpassword=***&sslmode=no"),
        ("see https://docs.example/x, or write to ann@x.test", "see https://docs.example/x, or write to ann@x.test"),
        ("the secret is in file:/run/ann@x", "the secret is in file:/run/ann@x"),
    ],
)
def test_what_is_hidden(text: str, shown: str) -> None:
    """User and password; the user of a database alone is shown."""
    assert without_credentials(text) == shown


@given(st.sampled_from(["https", "postgresql", "smtp", "PostgreSQL"]), WORDS)
def test_whatever_the_password_is_it_is_hidden(scheme: str, password: str) -> None:
    """Also one that should have been written with % signs: to the last @."""
    told = without_credentials(f"error: {scheme}://ann:<{password}>@db.example/x: no")

    assert f"<{password}>" not in told
    assert told.endswith("@db.example/x: no")
