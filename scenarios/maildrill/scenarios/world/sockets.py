"""What `get_extra_info("socket")` gives in memory: names and SO_LINGER, the one option SMTP faults need."""

from __future__ import annotations

import socket
import struct

from maildrill.scenarios.world.trouble import Refused

Address = tuple[str, int]

_LINGER = struct.Struct("ii")


class MemorySocket:
    """The socket's side of a MemoryTransport or of a listener: it can be asked, not read or written."""

    __slots__ = ("_options", "_own", "_peer")

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def __init__(self, own: Address, peer: Address | None = None) -> None:
        self._own = own
        self._peer = peer
        self._options: dict[tuple[int, int], int | bytes] = {}

    def getsockname(self) -> Address:
        """Return the own host and port."""
        return self._own

    def getpeername(self) -> Address:
        """Return the other side's host and port."""
        if self._peer is None:
            raise OSError("a listening socket has no peer")
        return self._peer

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Keep an option; only SO_LINGER changes anything."""
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int, size: int = 0) -> int | bytes:
        """Return what setsockopt was given, or 0."""
        return self._options.get((level, option), bytes(size) if size else 0)

    def fileno(self) -> int:
        """Refuse: there is nothing below this socket."""
        raise Refused("the virtual world has no file descriptors", hint="use the transport")

    @property
    def resets(self) -> bool:
        """Whether closing sends an RST instead of a FIN: SO_LINGER is on with a time of 0."""
        value = self._options.get((socket.SOL_SOCKET, socket.SO_LINGER), b"")
        return isinstance(value, bytes) and len(value) == _LINGER.size and self._lingers_zero(value)

    @staticmethod
    def _lingers_zero(value: bytes) -> bool:
        on, seconds = _LINGER.unpack(value)
        return bool(on) and not seconds
