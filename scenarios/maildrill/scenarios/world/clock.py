"""The clock of the virtual world: it stands still while anyone works and jumps when all wait."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop

EPOCH: Final = 1_767_603_600.0  # 2026-01-05T09:00:00Z, a Monday morning


class VirtualClock:
    """A maildrill.smtp Clock on the time of `loop`, which is 0 at `epoch` (Unix seconds, UTC)."""

    def __init__(self, loop: VirtualLoop, epoch: float = EPOCH) -> None:
        self._loop = loop
        self._epoch = epoch
        self._instant = loop.instant
        self._now = epoch + loop.instant

    def now(self) -> float:
        """Return Unix seconds (UTC); the same object as long as it is the same moment: a journal keeps many of them."""
        instant = self._loop.instant
        if instant is not self._instant:
            self._instant, self._now = instant, self._epoch + instant
        return self._now

    def jump(self, seconds: float) -> None:
        """Put the clock forward, or back for less than 0, for everybody; nobody who waits is woken by it."""
        self._epoch += seconds
        self._now = self._epoch + self._instant

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed; after `sleep(due - now())` it is exactly `due`.

        Others that are ready at this instant go first, also when `seconds` is 0 or less.
        """
        # Unix seconds as floats are 0.24 microseconds apart. Waking on that raster, and not a rounding error before
        # it, saves each caller from the loop `while now() < due: sleep(due - now())`.
        due = self.now() + max(seconds, 0.0)
        woken: asyncio.Future[None] = self._loop.create_future()
        timer = self._loop.call_at(due - self._epoch, woken.set_result, None)
        try:
            await woken
        finally:
            # Whoever is cancelled gets here before the timer could find the future cancelled: timers wait for tasks.
            timer.cancel()
