"""The sender's set-up against the fake server, with somebody on the line who writes down every octet of both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.session.certificates import certificates_for
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import run_world
from maildrill.sender.attempt import Broken
from maildrill.sender.campaign import Account
from maildrill.sender.credentials import PASSWORDS, TOKENS, Credentials, Mechanism
from maildrill.sender.octets import Content
from maildrill.sender.secret import Secret
from maildrill.sender.security import Security, TlsMode
from maildrill.sender.session import Session, open_session
from maildrill.sender.setup.memory import TlsMemory
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Clock, Envelope

HOST = "mx.test"  # what the server calls itself, and what its good certificate is for
CA = certificates_for(HOST).ca_pem
SECRET = "open sesame 7f3a"  # noqa: S105 - for a server that lives as long as a test
TOKEN = "ya29.sesame7f3a"  # noqa: S105 - likewise
PATIENCE = 30.0
#: On real sockets nobody waits for minutes.
QUICK = Deadlines(connect=5, banner=5, ehlo=5, starttls=2, tls=2, auth=2, quit=0.5)


def security(mode: TlsMode, **more: Any) -> Security:
    """What trusts the fake server's authority, where TLS is enforced."""
    enforced = mode in (TlsMode.REQUIRED, TlsMode.IMPLICIT)
    return Security(mode=mode, **({"name": HOST, "authorities": CA, **more} if enforced else more))


def credentials(*mechanisms: Mechanism, secret: str = SECRET, plaintext: bool = False, **more: Any) -> Credentials:
    """Ann's, for these mechanisms."""
    return Credentials(
        user="ann",
        secret=Secret("env:X", lambda: secret, **more),
        mechanisms=mechanisms or PASSWORDS,
        plaintext=plaintext,
    )


class Tap(asyncio.Protocol):
    """Takes a connection on to the server, and writes down what goes over it in each direction."""

    def __init__(self, heard: Heard, target: tuple[str, int]) -> None:
        self.heard = heard
        self.target = target
        self.early = b""
        self.far: asyncio.Transport | None = None
        self.near: asyncio.Transport
        self.number = len(heard.said)
        heard.said.append(bytearray())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.near = transport
        self.heard.open.append(transport)
        self.task = asyncio.get_running_loop().create_task(self.reach())

    async def reach(self) -> None:
        far, _ = await asyncio.get_running_loop().create_connection(lambda: _Back(self), *self.target)
        self.heard.open.append(far)
        self.far = far
        far.write(self.early)

    def data_received(self, data: bytes) -> None:
        self.heard.said[self.number] += data
        if self.far is None:
            self.early += data
        else:
            self.far.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.far is not None:
            self.far.close()


class _Back(asyncio.Protocol):
    def __init__(self, tap: Tap) -> None:
        self.tap = tap

    def data_received(self, data: bytes) -> None:
        if not self.tap.near.is_closing():
            self.tap.near.write(self.tap.heard.change(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self.tap.near.close()


@dataclass
class Heard:
    """What came of it, what was said in each connection octet by octet, and what we wrote down ourselves."""

    found: list[Session | Broken] = field(default_factory=list)
    said: list[bytearray] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    dots: list[object] = field(default_factory=list)
    users: list[str | None] = field(default_factory=list)
    open: list[asyncio.Transport] = field(default_factory=list)
    change: Callable[[bytes], bytes] = bytes

    @property
    def broken(self) -> Broken:
        """Why there was no session."""
        assert isinstance(self.found[-1], Broken), self.lines
        return self.found[-1]

    @property
    def session(self) -> Session:
        """The session that came about."""
        assert isinstance(self.found[-1], Session), self.found[-1]
        return self.found[-1]

    @property
    def in_clear(self) -> list[str]:
        """The commands that were said in clear, in all connections: up to the first TLS record in each."""
        clear = [bytes(said).partition(b"\x16\x03")[0] for said in self.said]
        return [line for octets in clear for line in octets.decode("latin-1").split("\r\n") if line]

    @property
    def everything(self) -> str:
        """All that went over the wire, and all that we say of it."""
        wire = b"".join(self.said).decode("latin-1")
        return "\n".join([wire, *self.lines, repr(self.found)])


class Ground:
    """Where it happens: `memory` or `tcp`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def call(
        self,
        account: Account,
        script: str = "",
        *,
        settings: Settings | None = None,
        times: int = 1,
        change: Callable[[bytes], bytes] = bytes,
        opener: Callable[..., Any] = open_session,
    ) -> Heard:
        """Open `times` sessions, send a message in each, quit; account: host and port are ours."""
        heard = Heard(change=change)
        implicit = account.security.mode is TlsMode.IMPLICIT
        server_settings = replace(settings or Settings(tls=True), hostname=HOST)

        async def run(clock: Clock, name: str, deadlines: Deadlines) -> None:
            text = "".join(f"[[rule]]\n{rule}\n" for rule in script.split("\n\n") if rule)
            server = FakeServer(read_script(text, "script.toml"), clock=clock, settings=server_settings)
            target = await server.start(name, 0 if name != HOST else 2500, tls=implicit)
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(lambda: Tap(heard, target), name, 0 if name != HOST else 25)
            port = listener.sockets[0].getsockname()[1] if name != HOST else 25
            memory = TlsMemory()
            try:
                for _ in range(times):
                    found = await opener(
                        replace(account, host=name, port=port),
                        clock=clock,
                        deadlines=deadlines,
                        on_said=lambda _, said: heard.lines.extend([f"{mark} {text}" for mark, text in said]),
                        local_hostname="me.test",
                        memory=memory,
                    )
                    heard.found.append(found)
                    if isinstance(found, Session):
                        await self._send(found, heard)
            finally:
                listener.close()
                for transport in heard.open:
                    transport.abort()
                await server.stop()
                await clock.sleep(0)
            heard.users += [record.user for record in server.journal.sessions]

        if self.kind == "memory":
            run_world(lambda world: run(world.clock, HOST, Deadlines()))
        else:
            asyncio.run(asyncio.wait_for(run(SystemClock(), "127.0.0.1", QUICK), PATIENCE))
        return heard

    async def _send(self, session: Session, heard: Heard) -> None:
        async def before_dot(_: tuple[str, ...]) -> None:
            """Nothing is to be written down."""

        transaction = await session.transact(
            Envelope("news@shop.test", ("bob@x.test",)),
            Content.of(b"Subject: hi\r\n\r\n" + b"hello\r\n" * 9_000),
            before_dot=before_dot,
        )
        heard.dots.append(transaction.dot and transaction.dot.code)
        await session.quit()


@pytest.fixture(params=["memory", "tcp"])
def ground(request: pytest.FixtureRequest) -> Ground:
    """Both grounds: what holds in memory must hold on real sockets."""
    return Ground(request.param)


@pytest.fixture
def memory() -> Ground:
    """The virtual world alone."""
    return Ground("memory")


@pytest.fixture
def kit() -> Any:
    """What tests build with, as test modules cannot import one another."""

    class Kit:
        """Names."""

        SECRET = SECRET
        TOKEN = TOKEN
        TOKENS = tuple(TOKENS)
        security = staticmethod(security)
        credentials = staticmethod(credentials)

        @staticmethod
        def account(mode: TlsMode = TlsMode.REQUIRED, auth: Credentials | None = None, **more: Any) -> Account:
            return Account(host="", security=security(mode, **more), auth=auth)

    return Kit
