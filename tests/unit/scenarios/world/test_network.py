"""The in-memory network: delays, segments, listeners, refusals."""

from __future__ import annotations

import asyncio
import errno
import math
import socket
from typing import Any

import pytest

from maildrill.scenarios.world import Network, Refused, Unhandled, World, run_world
from maildrill.smtp.errors import ConfigurationError

ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing real is bound

Landed = tuple[float, str, bytes]


class Talker(asyncio.Protocol):
    """Writes at once, piece by piece."""

    pieces: tuple[bytes, ...] = (b"220 mx.test ", b"ready\r\n")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        for piece in self.pieces:
            transport.write(piece)


def landings(network: Network, count: int = 1) -> list[Landed]:
    """Return all that lands at `count` clients that a Talker greets."""
    landed: list[Landed] = []

    async def main(world: World) -> None:
        world.loop.tap = lambda at, path, data: landed.append((at, path, data))
        await world.loop.create_server(Talker, "mx.test", 25)
        for _ in range(count):
            await world.loop.create_connection(asyncio.Protocol, "mx.test", 25)
        await world.clock.sleep(1)

    run_world(main, network=network)
    return landed


def test_latency_is_the_way_one_way() -> None:
    """A connection takes a SYN and an answer; the greeting leaves with the answer and lands right behind it."""
    landed = landings(Network(latency=0.5, jitter=0))

    assert [(path, data) for _, path, data in landed] == [("1<", b"220 mx.test ready\r\n")]
    assert 1.0 < landed[0][0] < 1.000001


def test_writes_of_one_instant_land_together() -> None:
    """The pieces of a reply are one flight."""
    assert [data for _, _, data in landings(Network())] == [b"220 mx.test ready\r\n"]


def test_flights_are_cut_into_segments() -> None:
    """With a segment size no more octets land at once, each segment at an instant of its own, in order."""
    landed = landings(Network(segment=4))

    assert [data for _, _, data in landed] == [b"220 ", b"mx.t", b"est ", b"read", b"y\r\n"]
    assert sorted({at for at, _, _ in landed}) == [at for at, _, _ in landed]


