"""One connection: aiosmtpd's SMTP with a Conversation in front of it. The only module that imports aiosmtpd.

Everything goes through seams: `push` (every reply of aiosmtpd's own), `_smtp_methods` (every verb, known or not),
`data_received`, `_reader` and `_writer`, `_handle_client` (its reading loop: ours to continue, see inbox),
`_reset_timeout` and `connection_made`; tests/integration/server/test_aiosmtpd_seams.py holds each.
Rule: no command is handled once a connection was closed, pipelined or not.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import cast

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Session as AioSession

from maildrill.fakeserver.journal.journal import Closed, Entry
from maildrill.fakeserver.message.body import BareNewlines
from maildrill.fakeserver.session.conversation import Conversation
from maildrill.fakeserver.session.express import Taken
from maildrill.fakeserver.session.faults import reset_connection
from maildrill.fakeserver.session.host import Door, Host, Talk
from maildrill.fakeserver.session.inbox import Steps
from maildrill.fakeserver.session.line import Line
from maildrill.fakeserver.session.patience import Due, Lapse
from maildrill.fakeserver.session.stand_ins import NO_TIMER, NOBODY, Closer, Commands, Verbs
from maildrill.smtp import Reply, Stage, decode

_CRLF = 2
#: Octets that extensions add to a command line: SIZE (RFC 1870 section 3), BODY (RFC 6152 section 2), SMTPUTF8 (RFC
#: 6531 section 3.1), AUTH= (RFC 4954 section 3); RET and ENVID, NOTIFY and ORCPT (RFC 3461 section 4), AUTH (RFC 4954).
_ADDED = {"MAIL": 26 + 17 + 10 + 500 + 9 + 107, "RCPT": 29 + 507, "VRFY": 10}
_AUTH_LINE = 12288
#: What may stand on a line to the letter: a verb, and behind one blank an argument, without control characters.
_SPELT = re.compile(rb"[A-Za-z0-9]+(?: (?! )[^\x00-\x1f\x7f]+)? *\r\n")
_TOO_LATE = {
    Lapse.SILENT: Reply.of("421 4.4.2 silent for too long, closing connection"),
    Lapse.SLOW: Reply.of("421 4.4.2 a command takes too long, closing connection"),
    Lapse.OLD: Reply.of("421 4.4.2 the session takes too long, closing connection"),
    Lapse.DEAF: None,
}
_UNREADABLE = Reply.of("500 5.5.2 cannot read this line")
_BROKEN_TEXT = "421 4.3.0 internal error, closing connection"
_BROKEN = Reply.of(_BROKEN_TEXT)

logging.getLogger("mail.log").addHandler(logging.NullHandler())  # aiosmtpd's own; the journal says what happened


class Session(SMTP):
    """The server's end of one connection. on_end: called with it when the connection is gone.

    crowded: there are too many connections for this one.
    """

    def __init__(self, host: Host, door: Door, on_end: Callable[[Session], None], *, crowded: bool = False) -> None:
        loop = asyncio.get_running_loop()
        most = host.limits.line - _CRLF
        # In aiosmtpd a dict that all connections share and that each clears.
        self.command_size_limits: dict[str, int] = defaultdict(lambda: most)
        super().__init__(NOBODY, hostname=host.hostname, data_size_limit=None, enable_SMTPUTF8=True, loop=loop)
        self.command_size_limits.update({verb: most + added for verb, added in _ADDED.items()})
        self.command_size_limits["AUTH"] = max(most, _AUTH_LINE - _CRLF)
        self._smtp_methods = Verbs(self._command)
        self._host = host
        self._on_end = on_end
        self._line = _Line(self, host, door)
        self._line.crowded = crowded
        self._talk: Talk = (host.converse or Conversation)(host, self._line)
        self._express = self._talk.express if isinstance(self._talk, Conversation) else None
        self._client = "local"
        self._connected = False
        self._known = False  # whether the talk knows of the client: behind a proxy it is told later
        self._greeted = False
        self._gone = False
        self._steps: Steps | None = None
        self._commands: Commands | None = None
        self._bare = BareNewlines()

    def __dir__(self) -> Iterable[str]:
        """Return no names: aiosmtpd looks for methods that it never calls, at half the cost of a connection."""
        return ()

    # Seam: connection_made, and the end of a connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the script at once: a refused connection never begins, nor does one to a server that was stopped."""
        peer, later = transport.get_extra_info("peername"), self._line.door.proxy
        self._client = str(peer[0]) if isinstance(peer, tuple) and peer else self._client
        try:
            self._known = not (self._line.over or later) and self._talk.connect(self._client)
            self._connected = self._known or (later and not self._line.over)
        finally:
            if not self._connected:
                self._line.over = True
                reset_connection(cast("asyncio.Transport", transport))
        if self._connected:
            super().connection_made(transport)
            self._line.open(cast("asyncio.Transport", transport), self._handler)
            self._be_extended()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The connection is gone, whoever ended it."""
        if self._gone:
            return
        self._gone = True
        if self._connected:
            self._end(Closed.CLIENT)
            super().connection_lost(None)  # nobody asks for an error kept here; asyncio would complain of that
            self._handler.add_done_callback(self._let_go)
        self._on_end(self)

    def eof_received(self) -> bool | None:
        """The client says no more."""
        self._line.parting.end()
        return super().eof_received()

    def stop(self) -> list[asyncio.Task[None]]:
        """End the connection from outside of the script; returns what has yet to notice."""
        if not self._connected:
            self._line.over = True
            return []
        self._end(Closed.STOPPED)
        self._line.flush()  # what was answered has been written down as said
        self._line.transport.abort()
        return [self._handler]

    def _end(self, how: Closed) -> None:
        if self._known:
            self._talk.end(how)
        self._line.close()

    def _let_go(self, _handler: asyncio.Task[None]) -> None:
        """Forget all that would hold us in turn: it is over, and nobody is to search for rings (see `collecting`)."""
        del self._line.handler
        if isinstance(self._talk, Conversation):
            self._talk.express = None
        vars(self).clear()
        self._gone = True

    async def _meet(self) -> None:
        """Hear from the proxy who the client is; without a word of that there is no session."""
        header = await self._line.read_header()
        if header is not None:
            told = header.client
            self._client = told[0] if isinstance(told, tuple) else told or self._client
            self._known = self._talk.connect(self._client)
        else:
            now, journal = self._host.clock.now(), self._host.journal
            number = journal.open_session(now, self._client).number
            journal.add(Entry(began=now, at=now, session=number, stage=Stage.CONNECT, closed=Closed.REFUSED))
        if not self._known:
            self._line.over = True
            reset_connection(self._line.transport)
            raise asyncio.CancelledError

    @property
    def _handler(self) -> asyncio.Task[None]:
        return cast("asyncio.Task[None]", self._handler_coroutine)  # there from connection_made on

    def _be_extended(self) -> None:
        """Have the limits of each verb count."""
        cast("AioSession", self.session).extended_smtp = True

    # Seams: data_received, _reader, _writer and _handle_client.

    def data_received(self, data: bytes) -> None:
        """Take octets, unless the connection was closed: what is pipelined behind that never happened."""
        if not self._line.over:
            self._line.received(data, self._handle)

    def _handle(self, data: bytes) -> None:
        """Have octets answered on the short way, as far as it goes, or read from the inbox."""
        express, commands = self._express, self._commands
        taken: Taken = False
        piece, behind = b"", data
        if express is not None and commands is not None and commands.waiting and not self._bare.after_cr:
            taken, piece, behind = express.run(data, self._line.wait_anew)
            if taken is True:
                return
        if self._known:
            self._talk.record.bare_newlines += self._bare.feed(piece + behind)
        if commands is None or isinstance(taken, bool):
            behind = piece + behind
        else:
            self._line.stop_waiting()
            commands.rest = self._finish(taken)
        if behind:
            self._line.feed(behind)
        self._go()

    async def _finish(self, rest: Awaitable[None]) -> None:
        await rest
        self._line.wait(between=True)

    def _go(self) -> None:
        if self._steps is not None:
            self._steps.go()
        self._line.inbox.balance()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._line.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._line.resume_writing()

    def _cb_client_connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002 - aiosmtpd's signature
        self._commands = Commands(self._line.inbox, self._host.limits.line, self._command)
        self._reader = cast("asyncio.StreamReader", self._commands)
        self._writer = cast("asyncio.StreamWriter", Closer(writer, self._line.shut))

    async def _handle_client(self) -> None:
        self._steps = Steps(super()._handle_client())
        try:
            await self._steps
        except asyncio.CancelledError:  # aiosmtpd closes behind a command, not behind the greeting
            self._line.shut()
            raise

    def secured(self, transport: asyncio.Transport | None) -> None:
        """The session goes on in TLS; None: the handshake failed."""
        if transport is None:
            # Where the client went in the middle asyncio tells nobody.
            self.loop.call_soon(self.connection_lost, None)
            return
        self.session = self._create_session()
        self.session.ssl = transport.get_extra_info("ssl_object")
        self.transport = transport
        self._be_extended()

    # Seam: push.

    async def push(self, status: str | bytes) -> None:
        """Stand in for what aiosmtpd says by itself: the banner, and errors about what is no command."""
        if not self._greeted:
            self._greeted = True
            self._line.stop_waiting()
            try:
                if not self._known:
                    await self._meet()
                await self._talk.greet()
            except Exception as error:  # of what a command raises aiosmtpd takes care
                await self._talk.say(Reply.of(await self.handle_exception(error)))
        else:
            await self._talk.say(_BROKEN if status == _BROKEN_TEXT else _UNREADABLE)
        self._line.wait(between=True)

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
        self._line.stop_waiting()
        if self._host.settings.strict and not _SPELT.fullmatch(self._line.inbox.line):
            await self._talk.say(_UNREADABLE)
        else:
            await self._talk.command(verb, text)
        self._line.wait(between=True)

    # Seam: _reset_timeout.

    def _reset_timeout(self, duration: float | None = None) -> None:  # noqa: ARG002 - aiosmtpd's signature
        """Leave silence to the line; aiosmtpd wants something that it can cancel."""
        self._timeout_handle = cast("asyncio.TimerHandle", NO_TIMER)

    async def lapsed(self, due: Due) -> None:
        """The client has been silent for so long, or takes too long in some other way."""
        if not self._known:
            self._line.transport.abort()
            return
        try:
            await (self._talk.idle(due.age) if due.lapse is Lapse.IDLE else self._talk.time_out(_TOO_LATE[due.lapse]))
        except Exception as error:
            await self._talk.say(Reply.of(await self.handle_exception(error)))


class _Line(Line):
    """The line of a session, which hears when it goes over to TLS."""

    def __init__(self, session: Session, host: Host, door: Door) -> None:
        super().__init__(host, door, session.lapsed)
        self._session = session

    async def secure(self, context: ssl.SSLContext, heard: bytes = b"") -> str:
        version = await super().secure(context, heard)
        self._session.secured(self.transport if version else None)
        return version
