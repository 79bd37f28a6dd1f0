"""A listener of the in-memory network: the asyncio server that create_server returns.

wait_closed waits for the connections too on every Python here, as asyncio does since 3.12.1.
"""

from __future__ import annotations

import asyncio
import ssl as tls
from asyncio import sslproto
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maildrill.scenarios.world.sockets import Address, MemorySocket

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop
    from maildrill.scenarios.world.switchboard import Switchboard
    from maildrill.scenarios.world.transport import MemoryTransport


@dataclass(frozen=True, slots=True)
class Security:
    """How one side does implicit TLS: its context, the name it expects (client), the time limits in seconds."""

    context: tls.SSLContext
    hostname: str | None = None
    handshake_timeout: float | None = None
    shutdown_timeout: float | None = None

    def wrap(
        self, loop: VirtualLoop, inner: asyncio.BaseProtocol, done: asyncio.Future[None] | None, *, server: bool
    ) -> sslproto.SSLProtocol:
        """Return the protocol that speaks TLS below and `inner`'s octets above."""
        return sslproto.SSLProtocol(
            loop,
            inner,
            self.context,
            done,  # type: ignore[arg-type] # None means that nobody waits for the handshake
            server_side=server,
            server_hostname=self.hostname,
            ssl_handshake_timeout=self.handshake_timeout,  # type: ignore[arg-type] # a float will do
            ssl_shutdown_timeout=self.shutdown_timeout,
        )


class MemoryServer(asyncio.AbstractServer):
    """A listener at `address`; `board` knows it while it serves."""

    def __init__(
        self,
        board: Switchboard,
        address: Address,
        factory: Callable[[], asyncio.BaseProtocol],
        security: Security | None,
    ) -> None:
        self._board = board
        self._loop = board.loop
        self._address = address
        self._factory = factory
        self._security = security
        self._serving = False
        self._closed = False
        self._connections: dict[MemoryTransport, None] = {}
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def address(self) -> Address:
        """The host and port listened on."""
        return self._address

    @property
    def sockets(self) -> tuple[MemorySocket, ...]:
        """The listening socket, to be asked for its name; nothing once closed."""
        return () if self._closed else (MemorySocket(self._address),)

    def accept(self, transport: MemoryTransport) -> bool:
        """Give a new connection its protocol; return False when that aborts it at once or cannot be made."""
        self._connections[transport] = None
        try:
            protocol = self._factory()
            if self._security is not None:
                protocol = self._security.wrap(self._loop, protocol, None, server=True)
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # as in asyncio, the listener survives its protocols
            self._loop.call_exception_handler(
                {"message": "Error on transport creation for incoming connection", "exception": error}
            )
            transport.abort()
        return not transport.aborted

    def forget(self, transport: MemoryTransport) -> None:
        """Count a connection as closed."""
        self._connections.pop(transport, None)
        self._wake()

    def is_serving(self) -> bool:
        """Whether connections are accepted."""
        return self._serving

    async def start_serving(self) -> None:
        """Accept connections from now on."""
        self.listen()

    def listen(self) -> None:
        """Accept connections from now on. Raises OSError when the address is taken."""
        if self._closed:
            raise RuntimeError(f"server {self!r} is closed")
        if not self._serving:
            self._board.put(self)
            self._serving = True

    async def serve_forever(self) -> None:
        """Accept connections until cancelled."""
        self.listen()
        try:
            await self._loop.create_future()
        finally:
            self.close()

    def close(self) -> None:
        """Accept no more; connections stay."""
        if self._serving:
            self._serving = False
            self._board.remove(self)
        self._closed = True
        self._wake()

    def close_clients(self) -> None:
        """Close each connection after what is written."""
        for transport in list(self._connections):
            transport.close()

    def abort_clients(self) -> None:
        """Close each connection at once."""
        for transport in list(self._connections):
            transport.abort()

    async def wait_closed(self) -> None:
        """Return when the server is closed and so is each of its connections."""
        while not self._closed or self._connections:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the world's loop."""
        return self._loop

    def _wake(self) -> None:
        if self._closed and not self._connections:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
