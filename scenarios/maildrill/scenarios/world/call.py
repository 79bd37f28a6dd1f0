"""How one connection comes about: a SYN travels, the listener that is there when it lands decides, the answer travels.

Nobody there, or a protocol that aborts within connection_made: the connection is refused.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING

from maildrill.scenarios.world.pipe import Pipe
from maildrill.scenarios.world.rank import current
from maildrill.scenarios.world.sockets import Address
from maildrill.scenarios.world.transport import MemoryTransport

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop
    from maildrill.scenarios.world.server import MemoryServer

Find = Callable[[Address], "MemoryServer | None"]
Ends = MutableMapping[tuple[int, str], MemoryTransport]


class Call:
    """A connection in the making, to `there`; `find` names the listener, `ends` keeps what is open."""

    def __init__(self, loop: VirtualLoop, there: Address, find: Find, ends: Ends) -> None:
        self.rank = current()
        self._loop = loop
        self._there = there
        self._find = find
        self._ends = ends
        self._accepted = False
        self._client: MemoryTransport | None = None
        self._answered: asyncio.Future[MemoryTransport] = loop.create_future()

    async def answer(self) -> MemoryTransport:
        """Return the caller's end when the far one has answered. Raises ConnectionRefusedError."""
        try:
            return await self._answered
        except BaseException:
            if self._client is not None:
                self._client.abort()
            raise

    def place(self, number: int, here: Address) -> None:
        """Send the SYN of connection `number` from `here`, unless the caller has already given up."""
        if self._answered.done():
            return
        request, response = Pipe(self._loop, f"{number}>"), Pipe(self._loop, f"{number}<")
        client = MemoryTransport(self._loop, request, response, (here, self._there), self._forget(number, "client"))
        self._client = client
        request.signal(lambda: self._knock(number, here, client, (response, request)))

    def _knock(self, number: int, here: Address, client: MemoryTransport, pipes: tuple[Pipe, Pipe]) -> None:
        # The answer leaves before connection_made runs, so that what is written there lands behind it.
        pipes[0].signal(lambda: self._answer(number, client))
        listener = self._find(self._there)
        if listener is None:
            return
        forget = self._forget(number, "server")

        def closed() -> None:
            forget()
            listener.forget(server)

        server = MemoryTransport(self._loop, *pipes, (self._there, here), closed)
        self._ends[number, "server"] = server
        client.join(server)
        server.join(client)
        self._accepted = listener.accept(server)

    def _answer(self, number: int, client: MemoryTransport) -> None:
        if self._answered.done():
            return  # the caller gave up waiting
        if self._accepted:
            self._ends[number, "client"] = client
            self._answered.set_result(client)
        else:
            where = f"Connect call failed {self._there!r}"
            self._answered.set_exception(ConnectionRefusedError(errno.ECONNREFUSED, where))

    def _forget(self, number: int, side: str) -> Callable[[], None]:
        def closed() -> None:
            self._ends.pop((number, side), None)

        return closed
