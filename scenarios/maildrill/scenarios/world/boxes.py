"""The two buffers of a transport: what has landed and is not read, what is written and has no room yet."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop

HIGH: Final = 64 * 1024  # asyncio's default high-water mark
END: Final = b""  # what recv() returns at a FIN

Item = bytes | OSError  # octets, END, or the error of an RST


class Inbox:
    """What has landed; `deliver` is given one item at a time while the owner reads."""

    __slots__ = ("_deliver", "_items", "_loop", "_pumping", "closed", "direct", "reading")

    def __init__(self, loop: VirtualLoop, deliver: Callable[[Item], None]) -> None:
        self._loop = loop
        self._deliver = deliver
        self._items: deque[Item] = deque()
        self._pumping = False
        self.reading = True
        self.closed = False
        self.direct = True  # whether what lands can be delivered at once: reading, not closed, nothing before it

    @property
    def unread(self) -> bool:
        """Whether octets wait; an END or an error is not octets."""
        return any(isinstance(item, bytes) and item for item in self._items)

    def put(self, item: Item) -> None:
        """Keep an item until it is read."""
        self._items.append(item)
        self._settle()

    def read(self, reading: bool) -> None:  # noqa: FBT001 - a state, not an option
        """Go on, or stop."""
        self.reading = reading
        self._settle()

    def close(self) -> None:
        """Deliver nothing more."""
        self.closed = True
        self._deliver = nothing
        self._settle()

    def _settle(self) -> None:
        """Read one item when all is quiet: never octets and the FIN behind them in one turn of the loop."""
        active = self.reading and not self.closed
        self.direct = active and not self._items
        if active and self._items and not self._pumping:
            self._pumping = True
            self._loop.call_at(self._loop.instant, self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self._items and self.reading and not self.closed:
            self._deliver(self._items.popleft())
        self._settle()


class Outbox:
    """What is written and has no room; pauses the protocol past the high-water mark, resumes it at the low one."""

    __slots__ = ("_paused", "data", "high", "low")

    def __init__(self) -> None:
        self.data = bytearray()
        self.high, self.low = HIGH, HIGH // 4
        self._paused = False

    def limit(self, high: int | None, low: int | None) -> None:
        """Set the marks; the defaults are asyncio's. Raises ValueError unless high >= low >= 0."""
        if high is None:
            high = HIGH if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self.high, self.low = high, low

    def tell(self, protocol: asyncio.BaseProtocol | None) -> None:
        """Pause or resume the protocol if a mark was passed."""
        if protocol is None:
            return
        if not self._paused and len(self.data) > self.high:
            self._paused = True
            protocol.pause_writing()
        elif self._paused and len(self.data) <= self.low:
            self._paused = False
            protocol.resume_writing()

    def take(self, room: int) -> bytes:
        """Return the first octets, `room` of them at most, and forget them."""
        taken = bytes(self.data[:room])
        del self.data[:room]
        return taken


def broken(fin_seen: bool) -> OSError:  # noqa: FBT001 - a state, not an option
    """Return what Linux says of a connection reset before, or after, the far end's FIN."""
    if fin_seen:
        return BrokenPipeError(errno.EPIPE, "Broken pipe")
    return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


def nothing(*_what: object) -> None:
    """Do nothing: in the place of whoever is left no more."""
