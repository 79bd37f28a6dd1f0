"""The octets that came and were not read yet, and a coroutine that goes on the moment that they do.

aiosmtpd wakes a task for each line: a turn of the loop, a third of the time of a short message. Here a coroutine that
waits for octets is continued from the call that brings them; for anything else it waits in its task, as ever.
Rule: what needs a current task (asyncio.timeout) awaits something first, be it a sleep of 0.
"""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import Coroutine, Generator
from typing import Any

_OCTETS = object()  # what a coroutine yields that waits for octets


class Inbox:
    """What was received; in aiosmtpd it stands in the place of an asyncio.StreamReader.

    limit: octets within which a separator must come; of twice as many unread ones no more are taken from the network.
    end: what a line ends with. line: the last one that was read, with its end.
    """

    def __init__(self, limit: int, end: bytes = b"\n") -> None:
        self.line = b""
        self._limit = limit
        self._end = end
        self._paused = False
        # The names are StreamReader's: at STARTTLS aiosmtpd sets the one and clears the other.
        self._transport: asyncio.ReadTransport | None = None
        self._buffer = bytearray()

    def attach(self, transport: asyncio.ReadTransport) -> None:
        """Say where the octets come from, from now on."""
        if self._paused and self._transport is not None:
            self._transport.resume_reading()
        self._paused = False
        self._transport = transport
        self.balance()

    def unread(self, came: bytes) -> None:
        """Put octets back that were read and are somebody else's."""
        self._buffer[:0] = came

    def take_all(self) -> bytes:
        """Return what has come and was not read."""
        return self._take(len(self._buffer))

    @property
    def empty(self) -> bool:
        """Whether everything has been read."""
        return not self._buffer

    def feed(self, came: bytes) -> None:
        """Add octets."""
        self._buffer += came

    def balance(self) -> None:
        """Let the network wait while too much is unread."""
        too_much = len(self._buffer) > (self._limit if self._paused else 2 * self._limit)
        if too_much is not self._paused and self._transport is not None:
            self._paused = too_much
            (self._transport.pause_reading if too_much else self._transport.resume_reading)()

    async def readuntil(self) -> bytes:
        """Return the octets up to and with the end of a line; raises LimitOverrunError where it is too far away."""
        separator, start = self._end, 0
        while (found := self._buffer.find(separator, start)) < 0:
            start = max(0, len(self._buffer) + 1 - len(separator))
            if start > self._limit:
                raise asyncio.LimitOverrunError("no separator within the limit", start)
            await octets()
        if found > self._limit:
            raise asyncio.LimitOverrunError("a separator beyond the limit", found)
        self.line = self._take(found + len(separator))
        return self.line

    async def readexactly(self, count: int) -> bytes:
        """Return as many octets."""
        while len(self._buffer) < count:
            await octets()
        return self._take(count)

    async def read(self, count: int) -> bytes:
        """Return at least one octet and at most `count`."""
        await self.wait()
        return self._take(count)

    async def read_towards(self, separator: bytes, most: int = sys.maxsize) -> bytes:
        """Return at least one octet, and at most up to and with a separator, of which none is cut in two.

        most: of no more octets, unless that is less than a separator has.
        """
        while True:
            found = self._buffer.find(separator)
            if 0 <= found < most:
                end = found + len(separator)
                return self._take(end if end <= most or not found else found)
            parts = (size for size in range(len(separator) - 1, 0, -1) if self._buffer.endswith(separator[:size]))
            sure = min(most, len(self._buffer) - next(parts, 0))
            if sure:
                return self._take(sure)
            await octets()

    async def wait(self) -> None:
        """Return when there is an octet."""
        while not self._buffer:
            await octets()

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        if self._paused:
            self.balance()
        return taken


class Steps:
    """A coroutine that reads from an Inbox: to be awaited in a task, and continued from outside with `go`."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self._parked: asyncio.Future[object] | None = None  # while it waits for octets; then what else it waits for
        self._end: BaseException | None = None  # with which it ended outside of its task
        self._going = False  # a transport that is closed may bring what it still holds, in the midst of a step

    def go(self) -> None:
        """Octets came: continue here if it waits for them, up to where it waits for something else."""
        if self._parked is None or self._parked.done() or self._going:
            return
        self._going = True
        awaited: object = None
        try:
            awaited = self._coroutine.send(None)
        except BaseException as end:
            self._end = end
        self._going = False
        if awaited is not _OCTETS and not self._parked.done():  # done: what went on here cancelled the task
            self._parked.set_result(awaited)

    def __await__(self) -> Generator[Any, Any, None]:
        """Go through the coroutine in the current task, but for what happens in `go`."""
        error: BaseException | None = None
        try:
            while True:
                try:
                    awaited = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
                except StopIteration:
                    return
                error = None
                try:
                    if awaited is _OCTETS:
                        self._parked = asyncio.get_running_loop().create_future()
                        awaited = yield from self._parked
                    if self._end is None:
                        yield awaited
                except BaseException as thrown:
                    error = thrown
                if isinstance(self._end, StopIteration):
                    return
                if self._end is not None:
                    raise self._end
        finally:
            error = self._end = None  # an error that ends this would hold itself: it knows where it passed


@types.coroutine
def octets() -> Generator[object, None, None]:
    """Wait for octets."""
    yield _OCTETS
