"""Whatever two ends write and whenever they pause: each hears all the other wrote, in order, and then its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from maildrill.scenarios.world import Network, World, run_world

Step = tuple[str, int]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.one_of(st.integers(1, 100), st.integers(60_000, 200_000))),
        st.tuples(st.sampled_from(["pause", "resume"]), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 50)),
    ),
    max_size=12,
)
networks = st.builds(
    Network,
    latency=st.sampled_from([0, 0.001, 0.010]),
    jitter=st.sampled_from([0, 0.002, 0.1]),
    segment=st.sampled_from([0, 997, 65_536]),
    seed=st.integers(0, 3),
)


@dataclass
class End(asyncio.Protocol):
    """One side: follows its steps, then ends its direction and waits for the other's end."""

    steps: list[Step]
    heard: bytearray = field(default_factory=bytearray)
    written: bytearray = field(default_factory=bytearray)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    paused: list[bool] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def eof_received(self) -> bool:
        self.ended.set()
        return True

    def pause_writing(self) -> None:
        self.paused.append(True)

    def resume_writing(self) -> None:
        self.paused.append(False)

    async def play(self, world: World) -> None:
        """Do all the steps."""
        for place, (what, count) in enumerate(self.steps):
            if what == "write":
                octets = bytes([place]) * count
                self.written += octets
                self.transport.write(octets)
            elif what == "wait":
                await world.clock.sleep(count / 1000)
            else:
                (self.transport.pause_reading if what == "pause" else self.transport.resume_reading)()
        self.transport.resume_reading()
        self.transport.write_eof()
        await self.ended.wait()


def talk(one: list[Step], other: list[Step], network: Network) -> tuple[End, End, list[object]]:
    """Let two ends play their steps; return them and all that landed."""
    landed: list[object] = []

    async def main(world: World) -> tuple[End, End]:
        world.loop.tap = lambda at, path, data: landed.append((at, path, data))
        server, client = End(other), End(one)
        await world.loop.create_server(lambda: server, "mx.test", 25)
        await world.loop.create_connection(lambda: client, "mx.test", 25)
        await asyncio.gather(client.play(world), server.play(world))
        return client, server

    client, server = run_world(main, network=network)
    return client, server, landed


@given(one=steps, other=steps, network=networks)
def test_nothing_is_lost_doubled_or_reordered(one: list[Step], other: list[Step], network: Network) -> None:
    """Each end hears exactly what the other wrote, and pausing always comes to its resuming."""
    client, server, _ = talk(one, other, network)

    assert client.heard == server.written
    assert server.heard == client.written
    for end in (client, server):
        assert end.paused == [True, False] * (len(end.paused) // 2)


@given(one=steps, other=steps, network=networks)
def test_one_seed_gives_one_order(one: list[Step], other: list[Step], network: Network) -> None:
    """Played twice, each octet lands at the same instant."""
    assert talk(one, other, network)[2] == talk(one, other, network)[2]
