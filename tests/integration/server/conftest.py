"""A fake server and a client that speaks octets, in the virtual world and on real sockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.engine.event import Decision, Event, Proceed
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.session.host import Decider
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import Network, World, run_world
from maildrill.smtp import Clock

T = TypeVar("T")

PATIENCE = 20.0  # seconds that a dialogue over real sockets may take before it counts as stuck; ten times the longest
HELLO = ("EHLO client.test",)
ENVELOPE = ("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>")


class Client:
    """A client that says exactly what it is told, and tells exactly what it heard."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: Clock) -> None:
        self.reader = reader
        self.writer = writer
        self.clock = clock

    async def hear(self, replies: int = 1) -> str:
        """Return the next replies, lines joined by `|`; a part of one if the connection ends."""
        lines: list[bytes] = []
        while replies:
            line = await self.reader.readline()
            lines.append(line)
            replies -= line[3:4] != b"-"
        return b"".join(lines).decode().replace("\r\n", "|").removesuffix("|")

    def write(self, octets: bytes) -> None:
        """Send octets as they are."""
        self.writer.write(octets)

    async def ask(self, *lines: str) -> str:
        """Send lines in one piece and return the reply to each."""
        self.write(b"".join(line.encode() + b"\r\n" for line in lines))
        return await self.hear(len(lines))

    async def rest(self) -> tuple[str, str]:
        """Return what else was said, and how the connection ended: fin or rst."""
        octets = b""
        try:
            while octet := await self.reader.read(1):
                octets += octet
        except ConnectionResetError:
            return octets.decode(), "rst"
        return octets.decode(), "fin"

    async def secure(self, context: ssl.SSLContext, hostname: str = "mx.test") -> None:
        """Go over to TLS."""
        await self.writer.start_tls(context, server_hostname=hostname)

    async def send(self, message: bytes) -> str:
        """Go through a whole transaction, with the message as it must be on the wire, and return the last reply."""
        await self.ask(*ENVELOPE, "DATA")
        self.write(message)
        return await self.hear()


@dataclass
class Scene:
    """A running server and how to reach it."""

    server: FakeServer
    clock: Clock
    address: tuple[str, int]
    clients: list[Client] = field(default_factory=list)

    @property
    def journal(self) -> Journal:
        return self.server.journal

    async def call(self, **options: Any) -> Client:
        """Connect, and hear nothing yet; options: what asyncio.open_connection takes."""
        client = Client(*await asyncio.open_connection(*self.address, **options), self.clock)
        self.clients.append(client)
        return client

    async def greeted(self) -> Client:
        """Connect, and exchange greetings."""
        client = await self.call()
        await client.hear()
        await client.ask(*HELLO)
        return client

    def events(self) -> list[str]:
        """Return what the journal says: stage, code, rule, close; in a few words each."""
        return [
            " ".join(
                word
                for word in (
                    str(entry.stage),
                    str(entry.reply.code) if entry.reply else f"half {entry.half.code}" if entry.half else "",
                    entry.closed or "",
                )
                if word
            )
            for entry in self.journal.entries
        ]


@dataclass
class Decides:
    """A decider that is told what to do at each stage, and keeps the events."""

    decisions: dict[str, Decision] = field(default_factory=dict)
    waits: tuple[float, ...] = ()
    events: list[Event] = field(default_factory=list)
    marks: tuple[int, ...] = ()
    ended: list[int] = field(default_factory=list)

    def on(self, event: Event) -> Decision:
        self.events.append(event)
        return self.decisions.get(event.stage, Decision((Proceed(),)))

    def idle_waits(self) -> tuple[float, ...]:
        return self.waits

    def body_marks(self) -> tuple[int, ...]:
        return self.marks

    def end(self, session: int) -> None:
        self.ended.append(session)


class Ground:
    """Where a dialogue is held: `memory`, `tcp`, or `uvloop`, which is TCP in another loop."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def play(
        self,
        script: str | Script | Decider,
        story: Callable[[Scene], Awaitable[T]],
        *,
        segment: int = 0,
        patience: float = PATIENCE,
        **options: Any,
    ) -> T:
        """Run a story against a server with this script: TOML, the lines of one rule, or a decider.

        patience: seconds for a story that takes longer than others. options: what FakeServer takes besides.
        """
        if isinstance(script, str):
            one_rule = script and not script.lstrip().startswith("[")
            script = read_script(f"[[rule]]\n{script}" if one_rule else script, "test.toml")
        played = script

        async def run(clock: Clock, host: str) -> T:
            server = FakeServer(played, clock=clock, **options)
            scene = Scene(server, clock, await server.start(host))
            try:
                return await story(scene)
            finally:
                for client in scene.clients:
                    client.writer.transport.abort()
                await server.stop()

        if self.kind == "memory":
            return run_world(lambda world: _in(world, run), network=Network(segment=segment))
        with asyncio.Runner(loop_factory=_uvloop if self.kind == "uvloop" else None) as runner:
            return runner.run(asyncio.wait_for(run(SystemClock(), "127.0.0.1"), patience))


async def _in(world: World, run: Callable[[Clock, str], Awaitable[T]]) -> T:
    return await run(world.clock, "mx.test")


@pytest.fixture(params=["memory", "tcp"])
def ground(request: pytest.FixtureRequest) -> Ground:
    """Both grounds, one after the other: what holds in memory must hold on TCP."""
    return Ground(request.param)


def _uvloop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return loop


@pytest.fixture
def uvloop() -> Ground:
    """Real sockets in uvloop, where that is installed."""
    return Ground("uvloop")


@pytest.fixture
def memory() -> Ground:
    """The virtual world."""
    return Ground("memory")


@pytest.fixture
def tcp() -> Ground:
    """Real sockets."""
    return Ground("tcp")


@pytest.fixture
def decides() -> Callable[..., Decides]:
    """Make a decider from stage -> actions."""

    def made(waits: Iterable[float] = (), **actions: object) -> Decides:
        decisions = {stage: Decision(tuple(told), f"at {stage}") for stage, told in actions.items()}  # type: ignore[arg-type]
        return Decides(decisions, tuple(waits))

    return made
