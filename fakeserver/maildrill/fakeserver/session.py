"""One connection: aiosmtpd's SMTP with a Conversation in front of it. The only module that imports aiosmtpd.

Everything goes through seams: `push` (every reply of aiosmtpd's own), `_smtp_methods` (every verb, known or not),
`data_received`, `_reader`, `_handle_client` (its reading loop: ours to continue, see inbox), `_timeout_cb` and
`connection_made`; tests/integration/server/test_aiosmtpd_seams.py holds each.
Rule: no command is handled once a connection was closed, pipelined or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, cast

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Session as AioSession

from maildrill.fakeserver.body import END, BareNewlines, Body
from maildrill.fakeserver.conversation import Conversation
from maildrill.fakeserver.faults import reset_connection
from maildrill.fakeserver.host import Door, Host, Talk
from maildrill.fakeserver.inbox import Inbox, Steps
from maildrill.fakeserver.journal import Closed
from maildrill.fakeserver.patience import Patience
from maildrill.smtp import Reply, decode

#: Seconds of silence after which a server closes: RFC 5321 section 4.5.3.2.7 wants at least five minutes.
TIMEOUT = 300.0
#: Seconds that a closed connection is still read from. Octets left unread would turn the FIN into a RST, and that
#: takes the last reply away from the client (RFC 1122 section 4.2.2.13).
_LINGER = 2.0
#: Octets of a command line: RFC 5321 section 4.5.3.1.4, and what the extensions add to it (RFC 1870 section 3,
#: RFC 6152 section 2, RFC 6531 section 3.1; RFC 4954 section 4).
_LINE_LIMITS = {"MAIL": 512 + 26 + 17 + 10, "AUTH": 12288}
#: Octets that are held back while nobody reads them; an end of line must come within.
MAX_HELD = 65536
_UNREADABLE = Reply.of("500 5.5.2 cannot read this line")
_BROKEN_TEXT = "421 4.3.0 internal error, closing connection"
_BROKEN = Reply.of(_BROKEN_TEXT)

logging.getLogger("mail.log").addHandler(logging.NullHandler())  # aiosmtpd's own; the journal says what happened


class Session(SMTP):
    """The server's end of one connection. on_end: called with it when the connection is gone."""

    def __init__(self, host: Host, door: Door, on_end: Callable[[Session], None]) -> None:
        loop = asyncio.get_running_loop()
        # In aiosmtpd a dict that all connections share and that each clears.
        self.command_size_limits: dict[str, int] = defaultdict(lambda: SMTP.command_size_limit)
        super().__init__(object(), hostname=host.hostname, data_size_limit=None, enable_SMTPUTF8=True, loop=loop)
        self.command_size_limits.update(_LINE_LIMITS)
        self._smtp_methods = _Verbs(self._command)
        self._host = host
        self.door = door
        self._on_end = on_end
        self._talk: Talk = (host.converse or Conversation)(host, self)
        self._connected = False
        self._greeted = False
        self._over = False
        self._inbox = Inbox(MAX_HELD)
        self._steps: Steps | None = None
        self._reading = False  # whether octets that came are being handled: then replies leave together behind them
        self._out = bytearray()
        self._bare = BareNewlines()
        self._waits = host.idle_waits
        self._patience = Patience(_ages(self._waits))
        self._idling: asyncio.Task[None] | None = None

    # Seam: connection_made, and the end of a connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the script at once: a refused connection never begins, nor does one to a server that was stopped."""
        peer = transport.get_extra_info("peername")
        client = str(peer[0]) if isinstance(peer, tuple) and peer else "local"
        try:
            self._connected = not self._over and self._talk.connect(client)
        finally:
            if not self._connected:
                self._over = True
                reset_connection(cast("asyncio.Transport", transport))
        if self._connected:
            super().connection_made(transport)
            cast("AioSession", self.session).extended_smtp = True  # so that the limits of _LINE_LIMITS count

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        if self._connected:
            self._finish(Closed.CLIENT)
            super().connection_lost(error)
        self._on_end(self)

    def stop(self) -> list[asyncio.Task[None]]:
        """End the connection from outside of the script; returns what has yet to notice."""
        if not self._connected:
            self._over = True
            return []
        self._finish(Closed.STOPPED)
        self._writer.transport.abort()
        return [self._handler]

    def _finish(self, how: Closed) -> None:
        self._over = True
        self._talk.end(how)
        if self._idling is not None:
            self._idling.cancel()

    @property
    def _handler(self) -> asyncio.Task[None]:
        return cast("asyncio.Task[None]", self._handler_coroutine)  # there from connection_made on

    # Seams: data_received, _reader and _handle_client.

    def data_received(self, data: bytes) -> None:
        """Take octets, unless the connection was closed: what is pipelined behind that never happened."""
        if self._over:
            return
        self._patience.heard(self.loop.time())
        self._talk.record.bare_newlines += self._bare.feed(data)
        self._inbox.feed(data)
        if self._steps is not None:
            self._reading = True
            self._steps.go()
            self._reading = False
            self.flush()
        self._inbox.balance()

    def _cb_client_connected(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._inbox.attach(cast("asyncio.ReadTransport", writer.transport))
        self._reader, self._writer = cast("asyncio.StreamReader", self._inbox), writer

    async def _handle_client(self) -> None:
        self._steps = Steps(super()._handle_client())
        try:
            await self._steps
        except asyncio.CancelledError:  # aiosmtpd closes behind a command, not behind the greeting
            self._writer.close()
            raise

    # Seam: push.

    async def push(self, status: str | bytes) -> None:
        """Stand in for what aiosmtpd says by itself: the banner, and errors about what is no command."""
        if not self._greeted:
            self._greeted = True
            self._patience.stop()
            try:
                await self._talk.greet()
            except Exception as error:  # of what a command raises aiosmtpd takes care
                await self._talk.say(Reply.of(await self.handle_exception(error)))
        else:
            await self._talk.say(_BROKEN if status == _BROKEN_TEXT else _UNREADABLE)
        self._wait(between=True)

    async def handle_exception(self, error: Exception) -> str:
        """Report a fault of ours to the loop's exception handler; what is returned is pushed."""
        context = {"message": "the fake server failed", "exception": error, "protocol": self}
        self.loop.call_exception_handler(context)
        return _BROKEN_TEXT

    # Seam: _smtp_methods.

    async def _command(self, verb: str, argument: str | None) -> None:
        text = argument or ""
        if not text.isascii():
            text = decode(text.encode("utf-8", "surrogateescape"))
        self._patience.stop()
        await self._talk.command(verb, text)
        self._wait(between=True)

    # Seam: _timeout_cb, with one timer that moves when it fires, not with each command.

    def _reset_timeout(self, duration: float | None = None) -> None:  # noqa: ARG002 - aiosmtpd's signature
        if self._timeout_handle is None:
            self._wait(between=False)

    def _wait(self, *, between: bool) -> None:
        """From now on it is the client's turn: with a command if `between`, else with octets of one."""
        if self._waits is not self._host.idle_waits:
            self._waits = self._host.idle_waits
            self._patience.ages = _ages(self._waits)
        self._arm(self._patience.start(self.loop.time(), between=between))

    def _arm(self, when: float | None) -> None:
        if when is not None:
            if self._timeout_handle is not None:
                self._timeout_handle.cancel()
            self._timeout_handle = self.loop.call_at(when, self._timeout_cb)

    def _timeout_cb(self) -> None:
        age, when = self._patience.fire()
        if age is not None:
            self._idling = self.loop.create_task(self._silence(age))
        self._arm(when)

    async def _silence(self, age: float) -> None:
        try:
            await (self._talk.time_out() if age == TIMEOUT else self._talk.idle(age))
        except Exception as error:
            await self._talk.say(Reply.of(await self.handle_exception(error)))

    # What a Conversation asks of its wire.

    async def say(self, octets: bytes) -> None:
        """Send octets; what is said in one turn of the loop leaves together (RFC 2920 section 3.2)."""
        if not (self._out or self._reading):
            self.loop.call_soon(self.flush)
        self._out += octets
        await self._writer.drain()

    async def pause(self, seconds: float) -> None:
        """Let time of the server's clock pass; what was said before is sent."""
        self.flush()
        await self._host.clock.sleep(seconds)

    def flush(self) -> bool:
        """Send what was said; returns whether the connection still took it."""
        transport = self._writer.transport
        if not transport.is_closing():
            if self._out:
                transport.write(bytes(self._out))
                self._out.clear()
            return True
        self._out.clear()
        return False

    async def read_line(self) -> str:
        """Return the next line without its end; of one that is too long only a part."""
        self._wait(between=False)
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as overrun:
            line = await self._reader.read(overrun.consumed)
        self._patience.stop()
        return decode(line.rstrip(b"\r\n"))

    async def read_some(self, most: int = MAX_HELD) -> bytes:
        """Return the next octets, one at least and `most` at most."""
        self._wait(between=False)
        octets = await self._inbox.read(most)
        self._patience.stop()
        return octets

    async def await_octet(self) -> None:
        """Return when there is something to read."""
        self._wait(between=False)
        await self._inbox.wait()
        self._patience.stop()

    async def read_body(self, body: Body, mark: int | None) -> bool:
        """Feed `body` until it is whole, or has as many octets as `mark` says; returns whether it is whole."""
        self._wait(between=False)
        whole = False
        while not whole and (mark is None or body.seen < mark):
            whole = body.feed(await self._inbox.read_towards(END))
        self._patience.stop()
        return whole

    async def hang_up(self, *, reset: bool) -> NoReturn:
        """End the connection by FIN or RST, and with it whatever is going on in this session."""
        self._over = True
        self.flush()
        transport = cast("asyncio.Transport", self._writer.transport)
        here = self._idling is None or asyncio.current_task() is not self._idling
        if reset:
            reset_connection(transport)
        elif here and transport.can_write_eof() and not transport.is_closing():
            with contextlib.suppress(OSError):  # the client reset the connection when it got the reply
                transport.write_eof()
            transport.resume_reading()
            await self._host.clock.sleep(_LINGER)
        else:
            transport.close()
        if not here:
            self._handler.cancel()
        raise asyncio.CancelledError


def _ages(waits: Sequence[float]) -> tuple[float, ...]:
    """Return the ages of silence at which something happens: those that a script wants, then the end."""
    return (*(age for age in waits if age < TIMEOUT), TIMEOUT)


class _Verbs(dict[str, Any]):
    """aiosmtpd's table of verbs, with an answer to each: so that we stand in front of syntax and sequence checks."""

    def __init__(self, command: Callable[[str, str | None], Awaitable[None]]) -> None:
        super().__init__()
        self._command = command

    def get(self, verb: str, _default: object = None) -> Callable[[str | None], Awaitable[None]]:
        """Return what answers a verb, known or not."""
        return functools.partial(self._command, verb)
