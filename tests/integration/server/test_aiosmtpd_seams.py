"""The seams of aiosmtpd that the session relies on, each held on the library alone.

If one of these fails after an upgrade, the library has changed where we are sewn on: look at session.py.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.smtp import SMTP

QUICK = 10.0


class Probe(SMTP):
    """Notes which seam was passed, and what went through it."""

    def __init__(self, **settings: Any) -> None:
        self.passed: list[tuple[str, Any]] = []
        loop = asyncio.get_running_loop()
        super().__init__(object(), hostname="mx.test", loop=loop, **settings)

    async def push(self, status: Any) -> None:
        self.passed.append(("push", status))
        await super().push(status)

    def data_received(self, data: bytes) -> None:
        self.passed.append(("data", data))
        super().data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.passed.append(("made", transport.get_extra_info("peername") is not None))
        super().connection_made(transport)


def probe(
    story: Callable[[Probe, socket.socket], Awaitable[None]], kind: type[Probe] = Probe, **settings: Any
) -> list[tuple[str, Any]]:
    """Run a story with a probe at the other end of a socket pair, and return what passed its seams."""

    async def run() -> list[tuple[str, Any]]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        with ours:
            transport, session = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: kind(**settings), theirs
            )
            await story(session, ours)
            transport.close()
            handler = session._handler_coroutine
            assert handler is not None
            await asyncio.wait([handler])
            return session.passed

    return asyncio.run(asyncio.wait_for(run(), QUICK))


async def say(ours: socket.socket, octets: bytes) -> bytes:
    """Send octets, and return what comes back."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(ours, octets)
    return await loop.sock_recv(ours, 4096)


