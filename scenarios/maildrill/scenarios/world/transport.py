"""An asyncio transport without a socket: it behaves as a selector transport on a Linux TCP socket does.

Rule: each trait has a twin test that holds the same dialogue over real sockets.
Sources: asyncio/selector_events.py for the calls; RFC 9293 section 3.6 and RFC 2525 section 2.17 for FIN and RST.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from maildrill.scenarios.world.boxes import END, Inbox, Item, Outbox, broken, nothing
from maildrill.scenarios.world.pipe import WINDOW, Pipe
from maildrill.scenarios.world.sockets import Address, MemorySocket

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop

#: The far end where there is none: nobody listens there, or both ends are gone. Octets travel between two ends only.
_NO_END = cast("MemoryTransport", None)


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
        self._far = _NO_END
        self._protocol: asyncio.BaseProtocol | None = None
        self._receive: Callable[[bytes], object] = nothing
        self._inbox = Inbox(loop, self._deliver)
        self._outbox = Outbox()
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
        reading = "open" if self._inbox.reading else "not reading"
        state = "closed" if self._lost else "closing" if self._closing else reading
        return f"<{own[0]}:{own[1]} to {peer[0]}:{peer[1]}, {state}>"

    def join(self, far: MemoryTransport) -> None:
        """Make `far` the other end."""
        self._far = far

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand what is read to `protocol` from now on."""
        self._protocol = protocol
        buffered = isinstance(protocol, asyncio.BufferedProtocol)
        self._receive = self._fill if buffered else cast("asyncio.Protocol", protocol).data_received

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
        return self._inbox.reading and not self._closing

    def pause_reading(self) -> None:
        """Leave in the window what lands; when that is full the far end has to wait."""
        self._inbox.read(False)  # noqa: FBT003 - a state, not an option

    def resume_reading(self) -> None:
        """Go on reading, from the next event on."""
        self._inbox.read(True)  # noqa: FBT003 - a state, not an option

    def _landed(self, data: bytes) -> None:
        if self._inbox.direct:
            try:
                self._read(data)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._fatal_error(error)
        elif self._gone:
            self._out.signal(self._reset_far)  # octets for a closed socket are answered with an RST
        else:
            self._inbox.put(data)

    def _deliver(self, item: Item) -> None:
        if isinstance(item, OSError):
            self._force_close(item)
            return
        try:
            if item:
                self._read(item)
            elif not cast("asyncio.Protocol", self._protocol).eof_received():
                self.close()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # whatever a protocol raises ends its connection, as in asyncio
            self._fatal_error(error)

    def _read(self, data: bytes) -> None:
        self._in.unread -= len(data)
        if self._far._outbox.data and not self._opening:
            self._opening = True
            self._out.signal(self._opened)
        self._receive(data)

    def _opened(self) -> None:
        """Word of our room lands at the far end."""
        self._opening = False
        if self._far:
            self._far._flush()

    def _fill(self, data: bytes) -> None:
        """Give octets to a BufferedProtocol, as ssl's is."""
        rest = memoryview(data)
        while rest:
            protocol = cast("asyncio.BufferedProtocol", self._protocol)
            buffer = memoryview(protocol.get_buffer(len(rest)))
            size = min(len(buffer), len(rest))
            buffer[:size] = rest[:size]
            protocol.buffer_updated(size)
            rest = rest[size:]

    # Writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send octets; what the window does not take waits, and past the high-water mark the protocol is paused."""
        if type(data) is not bytes and not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._ended:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._lost or not data:
            return
        if self._broken:
            self._force_close(broken(self._fin_seen))
        elif self._outbox.data or len(data) > WINDOW - self._out.unread:
            self._outbox.data += data
            self._flush()
        else:
            self._out.send(data if isinstance(data, bytes) else bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send octets in pieces."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """Whether one direction can be ended alone: yes."""
        return True

    def write_eof(self) -> None:
        """End this direction after what is written; go on reading."""
        if not self._closing and not self._ended:
            self._ended = True
            if not self._outbox.data:
                self._send_fin()

    def get_write_buffer_size(self) -> int:
        """Return how many octets wait for room in the window."""
        return len(self._outbox.data)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high-water mark."""
        return (self._outbox.low, self._outbox.high)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks; the defaults are asyncio's. Raises ValueError unless high >= low >= 0."""
        self._outbox.limit(high, low)
        self._outbox.tell(self._protocol)

    def _flush(self) -> None:
        """Send what the window takes now; end or close when that was the last."""
        if not self._outbox.data or self._lost:
            return
        if self._out.room > 0:
            self._out.send(self._outbox.take(self._out.room))
        self._outbox.tell(self._protocol)
        if not self._outbox.data:
            if self._closing:
                self._lose(None)
            elif self._ended:
                self._send_fin()

    # Closing

    def close(self) -> None:
        """Stop reading, send what is written, then FIN; RST if octets are left unread (RFC 2525 section 2.17)."""
        if not self._closing:
            self._shut()
            if not self._outbox.data:
                self._lose(None)

    def abort(self) -> None:
        """Close at once; what waits for room is dropped. Sends an RST if SO_LINGER says so, as on TCP."""
        self.aborted = True
        self._force_close(None)

    def _fatal_error(self, error: BaseException) -> None:
        if not isinstance(error, OSError):
            self._loop.call_exception_handler(
                {
                    "message": "Fatal error: protocol call failed.",
                    "exception": error,
                    "transport": self,
                    "protocol": self._protocol,
                }
            )
        self._force_close(error)

    def _force_close(self, error: BaseException | None) -> None:
        """Close with a reason; asyncio.sslproto calls it by this name."""
        self._outbox.data.clear()
        self._shut()
        self._lose(error)

    def _shut(self) -> None:
        self._closing = True
        self._inbox.close()

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
        """Close the socket; the second of two ends lets go of all that makes rings of them (see `collecting`)."""
        self._gone = True
        if self._socket.resets or self._inbox.unread:
            self._out.signal(self._reset_far)
        elif not self._broken:
            self._send_fin()
        self._protocol = None
        self._receive = nothing
        self._closed()
        self._closed = nothing
        if not self._far or self._far._gone:  # what is still on its way finds nobody
            self._in.octets = self._out.octets = nothing
            if self._far:
                self._far._far = _NO_END
            self._far = _NO_END

    # The marks between two ends

    def _send_fin(self) -> None:
        if not self._fin_sent:
            self._fin_sent = True
            self._out.signal(self._end_far)

    def _end_far(self) -> None:
        if self._far:
            self._far._fin_seen = True
            self._far._inbox.put(END)

    def _reset_far(self) -> None:
        if self._far:
            self._far.lose()

    def lose(self) -> None:
        """Hear that the connection is no more."""
        if self._gone or self._broken:
            return
        self._broken = True
        if self._outbox.data:
            self._force_close(broken(self._fin_seen))
        elif not self._fin_seen:
            self._inbox.put(broken(self._fin_seen))
