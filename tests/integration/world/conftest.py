"""The two grounds on which a dialogue is held: the in-memory network and real sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from maildrill.scenarios.world import run_world

T = TypeVar("T")
Main = Callable[[], Coroutine[Any, Any, T]]

PATIENCE = 20.0  # seconds that a dialogue over real sockets may take before it counts as stuck


class Recorder(asyncio.Protocol):
    """One end of a connection: keeps what it hears, does what it is told."""

    def __init__(self, *, keeps_open: bool = False) -> None:
        self.heard: list[object] = []
        self.keeps_open = keeps_open
        self.transport: asyncio.Transport
        self._changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._hear("made")

    def data_received(self, data: bytes) -> None:
        last = self.heard[-1]
        if isinstance(last, bytes):
            self.heard[-1] = last + data
            self._changed.set()
        else:
            self._hear(data)

    def eof_received(self) -> bool:
        self._hear("end")
        return self.keeps_open

    def pause_writing(self) -> None:
        self._hear("paused")

    def resume_writing(self) -> None:
        self._hear("resumed")

    def connection_lost(self, exc: Exception | None) -> None:
        self._hear("lost" if exc is None else f"lost {type(exc).__name__}")

    def _hear(self, what: object) -> None:
        self.heard.append(what)
        self._changed.set()

    async def until(self, what: object) -> None:
        """Wait until `what` was heard: a word, or octets that what was heard last ends with."""
        while not any(_means(heard, what) for heard in self.heard):
            self._changed.clear()
            await self._changed.wait()

    def reset(self) -> None:
        """Close with an RST, as the fake server's faults do."""
        linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


def _means(heard: object, what: object) -> bool:
    if isinstance(heard, bytes) and isinstance(what, bytes):
        return heard.endswith(what)
    return isinstance(heard, str) and isinstance(what, str) and heard.split()[0] == what


class Ground:
    """Where a dialogue is held: `memory` or `tcp`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def hold(self, main: Main[T]) -> T:
        """Run `main` on this ground and return its result."""
        if self.name == "memory":
            return run_world(lambda _: main())
        return asyncio.run(_within(main))

    async def pair(self, server: Recorder | None = None, client: Recorder | None = None) -> tuple[Recorder, Recorder]:
        """Connect two recorders; return the server's and the client's."""
        loop = asyncio.get_running_loop()
        accepted, caller = server or Recorder(), client or Recorder()
        listener = await loop.create_server(lambda: accepted, "127.0.0.1", 0)
        await loop.create_connection(lambda: caller, "127.0.0.1", listener.sockets[0].getsockname()[1])
        await accepted.until("made")
        listener.close()
        return accepted, caller


async def _within(main: Main[T]) -> T:
    async with asyncio.timeout(PATIENCE):
        return await main()


@pytest.fixture(params=["memory", "tcp"])
def ground(request: pytest.FixtureRequest) -> Ground:
    """Hold the test's dialogue in memory, then again over TCP."""
    return Ground(request.param)


@pytest.fixture
def recorder() -> type[Recorder]:
    """Give tests the class, as test modules cannot import one another."""
    return Recorder