def test_segments_of_flights_that_overtake_stay_in_order() -> None:
    """A long flight, cut into single octets, does not mix with the one behind it."""

    async def main(world: World) -> bytes:
        done = world.loop.create_future()
        received = bytearray()

        class Sink(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                assert len(data) == 1
                received.extend(data)

            def eof_received(self) -> None:
                done.set_result(None)

        await world.loop.create_server(Sink, "mx.test", 25)
        transport, _ = await world.loop.create_connection(asyncio.Protocol, "mx.test", 25)
        for number in range(50):
            transport.write(b"%03d|" % number * 20)
            await world.clock.sleep(0.00001)
        transport.close()
        await done
        return bytes(received)

    received = run_world(main, network=Network(latency=0.001, jitter=0.001, segment=1))

    assert received == b"".join(b"%03d|" % number * 20 for number in range(50))


def test_jitter_is_drawn_by_seed_connection_direction_and_flight() -> None:
    """Each draw lies within the jitter, and a change of any ingredient changes it."""
    network = Network(latency=1, jitter=0.5, seed=3)
    draws = [
        *network.delays("1>", 0),
        *network.delays("1<", 0),
        *network.delays("2>", 0),
        *network.delays("1>", 1),
        *Network(latency=1, jitter=0.5, seed=4).delays("1>", 0),
    ]

    assert len(set(draws)) == len(draws) == 40
    assert all(1 <= draw < 1.5 for draw in draws)
    assert network.delays("1>", 0) == tuple(draws[:8])


def test_connections_do_not_share_an_instant() -> None:
    """A hundred greetings land at a hundred instants."""
    landed = landings(Network(), count=100)

    assert len({at for at, _, _ in landed}) == 100


@pytest.mark.parametrize("network", [Network(latency=0, jitter=0), Network(latency=0, jitter=0, segment=1)])
def test_without_latency_octets_still_land_later(network: Network) -> None:
    """Nothing lands at the instant it leaves: effects come after causes."""
    landed = landings(network)

    assert b"".join(data for _, _, data in landed) == b"220 mx.test ready\r\n"
    assert 0 < landed[0][0] < 1e-6


@pytest.mark.parametrize("options", [{"latency": -1}, {"jitter": math.nan}, {"segment": -1}, {"latency": math.inf}])
def test_impossible_weather_is_refused(options: dict[str, Any]) -> None:
    """A negative or infinite value is named."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Network(**options)


@pytest.mark.parametrize(
    ("listens", "called", "reached"),
    [
        ("mx.test", "mx.test", True),
        ("mx.test", "MX.Test.", True),
        ("mx.test", "other.test", False),
        (None, "any.test", True),
        ("", "any.test", True),
        (ANYWHERE, "127.0.0.1", True),
        ("::", "::1", True),
        ("localhost", "127.0.0.1", True),
        ("127.0.0.1", "localhost", True),
    ],
)
def test_hosts_are_names(listens: str | None, called: str, reached: bool) -> None:
    """A listener is found by its name, by an alias of it, or when it listens everywhere."""

    async def main(world: World) -> bool:
        server = await world.loop.create_server(asyncio.Protocol, listens)
        try:
            await world.loop.create_connection(asyncio.Protocol, called, server.sockets[0].getsockname()[1])
        except ConnectionRefusedError as error:
            return error.errno != errno.ECONNREFUSED
        return True

    assert run_world(main) == reached


@pytest.mark.parametrize("first", ["mx.test", ANYWHERE])
@pytest.mark.parametrize("second", ["mx.test", ANYWHERE])
def test_an_address_is_taken_once(first: str, second: str) -> None:
    """A second listener at the same port is refused where hosts overlap, until the first has closed."""

    async def main(world: World) -> None:
        server = await world.loop.create_server(asyncio.Protocol, first, 25)
        await world.loop.create_server(asyncio.Protocol, "other.test", 26)
        with pytest.raises(OSError, match="address already in use"):
            await world.loop.create_server(asyncio.Protocol, second, 25)
        server.close()
        await world.loop.create_server(asyncio.Protocol, second, 25)

    run_world(main)


def test_protocol_that_aborts_at_once_refuses_the_connection() -> None:
    """For the caller a connection aborted within connection_made never came about."""

    class Refusing(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.write(b"never read")
            transport.abort()

    async def main(world: World) -> float:
        await world.loop.create_server(Refusing, "mx.test", 25)
        with pytest.raises(ConnectionRefusedError, match=r"mx\.test"):
            await world.loop.create_connection(asyncio.Protocol, "mx.test", 25)
        at = world.loop.time()
        await world.clock.sleep(1)
        assert world.loop.switchboard.describe(9) == []
        return at

    at = run_world(main)

    assert 0.020 < at < 0.025


@pytest.mark.parametrize("factory", [lambda: 1 / 0, None], ids=["factory", "connection_made"])
def test_listener_that_fails_refuses_and_tells(factory: Any) -> None:
    """An exception in the factory or in connection_made refuses the caller and reaches the loop's handler."""

    class Failing(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            raise ZeroDivisionError

    async def main(world: World) -> None:
        await world.loop.create_server(factory or Failing, "mx.test", 25)
        with pytest.raises(ConnectionRefusedError):
            await world.loop.create_connection(asyncio.Protocol, "mx.test", 25)

    with pytest.raises(Unhandled, match="ZeroDivisionError"):
        run_world(main)


@pytest.mark.parametrize("patience", [0.0, 0.005, 0.015], ids=["at once", "SYN under way", "answer under way"])
def test_caller_may_give_up(patience: float) -> None:
    """A cancelled connect leaves nothing open, whenever it is cancelled."""

    async def main(world: World) -> list[str]:
        await world.loop.create_server(asyncio.Protocol, "mx.test", 25)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(patience):
                await world.loop.create_connection(asyncio.Protocol, "mx.test", 25)
        await world.clock.sleep(1)
        return world.loop.switchboard.describe(9)

    assert run_world(main) == []


def test_client_that_fails_leaves_nothing_open() -> None:
    """When the caller's own protocol raises, the connection is closed and the caller is told."""

    class Failing(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            raise ZeroDivisionError

    async def main(world: World) -> list[str]:
        await world.loop.create_server(asyncio.Protocol, "mx.test", 25)
        with pytest.raises(ZeroDivisionError):
            await world.loop.create_connection(Failing, "mx.test", 25)
        await world.clock.sleep(1)
        return world.loop.switchboard.describe(9)

    assert run_world(main) == []


def test_host_and_port_must_be_given() -> None:
    """There is no other way to say where to connect."""

    async def main(world: World) -> None:
        await world.loop.create_connection(asyncio.Protocol, "mx.test")

    with pytest.raises(ValueError, match="host and port"):
        run_world(main)


def test_caller_may_choose_its_address() -> None:
    """local_addr is what the listener sees."""

    async def main(world: World) -> object:
        await world.loop.create_server(asyncio.Protocol, "mx.test", 25)
        transport, _ = await world.loop.create_connection(
            asyncio.Protocol, "mx.test", 25, local_addr=("198.51.100.7", 1234)
        )
        return transport.get_extra_info("sockname")

    assert run_world(main) == ("198.51.100.7", 1234)


def test_ports_begin_again_when_they_run_out() -> None:
    """After the last dynamic port comes the first."""

    async def main(world: World) -> list[int]:
        world.loop.switchboard._port = 65534
        servers = [await world.loop.create_server(asyncio.Protocol, "mx.test") for _ in range(2)]
        return [server.sockets[0].getsockname()[1] for server in servers]

    assert run_world(main) == [65535, 49152]


def test_socket_can_be_asked_but_not_used() -> None:
    """What get_extra_info gives knows names and options; it has no descriptor."""

    async def main(world: World) -> list[object]:
        server = await world.loop.create_server(asyncio.Protocol, "mx.test", 25)
        transport, _ = await world.loop.create_connection(asyncio.Protocol, "mx.test", 25)
        ours = transport.get_extra_info("socket")
        ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with pytest.raises(Refused, match="descriptors"):
            ours.fileno()
        with pytest.raises(OSError, match="no peer"):
            server.sockets[0].getpeername()
        return [
            ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
            ours.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8),
            ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        ]

    assert run_world(main) == [1, bytes(8), 0]


def test_lingering_for_a_while_is_not_a_reset() -> None:
    """SO_LINGER resets only when it is on and its time is 0."""

    async def main(world: World) -> list[bool]:
        await world.loop.create_server(asyncio.Protocol, "mx.test", 25)
        transport, _ = await world.loop.create_connection(asyncio.Protocol, "mx.test", 25)
        ours = transport.get_extra_info("socket")
        answers = []
        for on, seconds in ((1, 0), (1, 5), (0, 0)):
            ours.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, on.to_bytes(4, "little") + seconds.to_bytes(4, "little")
            )
            answers.append(ours.resets)
        return answers

    assert run_world(main) == [True, False, False]


def test_word_of_room_may_find_the_writer_gone() -> None:
    """A writer that aborts while the far end begins to read again is not woken."""

    async def main(world: World) -> int:
        received = bytearray()

        class Slow(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                transport.pause_reading()
                world.loop.call_later(1, transport.resume_reading)

            def data_received(self, data: bytes) -> None:
                received.extend(data)

        await world.loop.create_server(Slow, "mx.test", 25)
        transport, _ = await world.loop.create_connection(asyncio.Protocol, "mx.test", 25)
        transport.write(bytes(1_000_000))
        await world.clock.sleep(1)
        transport.abort()
        await world.clock.sleep(1)
        return len(received)

    assert run_world(main) == 65_536
