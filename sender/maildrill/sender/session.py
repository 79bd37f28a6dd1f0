"""Open a session: aiosmtplib connects and greets, every octet of it recorded; then the connection is ours.

The only module that imports aiosmtplib. Rule: what aiosmtplib makes of a reply is not asked; our own parser reads
the same octets (it hides codes, stages and half of what goes wrong: see docs/dispositions.md).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.response import SMTPResponse

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.campaign import Account
from maildrill.sender.capabilities import NOTHING, Capabilities
from maildrill.sender.channel import Channel
from maildrill.sender.dialogue import Session
from maildrill.sender.timeouts import Deadlines
from maildrill.sender.wire import Wire
from maildrill.smtp import Clock, Line, Reply, Stage, Transcript, decode

__all__ = ["Deadlines", "Session", "open_session"]

_HELLO = frozenset({Stage.EHLO, Stage.HELO})


async def open_session(
    account: Account,
    *,
    clock: Clock,
    deadlines: Deadlines,
    on_line: Callable[[Line], None],
    local_hostname: str,
) -> Session | Broken:
    """Connect, hear the greeting and say EHLO, or HELO where that is all the server knows (RFC 1869 section 4.5).

    Returns the session, or why there is none. on_line gets each line of the dialogue as it is said.
    """
    opening = _Opening(account, clock, deadlines, on_line, local_hostname)
    try:
        found = await opening.open(Stage.EHLO)
        if isinstance(found, Broken) and found.stage in _HELLO and found.fault in (Fault.EOF, Fault.RESET):
            # some servers hang up at EHLO, or when they have refused it (RFC 1869 section 4.7): once more, the old way
            found = await opening.open(Stage.HELO)
    except BaseException:
        opening.close()
        raise
    return found


class _Opening:
    """One try, or two, to get a session."""

    def __init__(
        self,
        account: Account,
        clock: Clock,
        deadlines: Deadlines,
        on_line: Callable[[Line], None],
        local_hostname: str,
    ) -> None:
        self._account = account
        self._clock = clock
        self._deadlines = deadlines
        self._on_line = on_line
        self._local_hostname = local_hostname
        self._recorder = _Recorder(clock, Transcript(), on_line)

    async def open(self, hello: Stage) -> Session | Broken:
        """Connect and greet with EHLO or HELO."""
        transcript = Transcript()
        self._recorder = recorder = _Recorder(self._clock, transcript, self._on_line)
        self._on_line(transcript.noted(self._clock.now(), f"connecting to {self._account.host}:{self._account.port}"))
        client = _Client(recorder, self._account, self._local_hostname, self._deadlines)
        try:
            await client.connect()
        except (OSError, UnicodeError, aiosmtplib.SMTPException) as error:  # UnicodeError: no name of a host
            if recorder.stream is None:
                return self._unreachable(error)
        greeting = recorder.verdict(Stage.BANNER)
        if isinstance(greeting, Broken):
            return self._leave(greeting)
        return await self._hello(client, hello)

    def close(self) -> None:
        """Let go of the connection, whatever its state."""
        if self._recorder.stream is not None:
            self._recorder.stream.abort()

    async def _hello(self, client: _Client, hello: Stage) -> Session | Broken:
        with suppress(OSError, aiosmtplib.SMTPException):
            await (client.ehlo() if hello is Stage.EHLO else client.helo())
        reply = self._recorder.verdict(hello)
        if isinstance(reply, Reply):
            return self._hand_over(Capabilities.of(reply) if hello is Stage.EHLO else NOTHING)
        if hello is Stage.EHLO and reply.reply is not None and reply.reply.klass == 5:
            return await self._hello(client, Stage.HELO)
        return self._leave(reply)

    def _hand_over(self, capabilities: Capabilities) -> Session:
        """Take the connection over from aiosmtplib, between two replies."""
        stream = self._stream
        channel = Channel(stream, self._clock, self._recorder.transcript, self._on_line)
        stream.set_protocol(channel)
        return Session(channel, capabilities, self._deadlines)

    def _unreachable(self, error: Exception) -> Broken:
        fault = Fault.TIMEOUT if isinstance(error, TimeoutError) else Fault.REFUSED
        detail = _in_words(error) or f"no connection within {self._deadlines.connect:g} seconds"
        self._recorder.note(f"{fault}: {detail}")
        return Broken(Stage.CONNECT, fault, None, detail)

    def _leave(self, broken: Broken) -> Broken:
        """Close; with a QUIT where the server is there to hear it (RFC 5321 section 3.8: not after a 421)."""
        stream = self._stream
        if broken.fault is not None:
            self._recorder.note(f"{broken.fault}: {broken.detail}".rstrip(": "))
        elif broken.reply is not None and broken.reply.code != 421 and not stream.is_closing():
            self._recorder.write(b"QUIT\r\n")
        stream.close()
        return broken

    @property
    def _stream(self) -> asyncio.Transport:
        stream = self._recorder.stream
        assert stream is not None  # noqa: S101 - else it would have been unreachable
        return stream


class _Client(aiosmtplib.SMTP):
    """aiosmtplib's client on a protocol of ours."""

    def __init__(self, recorder: _Recorder, account: Account, local_hostname: str, deadlines: Deadlines) -> None:
        super().__init__(
            hostname=account.host,
            port=account.port,
            local_hostname=local_hostname,
            timeout=deadlines.ehlo,
            use_tls=False,
            start_tls=False,
        )
        self._recorder = recorder
        self._account = account
        self._deadlines = deadlines

    async def _create_connection(self, timeout: float | None) -> SMTPResponse:  # noqa: ARG002, ASYNC109 - aiosmtplib's signature; we have a deadline for each stage
        """Connect with our protocol and wait for the greeting, whatever it says."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._deadlines.connect):
            stream, _ = await loop.create_connection(
                lambda: self._recorder, self._account.address or self._account.host, self._account.port
            )
        self.protocol = self._recorder
        self.transport = stream
        return await self._recorder.read_response(timeout=self._deadlines.banner)


class _Recorder(SMTPProtocol):
    """aiosmtplib's protocol with our own ears: the same octets go through a Wire and into the transcript."""

    def __init__(self, clock: Clock, transcript: Transcript, on_line: Callable[[Line], None]) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.transcript = transcript
        self.stream: asyncio.Transport | None = None
        self._clock = clock
        self._on_line = on_line
        self._wire = Wire()
        self._wire.ask(Stage.BANNER)
        self._reply: Reply | None = None

    def verdict(self, stage: Stage) -> Reply | Broken:
        """Return the positive reply to what was asked last at `stage`, or why there is none."""
        reply, self._reply = self._reply, None
        if reply is not None and not reply.positive:
            return Broken(stage, None, reply)
        if reply is None:
            self._wire.lose(Fault.TIMEOUT)
        elif self._wire.partial:
            self._wire.lose(Fault.UNSOLICITED)
        broken = self._wire.broken
        if broken is None:
            return reply or Broken(stage, Fault.TIMEOUT)
        # idle: it ended before we could say the next thing
        return replace(broken, stage=stage) if broken.stage is Stage.IDLE else broken

    def note(self, remark: str) -> None:
        """Write a remark of ours into the transcript."""
        self._on_line(self.transcript.noted(self._clock.now(), remark))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - create_connection makes nothing else
        self.stream = transport
        self.note("connected")
        super().connection_made(transport)

    def write(self, data: bytes) -> None:
        """Say one command."""
        command = decode(data).removesuffix("\r\n")
        self._wire.ask(Stage.HELO if command.startswith("HELO") else Stage.EHLO)
        self._on_line(self.transcript.sent(self._clock.now(), command))
        super().write(data)

    def data_received(self, data: bytes) -> None:
        """Hear what the server says, then let aiosmtplib hear it."""
        for reply in self._wire.feed(data):
            self._reply = reply
            self._heard(reply)
        broken = self._wire.broken
        if broken is not None and broken.stage is Stage.IDLE and broken.reply is not None:
            self._heard(broken.reply)
        super().data_received(data)
        if self._wire.broken is not None and self.stream is not None and self._wire.broken.fault is not None:
            self.stream.abort()  # aiosmtplib would wait for a reply that cannot come any more

    def _heard(self, reply: Reply) -> None:
        for line in self.transcript.answered(self._clock.now(), reply):
            self._on_line(line)
        if reply.irregular:
            self.note(reply.irregular)

    def eof_received(self) -> bool:
        """The server closed."""
        self._wire.lose(Fault.EOF)
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._wire.lose(Fault.EOF if exc is None else Fault.RESET)
        super().connection_lost(exc)


def _in_words(error: Exception) -> str:
    """Return the system's words for an error: asyncio's own are "[Errno 111] Connect call failed ('192.0.2.1', 25)"."""
    if not isinstance(error, OSError) or error.errno is None or isinstance(error, TimeoutError):
        return str(error)
    # a failed look-up has a negative number of its own, and words of its own
    return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
