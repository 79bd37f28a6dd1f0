"""Part from a client: what was said last it is given time to hear, whatever it still sends.

Octets left unread would turn the FIN into a RST, and that takes the last reply away from the client (RFC 1122 section
4.2.2.13); so they are read, and dropped.
"""

from __future__ import annotations

import asyncio
import contextlib

from maildrill.fakeserver.scaled_clock import as_for_everybody

#: Seconds of everybody's that a closed connection is still read from.
LINGER = 2.0


class Parting:
    """The end of one connection. begun: the last word is said, and the client may still be hearing it."""

    def __init__(self) -> None:
        self.begun = False
        self._over: asyncio.Future[None] | None = None

    async def linger(self, transport: asyncio.Transport) -> None:
        """Say no more, and return when the client says no more either, or after so long."""
        with contextlib.suppress(OSError):  # the client reset the connection when it got the reply
            transport.write_eof()
        transport.resume_reading()
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        timer = loop.call_later(as_for_everybody(LINGER), self.end)
        try:
            await self._over
        finally:
            timer.cancel()
            self.begun = False

    def end(self) -> None:
        """The client says no more."""
        if self._over is not None and not self._over.done():
            self._over.set_result(None)
