"""aiosmtplib's client on a protocol with our own ears: the same octets go through a Wire and into the dialogue.

The only module that imports aiosmtplib. Rule: what aiosmtplib makes of a reply is not asked; our own parser reads the
same octets (it hides codes, stages and half of what goes wrong: see docs/dispositions.md).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.response import SMTPResponse

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.campaign import Account
from maildrill.sender.setup.scrub import Scrub
from maildrill.sender.timeouts import Deadlines
from maildrill.sender.wire import Wire
from maildrill.smtp import Clock, OnSaid, Reply, Scribe, Stage, decode

#: What aiosmtplib may end with; the recorder knows better what happened. UnicodeError: no name of a host.
TROUBLE = (OSError, UnicodeError, aiosmtplib.SMTPException)


class Client(aiosmtplib.SMTP):
    """aiosmtplib's client on a protocol of ours. greeted: done once connected, before the greeting is waited for."""

    def __init__(
        self,
        recorder: Recorder,
        account: Account,
        local_hostname: str,
        deadlines: Deadlines,
        *,
        connected: Callable[[], Awaitable[None]],
    ) -> None:
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
        self._connected = connected

    async def _create_connection(self, timeout: float | None) -> SMTPResponse:  # noqa: ARG002, ASYNC109 - aiosmtplib's signature; we have a deadline for each stage
        """Connect with our protocol and wait for the greeting, whatever it says."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._deadlines.connect):
            stream, _ = await loop.create_connection(
                lambda: self._recorder, self._account.address or self._account.host, self._account.port
            )
        self.protocol = self._recorder
        self.transport = stream
        await self._connected()
        return await self._recorder.read_response(timeout=self._deadlines.banner)

    async def ask(self, stage: Stage, *words: str, seconds: float) -> None:
        """Say one command, or one line of an exchange, and wait for its reply; the recorder has heard it."""
        self._recorder.stage = stage
        with suppress(*TROUBLE):
            await self.execute_command(*(word.encode() for word in words), timeout=seconds)

    async def hello(self, stage: Stage) -> None:
        """Say EHLO or HELO."""
        self._recorder.stage = stage
        with suppress(*TROUBLE):
            await (self.ehlo() if stage is Stage.EHLO else self.helo())


class Recorder(SMTPProtocol):
    """aiosmtplib's protocol, which hears more. stage: what is being said; stream: None before there is a connection."""

    def __init__(self, clock: Clock, on_said: OnSaid, scrub: Scrub) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.scribe = Scribe()
        self.stream: asyncio.Transport | None = None
        self.stage = Stage.BANNER
        self.secure = False
        self._deaf = False  # what comes in clear now does not count any more
        self._dropped = 0
        self._clock = clock
        self._on_said = on_said
        self._scrub = scrub
        self._wire = Wire(scrub.reply)
        self._wire.ask(Stage.BANNER)
        self._reply: Reply | None = None
        self._ended = asyncio.Event()
        self._told = False  # of a reply that nobody asked for

    def verdict(self, stage: Stage) -> Reply | Broken:
        """Return the positive reply to what was asked last at `stage`, or why there is none."""
        reply = self.heard(stage)
        return Broken(stage, None, reply) if isinstance(reply, Reply) and not reply.positive else reply

    def heard(self, stage: Stage) -> Reply | Broken:
        """Return the reply to what was asked last at `stage`, whatever it says, or why there is none."""
        reply, self._reply = self._reply, None
        if reply is not None and not reply.positive:
            return reply
        if reply is None:
            self._wire.lose(Fault.TIMEOUT)
        elif self._wire.partial:
            self._wire.lose(Fault.UNSOLICITED)
        broken = self._wire.broken
        if broken is None:
            return reply or Broken(stage, Fault.TIMEOUT)
        # idle: it ended before we could say the next thing
        broken = replace(broken, detail=self._scrub.text(broken.detail))
        return replace(broken, stage=stage) if broken.stage is Stage.IDLE else broken

    @property
    def gone(self) -> bool:
        """Whether nothing can be said any more."""
        return self._wire.broken is not None or self.stream is None or self.stream.is_closing()

    async def ended(self, seconds: float) -> None:
        """Wait until a closed connection is gone: in TLS the server has so many seconds to say goodbye."""
        for _ in range(2):
            await asyncio.sleep(0)  # noqa: TID251 - turns of the loop, no time
        if self.secure:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._ended.wait()

    def note(self, remark: str) -> None:
        """Write a remark of ours into the dialogue."""
        self._on_said(self._clock.now(), self.scribe.noted(remark))

    # TLS

    def hold(self) -> None:
        """Hear nothing more in clear: TLS is about to begin."""
        self._deaf = True

    @property
    def spoken_in_clear(self) -> bool:
        """Whether anything came while TLS was about to begin."""
        return self._dropped > 0

    def secured(self, stream: asyncio.Transport) -> None:
        """Go on in TLS: nothing of what was heard in clear is left (RFC 3207 section 4.2)."""
        if self._dropped:
            self.note(f"{self._dropped} octets in clear behind the 220 dropped: somebody has put them there")
        self.stream = self.transport = stream
        self._over_ssl = self.secure = True
        self._buffer.clear()  # aiosmtplib's
        self._deaf, self._dropped = False, 0
        asked, self._wire = self._wire.outstanding, Wire(self._scrub.reply)
        if asked:
            self._wire.ask(Stage.BANNER)  # TLS came first

    # What aiosmtplib says, and what the connection tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self.stream = cast("asyncio.Transport", transport)  # uvloop's does not say so
        self.note("connected")
        super().connection_made(transport)

    def write(self, data: bytes) -> None:
        """Say one command."""
        self._wire.ask(self.stage)
        self._on_said(self._clock.now(), self.scribe.sent(decode(data).removesuffix("\r\n")))
        super().write(data)

    def data_received(self, data: bytes) -> None:
        """Hear what the server says, then let aiosmtplib hear it."""
        # by lines where TLS is to follow: what comes behind a 220 in clear is nobody's word
        pieces = re.findall(rb"[^\n]*\n|[^\n]+", data) if self.stage is Stage.STARTTLS else [data]
        for piece in pieces:
            self._hear(piece)
        broken = self._wire.broken
        if broken is not None and self.stream is not None and broken.fault is not None:
            self.stream.abort()  # aiosmtplib would wait for a reply that cannot come any more

    def _hear(self, data: bytes) -> None:
        if self._deaf:
            self._dropped += len(data)
            return
        for reply in self._wire.feed(data):
            self._heard(reply)
            self._deaf = self.stage is Stage.STARTTLS and reply.positive
        broken = self._wire.broken
        if broken is not None and broken.stage is Stage.IDLE and broken.reply is not None and not self._told:
            self._told = True
            self._show(broken.reply)
        super().data_received(data)

    def _heard(self, reply: Reply) -> None:
        self._reply = reply
        self._show(reply)

    def _show(self, reply: Reply) -> None:
        self._on_said(self._clock.now(), self.scribe.answered(reply))

    def eof_received(self) -> bool:
        """The server closed."""
        self._wire.lose(Fault.EOF)
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._wire.lose(Fault.EOF if exc is None else Fault.RESET)
        self._ended.set()
        super().connection_lost(exc)
