"""A loop whose time passes many times as fast as everybody's, and can be set on: five days in an hour on real sockets.

Rule 1: all that waits in the loop waits by this time: the server's waits, the silence of clients, asyncio's timers.
Rule 2: nothing is lost and nothing comes twice when the pace changes, or when time is set on.
"""

from __future__ import annotations

import asyncio
import selectors
import time

SLOWEST, FASTEST = 0.001, 1_000_000.0


class _Selector(selectors.DefaultSelector):
    """Waits as long as the loop's time takes in ours."""

    factor = 1.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for events, at most `timeout` seconds of the loop's time."""
        found: list[tuple[selectors.SelectorKey, int]] = super().select(
            timeout / self.factor if timeout is not None and timeout > 0 else timeout
        )
        return found


class ScaledLoop(asyncio.SelectorEventLoop):
    """An event loop in which `factor` seconds pass in one of ours, from SLOWEST to FASTEST."""

    def __init__(self, factor: float = 1.0) -> None:
        self._factor = factor
        self._began = time.monotonic()
        self._base = 0.0
        self._waits = _Selector()
        self._waits.factor = factor
        super().__init__(self._waits)

    @property
    def factor(self) -> float:
        """How many times as fast as a real one this loop's clock is; it can be set."""
        return self._factor

    @factor.setter
    def factor(self, factor: float) -> None:
        self._base, self._began = self.time(), time.monotonic()
        self._factor = self._waits.factor = factor

    def time(self) -> float:
        """Return seconds since the loop was made, of its own clock."""
        return self._base + (time.monotonic() - self._began) * self._factor

    def advance(self, seconds: float) -> None:
        """Let so many seconds (0 or more) have passed: what was due within them is due now, in order."""
        self._base += max(seconds, 0.0)


def as_for_everybody(seconds: float) -> float:
    """Return how long so many seconds of everybody's are by the clock of the running loop.

    What another program is waited for is its time, whatever the server's clock does.
    """
    loop = asyncio.get_running_loop()
    return seconds * loop.factor if isinstance(loop, ScaledLoop) else seconds


class ScaledClock:
    """A maildrill.smtp Clock that began with the system's time and goes on by the time of its loop."""

    def __init__(self, loop: ScaledLoop) -> None:
        self._loop = loop
        self._offset = time.time() - loop.time()  # noqa: TID251 - this is the shell that brings the time

    def now(self) -> float:
        """Return Unix seconds (UTC)."""
        return self._offset + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock; at once, but not before others had their turn, for 0 or less."""
        await asyncio.sleep(max(seconds, 0.0))  # noqa: TID251 - this is the shell that waits
