"""A host that says exactly what it is told, and the sender's session with it, in memory and over TCP."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from maildrill.cli.system_clock import SystemClock
from maildrill.scenarios.world import Network, run_world
from maildrill.sender.attempt import Broken, Transaction
from maildrill.sender.campaign import Account
from maildrill.sender.octets import Content
from maildrill.sender.session import Session, open_session
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Clock, Envelope, Line

T = TypeVar("T")
#: What to say at a verb; a list: the first time, the second time, …, the last one from then on.
Says = str | list[str]

PATIENCE = 20.0  # seconds that a dialogue over real sockets may take before it counts as stuck
MESSAGE = b"Subject: hello\r\n\r\nHello!\r\n"
ANN, BEN, CID = "ann@x.test", "ben@x.test", "cid@x.test"
KIND: Mapping[str, Says] = {
    "BANNER": "220 mx.test",
    "EHLO": "250-mx.test\r\n250-PIPELINING\r\n250 SIZE 1000000",
    "HELO": "250 mx.test",
    "DATA": "354 go on",
    "QUIT": "221 bye<fin>",
}
NOTHING: Mapping[str, Says] = {}


@dataclass
class Host:
    """Answers each verb with `says`; `RCPT ann@x.test` before `RCPT`; everything else with 250.

    `<fin>` and `<rst>` end the connection there, `<deaf>` stops reading, `<wait>` leaves out the rest for a minute,
    `<mute>` is silence from then on. An empty text is no reply to this one; `~` leaves a line open.
    BODY is said at the first octets of a message, `.` at its dot; BDAT and LAST when all octets of a chunk are there.
    """

    says: Mapping[str, Says]
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    transports: list[asyncio.Transport] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray)

    def answer(self, command: str) -> str:
        verb, _, rest = command.partition(" ")
        address = rest.partition("<")[2].partition(">")[0]
        for name in (f"{verb} {address}", verb):
            if name in self.says:
                said = self.says[name]
                if isinstance(said, list):
                    return said.pop(0) if len(said) > 1 else said[0]
                return said
        return "250 ok" if command != "BODY" else ""

    @property
    def connections(self) -> int:
        return len(self.transports)


class _Line(asyncio.Protocol):
    """One connection of a host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.buffer = b""
        self.body: bytes | None = None
        self.chunk: tuple[int, str] | None = None  # how many octets are to come, and what their end is called
        self.mute = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.host.transports.append(transport)
        self.say(self.host.answer("BANNER"))

    def data_received(self, data: bytes) -> None:
        self.host.heard += data
        self.buffer += data
        while not self.transport.is_closing() and self.step():
            pass

    def step(self) -> bool:
        if self.body is not None:
            return self.read_body()
        if self.chunk is not None:
            return self.read_chunk(*self.chunk)
        line, end, rest = self.buffer.partition(b"\r\n")
        if not end:
            return False
        self.buffer = rest
        command = line.decode()
        self.host.commands.append(command)
        if command.startswith("BDAT "):
            _, size, *last = command.split()
            self.chunk = int(size), "LAST" if last else "BDAT"
            return True
        said = self.host.answer(command)
        if command == "DATA" and said.startswith("354"):
            self.body = b""
        self.say(said)
        return True

    def read_body(self) -> bool:
        if self.buffer and not self.body:
            self.say(self.host.answer("BODY"))
        self.body = (self.body or b"") + self.buffer
        self.buffer = b""
        octets, end, rest = (b"\r\n" + self.body).partition(b"\r\n.\r\n")
        if not end or self.transport.is_closing():
            return False
        self.body, self.buffer = None, rest
        self.host.messages.append((octets + b"\r\n").replace(b"\r\n..", b"\r\n.")[2:])
        self.host.commands.append(".")
        self.say(self.host.answer("."))
        return True

    def read_chunk(self, size: int, end: str) -> bool:
        if len(self.buffer) < size:
            self.say(self.host.answer("BODY") if self.buffer else "")
            return False
        self.host.chunks.append(self.buffer[:size])
        self.buffer, self.chunk = self.buffer[size:], None
        self.say(self.host.answer(end))
        return True

    def say(self, text: str) -> None:
        for mark in ("<fin>", "<rst>", "<deaf>", "<mute>", "<wait>"):
            if mark in text:
                before, _, after = text.partition(mark)
                self.write(before)
                self.act(mark, after)
                return
        self.write(text)

    def act(self, mark: str, after: str) -> None:
        if mark == "<fin>":
            self.transport.close()
        elif mark == "<rst>":
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.transport.abort()
        elif mark == "<deaf>":
            self.transport.pause_reading()
        elif mark == "<mute>":
            self.mute = True
        else:
            asyncio.get_running_loop().call_later(60, self.say, after)

    def write(self, text: str) -> None:
        if text and not self.mute and not self.transport.is_closing():
            end = "" if text.endswith(("\n", "~")) else "\r\n"
            self.transport.write((text.removesuffix("~") + end).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        self.host.ends.append("rst" if exc else "fin")


@dataclass
class Scene:
    """A host, and the way to it."""

    host: Host
    clock: Clock
    account: Account
    deadlines: Deadlines
    lines: list[Line] = field(default_factory=list)
    intents: list[tuple[str, ...]] = field(default_factory=list)

    async def open(self) -> Session | Broken:
        """Open a session as the runner does."""
        return await open_session(
            self.account,
            clock=self.clock,
            deadlines=self.deadlines,
            on_said=lambda at, said: self.lines.extend([Line(at, *line) for line in said]),
            local_hostname="me.test",
        )

    async def session(self) -> Session:
        """Open a session that must come about."""
        found = await self.open()
        assert isinstance(found, Session), found
        return found

    async def intend(self, accepted: tuple[str, ...]) -> None:
        """Write down, in memory, who is about to get the final dot."""
        self.intents.append(accepted)

    async def send(self, session: Session, *recipients: str, message: bytes = MESSAGE, **more: Any) -> Transaction:
        """Do a transaction from news@shop.test; what is written down before the dot is kept. more: for `transact`."""
        envelope = Envelope("news@shop.test", recipients or (ANN,))
        return await session.transact(envelope, Content.of(message), before_dot=self.intend, **more)

    async def once(self, *recipients: str, message: bytes = MESSAGE) -> Transaction:
        """Open a session, do one transaction in it and quit."""
        session = await self.session()
        heard = await self.send(session, *recipients, message=message)
        await session.quit()
        return heard

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until it has happened."""
        while not happened():
            await self.clock.sleep(0.001)

    @property
    def dialogue(self) -> list[str]:
        """The transcript without its time stamps."""
        return [f"{line.mark} {line.text}" for line in self.lines]


class Ground:
    """Where a dialogue is held: `memory` or `tcp`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def hold(
        self,
        story: Callable[[Scene], Awaitable[T]],
        says: Mapping[str, Says] = NOTHING,
        *,
        segment: int = 0,
        pipelining: bool = True,
        deadlines: Deadlines | None = None,
    ) -> T:
        """Run a story with a host that says so: `dot` to the final dot, `RCPT_ann` to RCPT TO:<ann@x.test>."""
        kind = dict(KIND)
        if not pipelining:
            kind["EHLO"] = "250-mx.test\r\n250 SIZE 1000000"
        named = {
            name.replace("dot", ".").replace("_", " ") + "@x.test" * ("_" in name): said for name, said in says.items()
        }
        host = Host({**kind, **named})

        async def run(clock: Clock, name: str) -> T:
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(lambda: _Line(host), name, 0)
            port = listener.sockets[0].getsockname()[1]
            try:
                return await story(Scene(host, clock, Account(host=name, port=port), deadlines or Deadlines()))
            finally:
                listener.close()
                for transport in host.transports:
                    transport.abort()
                await clock.sleep(0)

        if self.kind == "memory":
            return run_world(lambda world: _story(run(world.clock, "mx.test")), network=Network(segment=segment))
        return asyncio.run(asyncio.wait_for(run(SystemClock(), "127.0.0.1"), PATIENCE))


async def _story(told: Awaitable[T]) -> T:
    return await told


@pytest.fixture(params=["memory", "tcp"])
def ground(request: pytest.FixtureRequest) -> Ground:
    """Both grounds, one after the other: what holds in memory must hold on TCP."""
    return Ground(request.param)


@pytest.fixture
def memory() -> Ground:
    """The virtual world: for what takes minutes."""
    return Ground("memory")


@pytest.fixture(params=[True, False], ids=["pipelined", "lock-step"])
def pipelining(request: pytest.FixtureRequest) -> bool:
    """Both ways of saying it."""
    return bool(request.param)
