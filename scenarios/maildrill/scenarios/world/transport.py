"""An asyncio transport without a socket: it behaves as a selector transport on a Linux TCP socket does.

Rule: each trait has a twin test that holds the same dialogue over real sockets.
Sources: asyncio/selector_events.py for the calls; RFC 9293 section 3.6 and RFC 2525 section 2.17 for FIN and RST.
"""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from maildrill.scenarios.world.sockets import Address, MemorySocket

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop
    from maildrill.scenarios.world.pipe import Pipe

HIGH: Final = 64 * 1024  # asyncio's default high-water mark
END: Final = b""  # what recv() returns at a FIN


class MemoryTransport(asyncio.Transport):
    """One end of an in-memory connection; `names` are the own and the peer's address."""

    _start_tls_compatible = True  # BaseEventLoop.start_tls asks for it

    def __init__(
        self,
        loop: VirtualLoop,
        outgoing: Pipe,
        incoming: Pipe,
        names: tuple[Address, Address],
        closed: Callable[[], None],
    ) -> None:
        own, peer = names
        self._socket = MemorySocket(own, peer)
        super().__init__({"sockname": own, "peername": peer, "socket": self._socket})
        self._loop = loop
        self._out = outgoing
        self._in = incoming
        self._closed = closed
        self._far: MemoryTransport | None = None
        self._protocol: asyncio.BaseProtocol | None = None
        self._receive: Callable[[bytes], object] = _ignore
        self._inbox: deque[bytes | OSError] = deque()  # landed, not read; END is the FIN, an OSError the RST
        self._outbox = bytearray()  # written, more than the window takes
        self._high, self._low = HIGH, HIGH // 4
        self._reading = True
        self._pumping = False  # a read of the inbox is scheduled
        self._paused = False  # the protocol was told to pause writing
        self._opening = False  # word that we have room is under way to the far end
        self._ended = False  # write_eof was called
        self._fin_sent = False
        self._fin_seen = False  # a FIN landed
        self._broken = False  # an RST landed
        self.aborted = False
        self._closing = False
        self._lost = False  # connection_lost is scheduled or done
        self._gone = False  # the socket is closed
        incoming.octets = self._landed

    def __repr__(self) -> str:
        own, peer = self._socket.getsockname(), self._socket.getpeername()
        state = "closed" if self._lost else "closing" if self._closing else "open" if self._reading else "not reading"
        return f"<{own[0]}:{own[1]} to {peer[0]}:{peer[1]}, {state}>"

    def join(self, far: MemoryTransport) -> None:
        """Make `far` the other end."""
        self._far = far

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand what is read to `protocol` from now on."""
        self._protocol = protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            self._receive = self._fill
        elif isinstance(protocol, asyncio.Protocol):
            self._receive = protocol.data_received

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol set last."""
        assert self._protocol is not None  # noqa: S101 - asyncio itself has no answer before connection_made
        return self._protocol

    def is_closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return self._closing

    # Reading

    def is_reading(self) -> bool:
        """Whether what lands is given to the protocol."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Leave in the window what lands; when that is full the far end has to wait."""
        self._reading = False

    def resume_reading(self) -> None:
        """Go on reading, from the next event on."""
        self._reading = True
        self._read_later()

    def _landed(self, data: bytes) -> None:
        if self._gone:
            self._out.signal(self._their_reset)  # octets for a closed socket are answered with an RST
        elif self._inbox or not self._reading or self._closing:
            self._inbox.append(data)
            self._read_later()
        else:
            self._deliver(data)

    def _read_later(self) -> None:
        """Read one item of the inbox when all is quiet: never octets and the FIN behind them in one turn."""
        if self._inbox and self._reading and not self._pumping and not self._closing:
            self._pumping = True
            self._loop.call_at(self._loop.instant, self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self._inbox and self._reading and not self._closing:
            self._deliver(self._inbox.popleft())
            self._read_later()

    def _deliver(self, item: bytes | OSError) -> None:
        if isinstance(item, OSError):
            self._fatal_error(item, "read")
            return
        try:
            if item:
                self._consumed(len(item))
                self._receive(item)
            elif not self._end_received():
                self.close()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # whatever a protocol raises ends its connection, as in asyncio
            self._fatal_error(error, "protocol")

    def _end_received(self) -> object:
        return self._protocol.eof_received() if isinstance(self._protocol, _READERS) else None

    def _fill(self, data: bytes) -> None:
        """Give octets to a BufferedProtocol, as ssl's is."""
        rest = memoryview(data)
        while rest and isinstance(self._protocol, asyncio.BufferedProtocol):
            buffer = memoryview(self._protocol.get_buffer(len(rest)))
            size = min(len(buffer), len(rest))
            buffer[:size] = rest[:size]
            self._protocol.buffer_updated(size)
            rest = rest[size:]

    def _consumed(self, size: int) -> None:
        self._in.unread -= size
        far = self._far
        if far is not None and far._outbox and not self._opening:
            self._opening = True
            self._out.signal(self._opened)

    def _opened(self) -> None:
        """Word of our room lands at the far end."""
        self._opening = False
        if self._far is not None:
            self._far._flush()

    # Writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send octets; what the window does not take waits, and past the high-water mark the protocol is paused."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._ended:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._lost or not data:
            return
        if self._broken:
            self._fatal_error(self._break(), "write")
            return
        if self._outbox or len(data) > self._out.room:
            self._outbox += data
            self._flush()
            self._pause_if_full()
        else:
            self._out.send(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send octets in pieces."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Whether one direction can be ended alone: yes."""
        return True

    def write_eof(self) -> None:
        """End this direction after what is written; go on reading."""
        if self._closing or self._ended:
            return
        self._ended = True
        if not self._outbox:
            self._send_fin()

    def get_write_buffer_size(self) -> int:
        """Return how many octets wait for room in the window."""
        return len(self._outbox)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high-water mark."""
        return (self._low, self._high)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks; the defaults are asyncio's. Raises ValueError unless high >= low >= 0."""
        if high is None:
            high = HIGH if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        self._pause_if_full()

    def _pause_if_full(self) -> None:
        if len(self._outbox) > self._high and not self._paused and self._protocol is not None:
            self._paused = True
            self._protocol.pause_writing()

    def _flush(self) -> None:
        """Send what the window takes now; end or close when that was the last."""
        room = self._out.room
        if not self._outbox or self._lost or room <= 0:
            return
        self._out.send(bytes(self._outbox[:room]))
        del self._outbox[:room]
        if self._paused and len(self._outbox) <= self._low and self._protocol is not None:
            self._paused = False
            self._protocol.resume_writing()
        if not self._outbox:
            if self._closing:
                self._lose(None)
            elif self._ended:
                self._send_fin()

    # Closing

    def close(self) -> None:
        """Stop reading, send what is written, then FIN; RST if octets are left unread (RFC 2525 section 2.17)."""
        if not self._closing:
            self._closing = True
            if not self._outbox:
                self._lose(None)

    def abort(self) -> None:
        """Close at once; what waits for room is dropped. Sends an RST if SO_LINGER says so, as on TCP."""
        self.aborted = True
        self._force_close(None)

    def _fatal_error(self, error: BaseException, where: str) -> None:
        if not isinstance(error, OSError):
            self._loop.call_exception_handler(
                {
                    "message": f"Fatal error: {where} call failed.",
                    "exception": error,
                    "transport": self,
                    "protocol": self._protocol,
                }
            )
        self._force_close(error)

    def _force_close(self, error: BaseException | None) -> None:
        """Close with a reason; asyncio.sslproto calls it by this name."""
        self._outbox.clear()
        self._closing = True
        self._lose(error)

    def _lose(self, error: BaseException | None) -> None:
        if not self._lost:
            self._lost = True
            self._loop.call_soon(self._call_connection_lost, error)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        try:
            if self._protocol is not None:
                self._protocol.connection_lost(error if isinstance(error, Exception) else None)
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        """Close the socket."""
        self._gone = True
        if self._socket.resets or any(isinstance(item, bytes) and item for item in self._inbox):
            self._out.signal(self._their_reset)
        elif not self._broken:
            self._send_fin()
        self._inbox.clear()
        self._protocol = None
        self._receive = _ignore
        self._closed()

    def _send_fin(self) -> None:
        if not self._fin_sent:
            self._fin_sent = True
            self._out.signal(self._their_fin)

    def _their_fin(self) -> None:
        if self._far is not None:
            self._far._fin_landed()

    def _their_reset(self) -> None:
        if self._far is not None:
            self._far._reset_landed()

    def _fin_landed(self) -> None:
        self._fin_seen = True
        self._inbox.append(END)
        self._read_later()

    def _reset_landed(self) -> None:
        if self._gone or self._broken:
            return
        self._broken = True
        if self._outbox:
            self._fatal_error(self._break(), "write")
        elif not self._fin_seen:
            self._inbox.append(self._break())
            self._read_later()

    def _break(self) -> OSError:
        """Return what Linux says of a connection reset before, or after, the far end's FIN."""
        if self._fin_seen:
            return BrokenPipeError(errno.EPIPE, "Broken pipe")
        return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


_READERS: Final = (asyncio.Protocol, asyncio.BufferedProtocol)


def _ignore(data: bytes) -> None:
    """Drop octets for which nobody is left."""
