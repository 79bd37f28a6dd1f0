"""The octets of one connection, in and out, and the silence in between: what a Conversation talks through.

Rule 1: nothing here knows what octets mean, nor of aiosmtpd.
Rule 2: what is not read holds up what is said, and what is not handled yet holds up what is read: nothing grows.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import NoReturn

from maildrill.fakeserver.message.body import END, Body
from maildrill.fakeserver.protocol.proxy_header import ProxyHeader, ProxyParser
from maildrill.fakeserver.session.faults import reset_connection
from maildrill.fakeserver.session.host import Door, Host
from maildrill.fakeserver.session.inbox import Inbox
from maildrill.fakeserver.session.parting import Parting
from maildrill.fakeserver.session.patience import Due, Patience
from maildrill.fakeserver.session.upgrade import upgrade
from maildrill.smtp import decode

#: Octets that are held back while nobody reads them; an end of line must come within.
MAX_HELD = 65536


class Line:
    """The server's end of one connection, once it was opened (see Wire).

    over: nothing is heard any more. lapsed: called when patience is at an end, or a silence has reached an age.
    """

    transport: asyncio.Transport
    handler: asyncio.Task[None]  # whoever handles what comes

    def __init__(self, host: Host, door: Door, lapsed: Callable[[Due], Coroutine[None, None, None]]) -> None:
        self.door = door
        self.crowded = False
        self.ahead = False
        self.inbox = Inbox(MAX_HELD, b"\r\n" if host.settings.strict else b"\n")
        self.over = False
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._lapsed = lapsed
        self._out = b""
        self._reading = False  # whether octets that came are being handled: then replies leave together behind them
        self._room: asyncio.Future[None] | None = None  # while the client does not read what is said
        self._waits = host.idle_waits
        limits = host.limits
        self._patience = Patience(self._ages(), command=limits.command, end=self._loop.time() + limits.session)
        self._timer: asyncio.TimerHandle | None = None
        self._idlers: set[asyncio.Task[None]] = set()
        self.parting = Parting()

    def open(self, transport: asyncio.Transport, handler: asyncio.Task[None]) -> None:
        """Begin: from now on octets go through `transport`."""
        self.transport, self.handler = transport, handler
        self.inbox.attach(transport)
        if self.door.tls and not self.door.proxy:
            self.hold()
        self.wait(between=False)

    def close(self) -> None:
        """The connection is gone: forget what is waited for."""
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        for idler in self._idlers:
            idler.cancel()
        self.resume_writing()

    def received(self, octets: bytes, handle: Callable[[bytes], None]) -> None:
        """Have octets handled that came; the replies to them leave together."""
        self._reading = True
        handle(octets)
        self._reading = False
        if self._out:  # not at once: see Outbox
            self._host.outbox.send(self.flush, self._loop)

    def feed(self, octets: bytes) -> None:
        """Take octets that are to be read."""
        self._arm(self._patience.heard(self._loop.time()))
        self.inbox.feed(octets)

    def pause_writing(self) -> None:
        """The client does not read: say no more."""
        self._room = self._loop.create_future()
        self._arm(self._patience.deafened(self._loop.time()))

    def resume_writing(self) -> None:
        """The client has read."""
        self._patience.heeded()
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    # Silence, with one timer that moves when it fires, not with each command.

    def wait(self, *, between: bool) -> None:
        """From now on it is the client's turn: with a command if `between`, else with octets of one."""
        self.wait_anew(between)
        if between:
            self.ahead = not self.inbox.empty
        if not self.inbox.empty:  # a part of the next command came with the last one
            self._arm(self._patience.heard(self._loop.time()))

    def wait_anew(self, between: bool) -> None:  # noqa: FBT001 - for each command; by name it takes twice the time
        """Do as `wait` does where nothing is unread."""
        if self._waits is not self._host.idle_waits:
            self._waits = self._host.idle_waits
            self._patience.ages = self._ages()
        when = self._patience.start(self._loop.time(), between)
        if when is not None:
            self._arm(when)

    def stop_waiting(self) -> None:
        """From now on it is the server's turn."""
        self._patience.stop()

    def _ages(self) -> Sequence[float]:
        """Return the ages of silence at which something happens: those that a script wants, then the end."""
        end = self._host.limits.silence
        return (*(age for age in self._waits if age < end), end)

    def _arm(self, when: float | None) -> None:
        if when is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(when, self._fire)

    def _fire(self) -> None:
        due, when = self._patience.fire()
        if due is not None:
            idler = self._loop.create_task(self._lapsed(due))
            self._idlers.add(idler)
            idler.add_done_callback(self._idlers.discard)
        self._arm(when)

    # What is said.

    async def say(self, octets: bytes) -> None:
        """Send octets; what is said in one turn of the loop leaves together (RFC 2920 section 3.2)."""
        self._put(octets)
        if self._room is not None:
            await asyncio.shield(self._room)

    def put(self, octets: bytes) -> bool:
        """Send octets if the client reads what is said; returns whether it does."""
        if self._room is not None:
            return False
        self._put(octets)
        return True

    def _put(self, octets: bytes) -> None:
        if not (self._out or self._reading):
            self._loop.call_soon(self.flush)
        self._out += octets
        if len(self._out) > MAX_HELD:  # else a client could have everything answered that it ever says before it reads
            self.flush()

    async def pause(self, seconds: float) -> None:
        """Let time of the server's clock pass; what was said before is sent."""
        self.flush()
        await self._host.clock.sleep(seconds)

    @property
    def leaves(self) -> bool:
        """Whether the connection still takes what was said, in this turn of the loop if not at once.

        Until then only what flushes first can close it.
        """
        return not self.transport.is_closing()

    def flush(self) -> bool:
        """Send what was said; returns whether the connection still took it."""
        out, self._out = self._out, b""
        if self.transport.is_closing():
            return False
        if out:
            self.transport.write(out)
        return True

    # What is heard.

    async def read_header(self) -> ProxyHeader | None:
        """Return what a proxy says before anything else; None where that is no header."""
        parser = ProxyParser()
        header: ProxyHeader | None = None
        while header is None and not parser.fault:
            header = parser.feed(await self.read_some())
        self.inbox.unread(parser.rest)
        return header

    async def read_line(self, most: int) -> str | None:
        """Return the next line without its end; None for one of more than so many octets."""
        self.wait(between=False)
        line, size = b"", 0
        while not line.endswith(b"\n"):
            try:
                line = await self.inbox.readuntil()
            except asyncio.LimitOverrunError as overrun:
                line = await self.inbox.read(overrun.consumed)
            size += len(line)
        self.stop_waiting()
        return decode(line.rstrip(b"\r\n")) if size <= most else None

    def unread(self, octets: bytes) -> None:
        """Take octets back that were heard and are to be read."""
        self.inbox.unread(octets)

    async def read_some(self, most: int = MAX_HELD) -> bytes:
        """Return the next octets, one at least and `most` at most."""
        self.wait(between=False)
        octets = await self.inbox.read(most)
        self.stop_waiting()
        return octets

    async def await_octet(self) -> None:
        """Return when there is something to read."""
        self.wait(between=False)
        await self.inbox.wait()
        self.stop_waiting()

    async def read_body(self, body: Body, mark: int | None, most: int) -> bool:
        """Feed `body` until it is whole, or has as many octets as `mark` says; see Wire."""
        self.wait(between=False)
        whole = False
        while not whole and (mark is None or body.seen < mark):
            whole = body.feed(await self.inbox.read_towards(END, most))
        self.stop_waiting()
        return whole

    # From clear to TLS, and the end.

    def hold(self) -> None:
        """Drop what was pipelined, and read nothing more before `release` or `secure`: what comes may be TLS."""
        self.inbox.take_all()
        self.transport.pause_reading()

    def release(self) -> None:
        """Read on, in clear."""
        self.transport.resume_reading()

    async def secure(self, context: ssl.SSLContext, heard: bytes = b"") -> str:
        """Do a TLS handshake as the server; returns the version spoken from now on, "" where that failed.

        heard: octets of it that came already.
        """
        self.flush()
        # Where a loop goes on reading although it was held, what it read has come by the same way.
        secured = await upgrade(self.transport, context, heard + self.inbox.take_all(), self._host.limits.silence)
        if secured is None:
            return ""
        self.transport = secured
        self.inbox.attach(secured)
        return str(secured.get_extra_info("ssl_object").version())

    async def hang_up(self, *, reset: bool) -> NoReturn:
        """End the connection by FIN or RST, and with it whatever is going on in this session."""
        self.over = True
        self.flush()
        parting = self.parting
        parting.begun = not reset and self.transport.can_write_eof() and not self.transport.is_closing()
        if asyncio.current_task() in self._idlers:
            self.handler.cancel()
        if reset:
            reset_connection(self.transport)
        elif parting.begun:
            await parting.linger(self.transport)
        self.shut()
        if not reset and self.transport.get_write_buffer_size():  # for a client that never reads it
            self._arm_end()
        raise asyncio.CancelledError

    def shut(self) -> None:
        """Close the connection, unless the client is still to hear the last word."""
        if not self.parting.begun:
            self.transport.close()

    def _arm_end(self) -> None:
        """End the connection by force, if it does not end by itself in time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._host.limits.silence, self.transport.abort)
