from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from maildrill.fakeserver.scaled_clock import ScaledLoop
from maildrill.sender.attempt import Broken, Fault, Transaction
from maildrill.sender.capabilities import Capabilities
from maildrill.sender.channel import Channel, SessionOverError
from maildrill.sender.dialogue import Session
from maildrill.sender.octets import Content
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Envelope, Line, Reply, Said, Scribe, Stage

PIPELINING = Capabilities.of(Reply(250, ("mx", "PIPELINING")))


class Still:
    """A clock that stands."""

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


class Wires(asyncio.Transport):
    """A connection that gives what is written to `hears`, and closes when that says so. extra: what is known of it."""

    def __init__(self, hears: Callable[[bytes], bool], **extra: object) -> None:
        super().__init__(extra)
        self.hears = hears
        self.closing = False
        self.limits: tuple[int | None, int | None] | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.closing = self.closing or self.hears(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = high, low

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.closing = True


def channel(transport: Wires, lines: list[Line], scrub: Callable[[Reply], Reply] | None = None) -> Channel:
    def keep(at: float, said: Said) -> None:
        lines.extend([Line(at, *line) for line in said])

    return Channel(transport, Still(), Scribe(), keep, scrub)


def test_half_a_reply_that_nobody_asked_for_ends_the_session() -> None:
    """Its other half would pass for the answer to what is asked next; nothing is said."""
    said: list[bytes] = []
    lines: list[Line] = []

    async def story() -> Broken | None:
        def hears(data: bytes) -> bool:
            said.append(data)
            return False

        line = channel(Wires(hears), lines)
        line.data_received(b"250 MX")
        with pytest.raises(SessionOverError):
            line.say((Stage.MAIL, "MAIL FROM:<>"))
        return line.wire.broken

    broken = asyncio.run(story())

    assert broken is not None
    assert (broken.fault, said) == (Fault.UNSOLICITED, [])
    assert [line.text for line in lines] == ["unsolicited: after half of a reply: 250 MX"]


def test_nothing_is_heard_after_the_end() -> None:
    """Octets that arrive behind a 421 are nobody's reply."""
    lines: list[Line] = []

    async def story() -> None:
        line = channel(Wires(lambda _: False), lines)
        line.data_received(b"421 bye\r\n")
        line.data_received(b"250 never mind\r\n")

    asyncio.run(story())

    assert [(line.at, line.text) for line in lines] == [(0.0, "421 bye")]


def test_what_was_heard_too_much_is_told() -> None:
    """The reply itself, then what is wrong with it: nobody asked, or it is no reply at all."""
    heard: list[list[str]] = []

    async def story(octets: bytes, *, asked: bool) -> None:
        lines: list[Line] = []
        line = channel(Wires(lambda _: False), lines)
        if asked:
            line.say((Stage.NOOP, "NOOP"))
        line.data_received(octets)
        heard.append([one.text for one in lines])

    asyncio.run(story(b"250 ok\r\n", asked=False))
    asyncio.run(story(b"hello\r\n", asked=True))

    assert heard == [["250 ok", "unsolicited"], ["NOOP", "garbage: not a reply: 'hello'"]]


def test_a_wait_lasts_as_long_as_it_may() -> None:
    """No longer and no less, whatever the waits before it might have lasted; a wait that is over has no deadline."""
    lines: list[Line] = []
    seconds: list[float] = []

    async def story() -> Broken | None:
        loop = asyncio.get_running_loop()
        line = channel(Wires(lambda _: False), lines)
        for limit in (300.0, 20.0, 600.0):
            line.say((Stage.NOOP, "NOOP"))
            loop.call_soon(line.data_received, b"250 ok\r\n")
            await line.answer(limit)
        line.say((Stage.NOOP, "NOOP"))
        began = loop.time()
        with pytest.raises(SessionOverError):
            await line.answer(400.0)
        seconds.append(loop.time() - began)
        line.connection_lost(None)
        return line.wire.broken

    with asyncio.Runner(loop_factory=lambda: ScaledLoop(2_000)) as runner:
        broken = runner.run(story())

    assert broken == Broken(Stage.NOOP, Fault.TIMEOUT)
    assert seconds[0] >= 400.0
    assert [line.text for line in lines][-1] == "timeout: connection dropped"


def test_what_comes_when_nobody_waits_is_heard_later() -> None:
    """Once everything has left, a wait for that is over: a reply then wakes nobody, and is kept."""

    async def story() -> Reply:
        line = channel(Wires(lambda _: False), [])
        line.say((Stage.DATA, "DATA"))
        line.pause_writing()
        waiting = asyncio.create_task(line.drained(10))
        await asyncio.sleep(0)
        line.resume_writing()
        await waiting
        line.data_received(b"552 too big\r\n")
        return await line.answer(10)

    assert asyncio.run(story()).code == 552


def test_a_secret_that_is_said_again_is_not_heard() -> None:
    """Neither in the answer nor in the transcript."""
    lines: list[Line] = []

    async def story() -> Reply:
        line = channel(Wires(lambda _: False), lines, lambda reply: Reply(reply.code, ("***",)))
        line.say((Stage.NOOP, "NOOP"))
        line.data_received(b"250 s3cret\r\n")
        return await line.answer(1.0)

    assert asyncio.run(story()) == Reply(250, ("***",))
    assert [line.text for line in lines] == ["NOOP", "250 ***"]


@pytest.mark.parametrize(("extra", "limits"), [({}, (0, 0)), ({"ssl_object": object()}, (1, 0))])
def test_what_has_not_left_is_known(extra: dict[str, object], limits: tuple[int, int]) -> None:
    """From the first octet on: else a dot in our own buffer would pass for one that has left (RFC 1047).

    Under TLS from the second one on: with none the connection would be held for full whenever something is written.
    """

    async def story() -> tuple[int | None, int | None] | None:
        wires = Wires(lambda _: False, **extra)
        channel(wires, [])
        return wires.limits

    assert asyncio.run(story()) == limits


def test_the_end_is_something_to_hear() -> None:
    """Be it a 421, though the connection stays open, or that the connection is closing: no dot leaves behind it."""

    async def story() -> list[bool]:
        wires = Wires(lambda _: False)
        told, closing = channel(wires, []), channel(Wires(lambda _: True), [])
        before = told.heard
        told.data_received(b"421 bye\r\n")
        closing.send(b"x")
        return [before, told.heard, wires.is_closing(), closing.heard]

    assert asyncio.run(story()) == [False, True, False, True]


def test_nothing_is_said_where_nobody_listens() -> None:
    """The connection is closing already: that is the end of the session, at the stage at which it was."""
    said: list[bytes] = []

    async def story() -> Broken | None:
        def hears(data: bytes) -> bool:
            said.append(data)
            return False

        wires = Wires(hears)
        line = channel(wires, [])
        wires.close()
        with pytest.raises(SessionOverError):
            line.say((Stage.MAIL, "MAIL FROM:<>"))
        return line.wire.broken

    assert (asyncio.run(story()), said) == (Broken(Stage.IDLE, Fault.RESET), [])


def test_a_connection_is_closed_when_it_is_gone() -> None:
    """Not when that is asked for: whoever waits for it may count its place as free."""

    async def story() -> list[bool]:
        line = channel(Wires(lambda _: False), [])
        closing = asyncio.create_task(line.close())
        await line.listen()
        before = closing.done()
        line.connection_lost(None)
        await closing
        return [before, closing.done()]

    assert asyncio.run(story()) == [False, True]


@pytest.mark.parametrize(
    ("error", "told"),
    [(None, "eof: the connection is gone"), (ConnectionResetError(), "reset: the connection is gone")],
)
def test_an_end_is_told_unless_we_leave(error: Exception | None, told: str) -> None:
    """After QUIT it is no news (RFC 5321 section 4.1.1.10)."""
    lines: list[Line] = []

    async def story(*, leaving: bool) -> None:
        line = channel(Wires(lambda _: False), lines)
        if leaving:
            line.leave()
        line.connection_lost(error)

    asyncio.run(story(leaving=True))
    assert lines == []
    asyncio.run(story(leaving=False))
    assert [line.text for line in lines] == [told]


async def _nothing(_: tuple[str, ...]) -> None: ...


def test_a_dot_that_the_connection_would_not_take_is_no_doubt() -> None:
    """The system says at once that it is reset: the dot cannot have left."""

    async def story() -> Transaction:
        def hears(data: bytes) -> bool:
            if data.endswith(b"DATA\r\n"):
                line.data_received(b"250 ok\r\n250 ok\r\n354 go\r\n")
            return data == b".\r\n"

        line = channel(Wires(hears), [])
        session = Session(line, PIPELINING, Deadlines())
        return await session.transact(Envelope("", ("a@x.test",)), Content.of(b"hello"), before_dot=_nothing)

    heard = asyncio.run(story())

    assert heard.broken == Broken(Stage.DOT, Fault.RESET)
    assert not heard.dot_sent
