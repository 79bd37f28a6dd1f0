"""A connection after set-up: commands out, replies in, every line into the log, a deadline for each wait.

Rule 1: a wait ends with what was waited for, or with SessionOverError; `broken` says why. Rule 2: one timer and one
future at a time, however many replies are on their way; a timer that goes off before its wait is over is set again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from operator import itemgetter
from typing import NoReturn

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.wire import Wire
from maildrill.smtp import Clock, OnSaid, Reply, Scribe, Stage

_stage, _text = itemgetter(0), itemgetter(1)  # of a command


class SessionOverError(Exception):
    """There is nothing more to hear; never leaves the session."""


class Channel(asyncio.Protocol):
    """The protocol of `transport`. scribe: wrote the dialogue so far.

    on_said: told what is said and heard. scrub: takes secrets out of what the server says.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        clock: Clock,
        scribe: Scribe,
        on_said: OnSaid,
        scrub: Callable[[Reply], Reply] | None = None,
    ) -> None:
        self.wire = Wire(scrub)
        self._transport = transport
        self._clock = clock
        self._scribe = scribe
        self._on_said = on_said
        self._loop = asyncio.get_running_loop()
        self.time = self._loop.time  # in which deadlines are
        self._answers: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._until = 0.0  # the loop's time at which the wait is over; later than `_alarm` most of the time
        self._leaving = False
        self._disconnected = False
        self.paused = False
        # Paused means: not everything has left. So a connection that goes down with the final dot still in our own
        # buffer is known to have gone down before the dot.
        # TLS counts from one octet on: with none it would pause at each write.
        transport.set_write_buffer_limits(high=1 if transport.get_extra_info("ssl_object") else 0, low=0)

    @property
    def over(self) -> bool:
        """Whether nothing can be said or heard any more."""
        return self.wire.broken is not None or self._transport.is_closing()

    @property
    def heard(self) -> bool:
        """Whether there is something to hear already: a reply, or the end."""
        return bool(self._answers) or self.wire.broken is not None or self._transport.is_closing()

    def say(self, *commands: tuple[Stage, str]) -> None:
        """Send commands in one go; one reply each is to come."""
        if self.over:
            self.wire.lose(Fault.RESET)
            raise SessionOverError
        self.wire.ask(*map(_stage, commands))
        if self.wire.broken is not None:
            self._break_off(self.wire.broken)
            raise SessionOverError
        texts = [*map(_text, commands)]
        self._on_said(self._clock.now(), self._scribe.sent(*texts))
        self._transport.write(("\r\n".join(texts) + "\r\n").encode())

    def send(self, octets: bytes) -> None:
        """Send a part of a message."""
        self._transport.write(octets)

    def dot(self) -> None:
        """Send the final dot; the reply to come is to the whole message now."""
        self.wire.dotted()
        self._on_said(self._clock.now(), self._scribe.sent("."))
        self._transport.write(b".\r\n")

    def note(self, remark: str) -> None:
        """Write a remark of ours into the dialogue."""
        self._on_said(self._clock.now(), self._scribe.noted(remark))

    async def answer(self, seconds: float) -> Reply:
        """Return the next reply in order, waiting so long at most."""
        answers = self._answers
        if not answers:
            self._set_alarm(seconds)
            try:
                while not answers:
                    await self._news()
            finally:
                self._waiter = None
        return answers.popleft()

    async def drained(self, seconds: float) -> None:
        """Wait until everything has left, or until there is a reply to hear."""
        if not self.paused:
            return
        self._set_alarm(seconds)
        try:
            while self.paused and not self._answers:
                await self._news()
        finally:
            self._waiter = None

    def listen(self) -> Awaitable[None]:
        """Let in what has arrived already; takes no time."""
        return _TURNS

    def drop(self, fault: Fault, why: str = "") -> None:
        """Give the connection up at once."""
        self.wire.lose(fault, why)
        self.note(f"{fault}: connection dropped")
        self._transport.abort()
        self._wake()

    def give_up(self, stage: Stage, fault: Fault, reply: Reply) -> NoReturn:
        """Give the session up for a reply that has no place there; what came behind it does not count."""
        self.wire.broken = Broken(stage, fault, reply)
        self.note(f"{fault}: {reply.code} {reply.text} at {stage}")
        self._transport.abort()
        raise SessionOverError

    def leave(self) -> None:
        """From now on an end of the connection is no news."""
        self._leaving = True

    async def close(self) -> None:
        """Close, and wait until the connection is gone."""
        self.leave()
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        self._transport.close()
        while not self._disconnected:
            self._waiter = self._loop.create_future()
            await self._waiter
        self._silence()

    def _news(self) -> asyncio.Future[None]:
        """Return what is done when anything was heard, or has left."""
        if self.wire.broken is not None:
            raise SessionOverError
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def _set_alarm(self, seconds: float) -> None:
        """Have a wait end in so long; an alarm that goes off before may stay, and waits on: setting one is dear."""
        now = self._loop.time()
        self._until = until = now + seconds if seconds > 0 else now
        if self._alarm is not None and self._alarm.when() > until:
            self._silence()
        if self._alarm is None:
            self._alarm = self._loop.call_at(until, self._ring)

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self) -> None:
        self._alarm = None
        if self._waiter is None:
            return
        if self._loop.time() < self._until:
            self._alarm = self._loop.call_at(self._until, self._ring)
        else:
            self.drop(Fault.TIMEOUT)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the connection tells

    def data_received(self, data: bytes) -> None:
        """Take octets from the server."""
        before = self.wire.broken
        if before is not None:
            return
        answers = self.wire.feed(data)
        self._answers.extend(answers)
        now, broken = self._clock.now(), self.wire.broken
        self._show(now, answers)
        if broken is not None and broken.stage is Stage.IDLE and broken.reply is not None:
            self._show(now, (broken.reply,))
        if broken is not None and broken.fault is not None:
            self._break_off(broken)
        self._wake()

    def _break_off(self, broken: Broken) -> None:
        self.note(f"{broken.fault}: {broken.detail}".rstrip(": "))
        self._transport.abort()

    def _show(self, now: float, replies: Sequence[Reply]) -> None:
        if replies:
            self._on_said(now, self._scribe.answered(*replies))

    def eof_received(self) -> bool:
        """The server closed its half; nothing that we could still say would be answered."""
        self._gone(Fault.EOF)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._disconnected = True
        self._silence()
        self._gone(Fault.EOF if exc is None else Fault.RESET)

    def pause_writing(self) -> None:
        """Something has not left yet."""
        self.paused = True

    def resume_writing(self) -> None:
        """Everything has left."""
        self.paused = False
        self._wake()

    def _gone(self, fault: Fault) -> None:
        if self.wire.broken is None:
            self.wire.lose(fault)
            if not self._leaving:
                self.note(f"{fault}: the connection is gone")
        self._wake()


class _Turns:
    """Lets the loop take two turns, for asyncio reads in the turn after it has looked; no time passes."""

    def __await__(self) -> Generator[None, None, None]:
        yield
        yield


_TURNS = _Turns()


def go_on() -> bool:
    """Have the task that was just cancelled go on, for there is something to be written down first; return True."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
    return True
