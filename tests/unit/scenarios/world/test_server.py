"""The asyncio server of the in-memory network."""

from __future__ import annotations

import asyncio

import pytest

from maildrill.scenarios.world import World, run_world


async def connect(world: World) -> asyncio.Transport:
    """Return a new connection to mx.test."""
    transport, _ = await world.loop.create_connection(asyncio.Protocol, "mx.test", 25)
    return transport


def test_closed_server_waits_for_its_connections() -> None:
    """wait_closed returns when the last connection is closed, on every Python."""

    async def main(world: World) -> list[str]:
        order: list[str] = []
        server = await world.loop.create_server(asyncio.Protocol, "mx.test", 25)
        transport = await connect(world)

        async def wait() -> None:
            await server.wait_closed()
            order.append("closed")

        waiters = [asyncio.create_task(wait()) for _ in range(3)]
        await world.clock.sleep(1)
        server.close()
        server.close()
        await world.clock.sleep(1)
        waiters[2].cancel()
        order.append("still open")
        transport.close()
        await asyncio.wait(waiters)
        await server.wait_closed()
        return order

    assert run_world(main) == ["still open", "closed", "closed"]


@pytest.mark.parametrize("end", ["close_clients", "abort_clients"])
def test_server_can_end_its_connections(end: str) -> None:
    """close_clients and abort_clients are there on every Python."""

    async def main(world: World) -> bool:
        server = await world.loop.create_server(asyncio.Protocol, "mx.test", 25)
        transports = [await connect(world) for _ in range(3)]
        server.close()
        getattr(server, end)()
        await server.wait_closed()
        await world.clock.sleep(1)
        return all(transport.is_closing() for transport in transports)

    assert run_world(main)


def test_server_may_begin_later() -> None:
    """With start_serving=False nobody answers until start_serving."""

    async def main(world: World) -> list[bool]:
        server = await world.loop.create_server(asyncio.Protocol, "mx.test", 25, start_serving=False)
        states = [server.is_serving()]
        with pytest.raises(ConnectionRefusedError):
            await connect(world)
        await server.start_serving()
        await server.start_serving()
        states.append(server.is_serving())
        await connect(world)
        server.close()
        states.append(server.is_serving())
        assert server.sockets == ()
        with pytest.raises(RuntimeError, match="closed"):
            await server.start_serving()
        return states

    assert run_world(main) == [False, True, False]


def test_serve_forever_ends_when_cancelled() -> None:
    """A cancelled serve_forever closes the server."""

    async def main(world: World) -> bool:
        server = await world.loop.create_server(asyncio.Protocol, "mx.test", 25, start_serving=False)
        assert server.get_loop() is world.loop
        serving = asyncio.create_task(server.serve_forever())
        await world.clock.sleep(1)
        await connect(world)
        serving.cancel()
        await asyncio.wait([serving])
        return bool(server.is_serving())

    assert run_world(main) is False
