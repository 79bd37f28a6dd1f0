"""Moments as people write them: `2h` (ago), `2026-01-05`, `2026-01-05T09:30`, `09:30`. Pure: now is an argument."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from maildrill.smtp.quantity import parse_duration

MOMENT_WORDS = "a moment such as 2h (ago), 09:30, 2026-01-05 or 2026-01-05T09:30:00Z"
_CLOCK = re.compile(r"\d\d:\d\d(?::\d\d)?", re.ASCII)


def parse_moment(text: str, now: float) -> float:
    """Return Unix seconds; a duration is so long ago, a time without a zone is UTC. Raises ValueError."""
    text = text.strip()
    try:
        return now - parse_duration(text.removesuffix(" ago"))
    except ValueError:
        pass
    if _CLOCK.fullmatch(text):
        text = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}T{text}"
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(MOMENT_WORDS) from None
