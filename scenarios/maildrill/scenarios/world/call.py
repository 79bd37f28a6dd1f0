"""How one connection comes about: a SYN travels, the listener that is there when it lands decides, the answer travels.

Nobody there, or a protocol that aborts within connection_made: the connection is refused.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING

from maildrill.scenarios.world.pipe import Pipe
from maildrill.scenarios.world.sockets import Address
from maildrill.scenarios.world.transport import MemoryTransport

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop
    from maildrill.scenarios.world.server import MemoryServer

Ends = MutableMapping[tuple[int, str], MemoryTransport]


class Call:
    """Connection `number` from its SYN on; `names` are the caller's and the called address."""

    def __init__(self, loop: VirtualLoop, number: int, names: tuple[Address, Address], ends: Ends) -> None:
        self._loop = loop
        self._number = number
        self._names = names
        self._ends = ends
        self._request, self._response = Pipe(loop, f"{number}>"), Pipe(loop, f"{number}<")
        self._accepted = False
        self._answered: asyncio.Future[None] = loop.create_future()

    async def place(self, find: Callable[[Address], MemoryServer | None]) -> MemoryTransport:
        """Return the caller's end; `find` names the listener. Raises ConnectionRefusedError."""
        client = MemoryTransport(self._loop, self._request, self._response, self._names, self._closed("client"))
        self._request.signal(lambda: self._knock(client, find(self._names[1])))
        try:
            await self._answered
        except BaseException:
            client.abort()
            raise
        self._ends[self._number, "client"] = client
        return client

    def _knock(self, client: MemoryTransport, listener: MemoryServer | None) -> None:
        # The answer leaves before connection_made runs, so that what is written there lands behind it.
        self._response.signal(self._answer)
        if listener is None:
            return
        caller, called = self._names
        forget = self._closed("server")

        def closed() -> None:
            forget()
            listener.forget(server)

        server = MemoryTransport(self._loop, self._response, self._request, (called, caller), closed)
        self._ends[self._number, "server"] = server
        client.join(server)
        server.join(client)
        self._accepted = listener.accept(server)

    def _answer(self) -> None:
        if self._answered.done():
            return  # the caller gave up waiting
        if self._accepted:
            self._answered.set_result(None)
        else:
            where = f"Connect call failed {self._names[1]!r}"
            self._answered.set_exception(ConnectionRefusedError(errno.ECONNREFUSED, where))

    def _closed(self, side: str) -> Callable[[], None]:
        def closed() -> None:
            self._ends.pop((self._number, side), None)

        return closed