async def greeting(ours: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(ours, 4096)


def test_every_reply_leaves_through_push() -> None:
    """The banner first, then the reply to each line, be it a command or not."""

    async def story(session: Probe, ours: socket.socket) -> None:
        await greeting(ours)
        await say(ours, b"NOOP\r\n")
        await say(ours, b"\r\n")
        await say(ours, b"NOOP " + b"x" * 600 + b"\r\n")

    pushed = [text for seam, text in probe(story) if seam == "push"]

    assert pushed[0].startswith("220 mx.test ")
    assert pushed[1:] == ["250 OK", "500 Error: bad syntax", "500 Command line too long"]


def test_every_verb_is_looked_up_with_get_in_the_table_of_methods() -> None:
    """Known or not, in upper case; what is found is called with the argument, or None where there is none."""
    heard: list[tuple[str, str | None]] = []

    class Table(dict[str, Any]):
        def get(self, verb: str, default: Any = None) -> Any:
            async def answered(argument: str | None) -> None:
                heard.append((verb, argument))
                await session_of["probe"].push("250 ok")

            return answered

    session_of: dict[str, Probe] = {}

    async def story(session: Probe, ours: socket.socket) -> None:
        session_of["probe"] = session
        session._smtp_methods = Table()
        await greeting(ours)
        await say(ours, b"noop\r\n")
        await say(ours, b"XYZZY  a b \r\n")
        await say(ours, b"QUIT\r\n")

    probe(story)

    assert heard == [("NOOP", None), ("XYZZY", "a b"), ("QUIT", None)]


def test_octets_beyond_ascii_reach_the_method_undamaged_with_smtputf8() -> None:
    """As UTF-8, and what is not UTF-8 as surrogates that can be turned back."""
    heard: list[str | None] = []

    async def story(session: Probe, ours: socket.socket) -> None:
        async def answered(argument: str | None) -> None:
            heard.append(argument)
            await session.push("250 ok")

        session._smtp_methods = {"NOOP": answered}
        await greeting(ours)
        await say(ours, "NOOP jürgen".encode() + b" \xff\r\n")

    probe(story, enable_SMTPUTF8=True)

    assert heard[0] is not None
    assert heard[0].encode("utf-8", "surrogateescape") == "jürgen".encode() + b" \xff"


def test_all_octets_come_in_through_data_received() -> None:
    """As they were sent."""

    async def story(session: Probe, ours: socket.socket) -> None:
        await greeting(ours)
        await say(ours, b"NOOP\r\n")

    assert ("data", b"NOOP\r\n") in probe(story)


def test_the_reading_loop_is_a_coroutine_that_connection_made_starts_as_the_handler() -> None:
    """So that it may be awaited by another, which is then the one that is cancelled."""
    told: list[str] = []

    class Wrapped(Probe):
        async def _handle_client(self) -> None:
            told.append("begun")
            try:
                await super()._handle_client()
            except asyncio.CancelledError:
                told.append("cancelled")
                raise

    async def story(session: Probe, ours: socket.socket) -> None:
        await greeting(ours)
        assert (await say(ours, b"NOOP\r\n")).startswith(b"250 ")

    probe(story, Wrapped)

    assert told == ["begun", "cancelled"]


def test_whatever_is_called_the_reader_is_read_from_and_nothing_else() -> None:
    """It is set by `_cb_client_connected`; only readuntil and read are asked of it, and its buffer cleared for TLS."""

    class Read(Probe):
        def _cb_client_connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writer = writer
            self._reader = self  # type: ignore[assignment] # a reader that has just what is needed

        lines = iter((b"NOOP\r\n", None, b"\n", b"NOOP\r\n"))

        async def readuntil(self) -> bytes:
            line = next(self.lines, b"QUIT\r\n")
            if line is None:
                raise asyncio.LimitOverrunError("too long", 3)
            return line

        async def read(self, count: int) -> bytes:
            self.passed.append(("read", count))
            return b"x" * count

    async def story(session: Probe, ours: socket.socket) -> None:
        while await asyncio.get_running_loop().sock_recv(ours, 4096):
            pass

    passed = [told[:3] if seam == "push" else seam for seam, told in probe(story, Read)]

    assert passed[:7] == ["made", "220", "250", "read", "500", "250", "221"]
    assert "_reader._buffer.clear()" in inspect.getsource(SMTP.connection_made)
    assert "_reader._transport = transport" in inspect.getsource(SMTP.connection_made)


def test_silence_is_measured_by_what_reset_timeout_sets_and_by_nothing_else() -> None:
    """It is called by connection_made and with each command; at the end what it set is cancelled."""
    told: list[str] = []

    class Handle:
        def cancel(self) -> None:
            told.append("cancel")

    class Patient(Probe):
        def _reset_timeout(self, duration: float | None = None) -> None:
            told.append("reset")
            self._timeout_handle = Handle()  # type: ignore[assignment] # all that is asked of it

    async def story(session: Probe, ours: socket.socket) -> None:
        await greeting(ours)
        await say(ours, b"NOOP\r\n")

    probe(story, Patient, timeout=0.001)

    assert told == ["reset", "reset", "cancel"]


def test_a_session_object_knows_of_tls_and_is_made_anew_for_it() -> None:
    """By `_create_session`; where its `ssl` is set an end of the client's octets ends the transport."""
    ended: list[bool | None] = []

    class Secured(Probe):
        def eof_received(self) -> bool | None:
            assert self.session is not None
            self.session = self._create_session()
            self.session.ssl = {}
            ended.append(super().eof_received())
            return False

    async def story(session: Probe, ours: socket.socket) -> None:
        await greeting(ours)
        ours.shutdown(socket.SHUT_WR)
        assert await asyncio.get_running_loop().sock_recv(ours, 10) == b""

    probe(story, Secured)

    assert ended == [False]


def test_connection_made_comes_before_anything_is_said() -> None:
    """It is the first seam that a connection passes."""

    async def story(session: Probe, ours: socket.socket) -> None:
        await greeting(ours)

    assert [seam for seam, _ in probe(story)][:2] == ["made", "push"]


def test_a_cancelled_handler_closes_the_connection_and_handles_no_more() -> None:
    """Raising CancelledError in a method is how a session ends without ghost commands."""
    heard: list[str] = []

    async def story(session: Probe, ours: socket.socket) -> None:
        async def ends(argument: str | None) -> None:
            heard.append("end")
            raise asyncio.CancelledError

        async def ghost(argument: str | None) -> None:
            heard.append("ghost")

        session._smtp_methods = {"END": ends, "GHOST": ghost}
        await greeting(ours)
        assert await say(ours, b"END\r\nGHOST\r\n") == b""

    probe(story)

    assert heard == ["end"]


def test_a_fault_of_ours_is_told_to_handle_exception_and_its_answer_is_pushed() -> None:
    """So that a bug cannot pass for a server's behaviour."""
    told: list[Exception] = []

    class Handled(Probe):
        async def handle_exception(self, error: Exception) -> str:
            told.append(error)
            return "421 sorry"

    async def story(session: Probe, ours: socket.socket) -> None:
        async def broken(argument: str | None) -> None:
            raise KeyError(argument)

        session._smtp_methods = {"NOOP": broken}
        session.__class__ = Handled
        await greeting(ours)
        assert await say(ours, b"NOOP x\r\n") == b"421 sorry\r\n"

    probe(story)

    assert [repr(error) for error in told] == ["KeyError('x')"]


def test_line_limits_are_looked_up_by_verb_once_the_session_is_extended() -> None:
    """In `command_size_limits`, which a session may replace by its own."""

    async def story(session: Probe, ours: socket.socket) -> None:
        session.command_size_limits = {"NOOP": 20, "RSET": 2000}
        assert session.session is not None
        session.session.extended_smtp = True
        await greeting(ours)
        assert await say(ours, b"NOOP " + b"x" * 20 + b"\r\n") == b"500 Command line too long\r\n"
        assert await say(ours, b"RSET " + b"x" * 900 + b"\r\n") == b"501 Syntax: RSET\r\n"

    probe(story)


def test_the_names_that_the_session_uses_are_there() -> None:
    """Attributes of the library's own that have no promise behind them."""
    source = inspect.getsource(SMTP)

    for name in ("_handler_coroutine", "_timeout_handle", "_reader", "_reset_timeout", "_create_session"):
        assert f"self.{name}" in source, name
