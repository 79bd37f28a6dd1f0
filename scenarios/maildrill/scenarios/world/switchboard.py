"""Who listens where, and how a connection comes about: the loop's create_server and create_connection.

A SYN travels for one delay and its answer for another. The listener that is there when the SYN lands decides:
nobody there, or a protocol that aborts within connection_made, is a refused connection.
"""

from __future__ import annotations

import asyncio
import errno
import ssl as tls
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from maildrill.scenarios.world.call import Call
from maildrill.scenarios.world.server import MemoryServer, Security
from maildrill.scenarios.world.sockets import Address
from maildrill.scenarios.world.transport import MemoryTransport
from maildrill.scenarios.world.trouble import Refused

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop

Protocol = TypeVar("Protocol", bound=asyncio.BaseProtocol)
Factory = Callable[[], Protocol]

CLIENT: Final = "192.0.2.1"  # RFC 5737: an address for documentation, nobody's
FIRST_PORT: Final = 49152  # RFC 6335 section 6: where dynamic ports begin
LAST_PORT: Final = 65535
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - the name that means all hosts; nothing real is bound
ALIASES: Final = {"": EVERYWHERE, "::": EVERYWHERE, "localhost": "127.0.0.1", "::1": "127.0.0.1"}


class Switchboard:
    """The listeners and the connections of one world. placed: how many connections were asked for."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self._listeners: dict[Address, MemoryServer] = {}
        self._open: dict[tuple[int, str], MemoryTransport] = {}
        self._calls: list[tuple[Call, Address | None]] = []
        self.placed = 0
        self._port = FIRST_PORT - 1
        self._cuts = dict(loop.network.cuts)
        self._carried: dict[int, int] = {}

    def describe(self, shown: int) -> list[str]:
        """Return a line for each of the first `shown` ends of connections that are not closed."""
        return [f"{number} {side} {end!r}" for (number, side), end in list(self._open.items())[:shown]]

    def serve(self, factory: Factory[Protocol], host: str | None, port: int | None, **options: Any) -> MemoryServer:
        """Return a listener for loop.create_server. Raises OSError when the address is taken."""
        _refuse_socket(options)
        address = (_canonical(host or ""), port or self._free_port())
        server = MemoryServer(self, address, factory, _security(options, None))
        if options.get("start_serving", True):
            server.listen()
        return server

    async def dial(
        self, factory: Factory[Protocol], host: str | None, port: int | None, **options: Any
    ) -> tuple[asyncio.Transport, Protocol]:
        """Make a connection for loop.create_connection. Raises ConnectionRefusedError."""
        _refuse_socket(options)
        if not host or not port:
            raise ValueError("host and port was not specified and no sock specified")
        call = Call(self.loop, (host, port), self._find, self._open)
        self._queue(call, options.get("local_addr"))
        transport = await call.answer()
        try:
            protocol = factory()
            security = _security(options, host)
            if security is None:
                transport.set_protocol(protocol)
                protocol.connection_made(transport)
                return transport, protocol
            shaken: asyncio.Future[None] = self.loop.create_future()
            wrapper = security.wrap(self.loop, protocol, shaken, server=False)
            transport.set_protocol(wrapper)
            wrapper.connection_made(transport)
            await shaken
        except BaseException:
            transport.close()
            raise
        return wrapper._app_transport, protocol

    def hang_up(self) -> None:
        """Close what is still open, at once: the world ends."""
        for end in list(self._open.values()):
            end.abort()

    def cut(self, side: str) -> None:
        """Close what one side (`client` or `server`) has open, as the kernel does when a process dies."""
        for (_, whose), end in list(self._open.items()):
            if whose == side:
                end.abort()

    def carries(self, path: str, octets: int) -> bool:
        """Whether octets on a path reach its end; those behind a cut of the network's lose both ends instead."""
        number = int(path[:-1])
        if number not in self._cuts:
            return True
        self._carried[number] = self._carried.get(number, 0) + octets
        if self._carried[number] <= self._cuts[number]:
            return True
        for (connection, _), end in list(self._open.items()):
            if connection == number:
                end.lose()
        return False

    def _queue(self, call: Call, here: Address | None) -> None:
        if not self._calls:
            # Whoever calls at this instant is numbered by rank: the number draws the delays and the port.
            self.loop.call_at(self.loop.instant, self._place)
        self._calls.append((call, here))

    def _place(self) -> None:
        calls, self._calls = self._calls, []
        for call, here in sorted(calls, key=lambda entry: entry[0].rank):
            self.placed += 1
            call.place(self.placed, here or (CLIENT, self._free_port()))

    def _find(self, address: Address) -> MemoryServer | None:
        host, port = address
        return self._listeners.get((_canonical(host), port)) or self._listeners.get((EVERYWHERE, port))

    def remove(self, server: MemoryServer) -> None:
        """Let nobody answer at the server's address any more."""
        del self._listeners[server.address]

    def put(self, server: MemoryServer) -> None:
        """Let `server` answer at its address. Raises OSError when that is taken."""
        host, port = server.address
        taken = [name for name, number in self._listeners if number == port and EVERYWHERE in {name, host}]
        if taken or server.address in self._listeners:
            where = f"error while attempting to bind on address {server.address!r}: address already in use"
            raise OSError(errno.EADDRINUSE, where)
        self._listeners[server.address] = server

    def _free_port(self) -> int:
        self._port = self._port + 1 if self._port < LAST_PORT else FIRST_PORT
        return self._port


def _canonical(host: str) -> str:
    name = host.lower().rstrip(".")
    return ALIASES.get(name, name)


def _refuse_socket(options: dict[str, Any]) -> None:
    if options.get("sock") is not None:
        raise Refused("the virtual world has no sockets: sock= was given", hint="pass host and port")


def _security(options: dict[str, Any], host: str | None) -> Security | None:
    context = options.get("ssl")
    if not context:
        return None
    return Security(
        tls.create_default_context() if context is True else context,
        options.get("server_hostname") or host,
        options.get("ssl_handshake_timeout"),
        options.get("ssl_shutdown_timeout"),
    )
