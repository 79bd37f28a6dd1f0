"""The only source of now and of sleep: a protocol; the shells bring the clock that fits.

Rule: time is Unix seconds (UTC) as a float, and always an argument.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Says what time it is and waits; real in life, virtual in a drill."""

    def now(self) -> float:
        """Return Unix seconds (UTC)."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` (0 or more) of this clock."""
        ...


#: How each millisecond ends a moment; to format one takes ten times as long as to find it here.
_MILLISECONDS = tuple([f".{number:03d}Z" for number in range(1000)])


def timestamp(at: float) -> str:
    """Write Unix seconds as RFC 3339 in UTC with milliseconds: `2026-01-05T09:00:00.000Z`."""
    seconds, milliseconds = divmod(round(at * 1000), 1000)
    return _second(seconds) + _MILLISECONDS[milliseconds]


@lru_cache(maxsize=64)  # neighbours in a log share their second: three times faster
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
