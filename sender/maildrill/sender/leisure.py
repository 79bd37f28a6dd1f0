"""When a session has nothing to do: it waits for work, until its place is wanted.

Rule: how many sessions of a destination wait is known at every moment: no other is begun while one of them would do.
"""

from __future__ import annotations

import asyncio

from maildrill.sender.destination import Destination
from maildrill.smtp import Clock


class Leisure:
    """The leisure of one session with `destination`; it has some from the beginning until `over()`."""

    def __init__(self, destination: Destination, clock: Clock) -> None:
        self.retired = False  # its place is wanted: it is to end as soon as it has nothing to do
        self._destination = destination
        self._clock = clock
        self._idle = True
        self._nudge: asyncio.Future[None] | None = None
        destination.idle += 1

    @property
    def waiting(self) -> bool:
        """Whether it only waits for work."""
        return self._nudge is not None and not self._nudge.done()

    def retire(self) -> None:
        """Ask for its place."""
        self.retired = True
        if self._nudge is not None and not self._nudge.done():
            self._nudge.set_result(None)

    def over(self) -> None:
        """There is something to do, or the session ends."""
        self._be(idle=False)

    async def wait(self, seconds: float) -> None:
        """Wait for so long, or until the place is wanted."""
        self._be(idle=True)
        self._nudge = nudge = asyncio.get_running_loop().create_future()
        timer = asyncio.create_task(self._clock.sleep(seconds), name="maildrill idle session")
        timer.add_done_callback(lambda _: None if nudge.done() else nudge.set_result(None))
        try:
            await nudge
        finally:
            timer.cancel()
            self._nudge = None
            self._be(idle=False)

    def _be(self, *, idle: bool) -> None:
        self._destination.idle += idle - self._idle
        self._idle = idle
