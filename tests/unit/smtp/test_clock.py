"""Time stamps."""

from __future__ import annotations

import pytest

from maildrill.smtp import timestamp


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1767603600.0, "2026-01-05T09:00:00.000Z"),
        (1767603600.0015, "2026-01-05T09:00:00.002Z"),
        (1767603599.9996, "2026-01-05T09:00:00.000Z"),
    ],
)
def test_a_moment_is_written_in_utc_with_milliseconds(at: float, text: str) -> None:
    """Rounded to the nearest, so that the last tick of a second carries over."""
    assert timestamp(at) == text
