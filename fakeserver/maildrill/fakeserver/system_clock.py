"""The real clock, for servers and commands that talk to the world outside."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """A maildrill.smtp Clock that began with the system's time and never goes back.

    It counts on from there by the monotonic clock: a corrected or changed system time makes no wait negative and
    starts no burst (invariant I18).
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()  # noqa: TID251 - this is the shell that brings the time

    def now(self) -> float:
        """Return Unix seconds (UTC)."""
        return self._offset + time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once, but not before others had their turn, for 0 or less."""
        await asyncio.sleep(max(seconds, 0.0))  # noqa: TID251 - this is the shell that waits
