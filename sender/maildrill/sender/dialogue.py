"""A session in which mail can be sent: commands and messages out, replies in, a deadline for each stage.

Rule 1: what is heard is data; nothing but our own stop request is an exception. Rule 2: once the final dot has left
only its reply, its deadline or the loss of the connection ends the wait (RFC 1047).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b

from maildrill.sender.attempt import Broken, Fault, Transaction
from maildrill.sender.capabilities import Capabilities
from maildrill.sender.hearing import Hearing
from maildrill.sender.timeouts import Deadlines
from maildrill.sender.wire import Wire, normal, stuffed
from maildrill.smtp import Clock, Envelope, Line, Reply, Stage, Transcript

_BLOCK = 65536  # octets of a message that are handed over at once
#: Replies to MAIL and RCPT that say that we and the server have lost step (RFC 5321 section 4.2.3).
_OUT_OF_STEP = frozenset({500, 503})

BeforeDot = Callable[[tuple[str, ...]], None]


class _SessionOverError(Exception):
    """The wire is broken: there is nothing more to hear."""


class Session(asyncio.Protocol):
    """One open session. transcript: the dialogue so far, goes on here; on_line: called with each new line of it."""

    def __init__(  # noqa: PLR0913 - a session is made in one place, from all that belongs to it
        self,
        transport: asyncio.Transport,
        capabilities: Capabilities,
        *,
        clock: Clock,
        deadlines: Deadlines,
        transcript: Transcript,
        on_line: Callable[[Line], None],
    ) -> None:
        self.capabilities = capabilities
        self._transport = transport
        self._clock = clock
        self._deadlines = deadlines
        self._transcript = transcript
        self._on_line = on_line
        self._loop = asyncio.get_running_loop()
        self._wire = Wire()
        self._answers: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._closed = False  # by us
        self._spoilt = False  # the server waits for a message that it will not get, or cannot be trusted

    @property
    def alive(self) -> bool:
        """Whether another transaction may be begun."""
        return self._wire.broken is None and not self._spoilt and not self._transport.is_closing()

    async def transact(self, envelope: Envelope, message: bytes, *, before_dot: BeforeDot) -> Transaction:
        """Do one mail transaction and return all that was heard in it.

        message: octets, not yet dot-stuffed. before_dot: called with the accepted recipients just before the first
        octet of the final dot leaves; if it raises, the dot does not leave, the session is dropped, and it raises on.
        Cancelled before that, the session is dropped; later the reply is still waited for, and the cancellation
        is left to the caller to find out.
        """
        hearing = Hearing(envelope.recipients)
        message = normal(message)
        obstacle = self._obstacle(envelope, message)
        if obstacle is not None:
            return hearing.transaction(Broken(Stage.MAIL, obstacle))
        try:
            await self._converse(hearing, envelope, message, before_dot)
        except _SessionOverError:
            pass
        except BaseException:
            self._drop(Fault.STOPPED)
            raise
        return hearing.transaction(self._wire.broken)

    async def quit(self) -> None:
        """Say QUIT where the server would understand it, and close; nothing depends on the answer."""
        if self.alive and not self._wire.outstanding:
            with suppress(_SessionOverError):
                self._say(Stage.QUIT, "QUIT")
                await self._answer(self._deadlines.quit)
        self._closed = True
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        self._transport.close()

    # One transaction

    async def _converse(self, hearing: Hearing, envelope: Envelope, message: bytes, before_dot: BeforeDot) -> None:
        commands = [(Stage.MAIL, self._mail(envelope, message))]
        commands += [(Stage.RCPT, f"RCPT TO:<{recipient}>") for recipient in envelope.recipients]
        if self.capabilities.pipelining:
            await self._in_a_group(hearing, commands)
        else:
            await self._in_lock_step(hearing, commands)
        if hearing.data is None or hearing.data.klass != 3:
            await self._reset(hearing)
        elif hearing.accepted:
            await self._send(hearing, stuffed(message), before_dot)
        else:
            await self._send_nothing(hearing)

    async def _in_a_group(self, hearing: Hearing, commands: list[tuple[Stage, str]]) -> None:
        """All commands at once, DATA the last of them (RFC 2920 section 3.1)."""
        self._say_all([*commands, (Stage.DATA, "DATA")])
        hearing.mail = await self._answer(self._deadlines.mail)
        for _ in hearing.recipients:
            hearing.rcpt.append(await self._answer(self._deadlines.rcpt))
        hearing.data = await self._answer(self._deadlines.data)
        self._keep_step(Stage.MAIL, hearing.mail)
        if hearing.mail.positive:
            self._keep_step(Stage.RCPT, *hearing.rcpt)
        if hearing.data.klass == 2:
            self._fall_out(Stage.DATA, hearing.data)

    async def _in_lock_step(self, hearing: Hearing, commands: list[tuple[Stage, str]]) -> None:
        self._say(*commands[0])
        hearing.mail = await self._answer(self._deadlines.mail)
        self._keep_step(Stage.MAIL, hearing.mail)
        if not hearing.mail.positive:
            return
        for stage, command in commands[1:]:
            self._say(stage, command)
            hearing.rcpt.append(await self._answer(self._deadlines.rcpt))
            self._keep_step(Stage.RCPT, hearing.rcpt[-1])
        if hearing.accepted:
            self._say(Stage.DATA, "DATA")
            hearing.data = await self._answer(self._deadlines.data)
            if hearing.data.klass == 2:
                self._fall_out(Stage.DATA, hearing.data)

    async def _send(self, hearing: Hearing, octets: bytes, before_dot: BeforeDot) -> None:
        """The message and its dot; a reply that comes first ends it (delivery-semantics, early reply)."""
        self._wire.ask(Stage.BODY)
        for start in range(0, len(octets), _BLOCK):
            await self._room()
            if self._answers:
                break
            self._transport.write(octets[start : start + _BLOCK])
        await self._room()
        await self._listen()
        if self._answers or self._wire.broken:
            self._spoilt = True
            hearing.early = await self._answer(0)
            return
        self._note(f"{len(octets)} octets of message, blake2b {blake2b(octets, digest_size=8).hexdigest()}")
        before_dot(hearing.accepted)
        await self._dot(hearing)

    async def _send_nothing(self, hearing: Hearing) -> None:
        """A lone dot: the server waits for a message though nobody was accepted (RFC 2920 section 3.1)."""
        self._wire.ask(Stage.BODY)
        await self._dot(hearing)

    async def _dot(self, hearing: Hearing) -> None:
        """From here on only the server knows; a stop request waits for what it says."""
        self._wire.dotted()
        hearing.dot_sent = True
        self._sent(".")
        self._transport.write(b".\r\n")
        until = self._loop.time() + self._deadlines.dot
        while hearing.dot is None:
            try:
                hearing.dot = await self._answer(until - self._loop.time())
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None:
                    task.uncancel()
        if hearing.dot.klass == 3:
            self._fall_out(Stage.DOT, hearing.dot)

    async def _reset(self, hearing: Hearing) -> None:
        """Leave a transaction that will not be finished. It also proves that replies and commands are still in step."""
        if hearing.mail is None or not hearing.mail.positive:
            return
        self._say(Stage.RSET, "RSET")
        reply = await self._answer(self._deadlines.rset)
        if reply.klass == 3:
            self._fall_out(Stage.RSET, reply)
        self._spoilt = not reply.positive

    def _obstacle(self, envelope: Envelope, message: bytes) -> Fault | None:
        """Return why the server cannot take this message, known from its capabilities alone."""
        size = self.capabilities.size
        if size and len(message) > size:
            return Fault.TOO_BIG
        if _international(envelope) and not self.capabilities.smtputf8:
            return Fault.NO_SMTPUTF8
        if not message.isascii() and not self.capabilities.eightbit:
            return Fault.NO_8BITMIME
        return None

    def _mail(self, envelope: Envelope, message: bytes) -> str:
        parameters = [f"SIZE={len(message)}"] if self.capabilities.size is not None else []
        if not message.isascii():
            parameters.append("BODY=8BITMIME")
        if _international(envelope):
            parameters.append("SMTPUTF8")
        return " ".join([f"MAIL FROM:<{envelope.reverse_path}>", *parameters])

    def _keep_step(self, stage: Stage, *replies: Reply) -> None:
        for reply in replies:
            if reply.klass == 3 or reply.code in _OUT_OF_STEP:
                self._fall_out(stage, reply)

    def _fall_out(self, stage: Stage, reply: Reply) -> None:
        """Give the session up: the server answers something else than what was asked."""
        self._wire.broken = Broken(stage, Fault.OUT_OF_STEP, reply)
        self._transport.abort()
        raise _SessionOverError

    # Saying and hearing

    def _say(self, stage: Stage, command: str) -> None:
        self._say_all([(stage, command)])

    def _say_all(self, commands: list[tuple[Stage, str]]) -> None:
        if self._wire.broken is not None:
            raise _SessionOverError
        for stage, command in commands:
            self._wire.ask(stage)
            self._sent(command)
        self._transport.write("".join(f"{command}\r\n" for _, command in commands).encode())

    async def _answer(self, seconds: float) -> Reply:
        """Return the next reply in order, waiting so long at most."""
        if not self._answers:
            await self._wait(seconds, lambda: bool(self._answers))
        return self._answers.popleft()

    async def _room(self) -> None:
        """Wait until the connection takes more, or until there is something to hear."""
        if self._paused:
            await self._wait(self._deadlines.block, lambda: not self._paused or bool(self._answers))

    async def _listen(self) -> None:
        """Hear what has arrived already: a refusal or an end that came with the 354 makes the dot unnecessary."""
        for _ in range(2):  # asyncio reads in the turn after it has looked
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, no time

    async def _wait(self, seconds: float, done: Callable[[], bool]) -> None:
        alarm = self._loop.call_later(max(0.0, seconds), self._drop, Fault.TIMEOUT)
        try:
            while not done():
                if self._wire.broken is not None:
                    raise _SessionOverError
                self._waiter = self._loop.create_future()
                await self._waiter
        finally:
            alarm.cancel()
            self._waiter = None

    def _drop(self, fault: Fault) -> None:
        """Give the connection up at once."""
        self._wire.lose(fault)
        self._note(f"{fault}: connection dropped")
        self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _sent(self, command: str) -> None:
        self._on_line(self._transcript.sent(self._clock.now(), command))

    def _note(self, remark: str) -> None:
        self._on_line(self._transcript.noted(self._clock.now(), remark))

    # What the connection tells

    def data_received(self, data: bytes) -> None:
        """Take octets from the server."""
        before = self._wire.broken
        answers = self._wire.feed(data)
        self._answers.extend(answers)
        now, broken = self._clock.now(), self._wire.broken
        heard = [*answers, broken.reply] if broken and broken.stage is Stage.IDLE and broken.reply else answers
        if before is None:
            for reply in heard:
                for line in self._transcript.answered(now, reply):
                    self._on_line(line)
        if broken is not None and before is None and broken.fault is not None:
            self._note(f"{broken.fault}: {broken.detail or broken.reply}")
            self._transport.abort()
        self._wake()

    def eof_received(self) -> bool:
        """The server closed its half; nothing that we could still say would be answered."""
        self._gone(Fault.EOF)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._paused = False
        self._gone(Fault.EOF if exc is None else Fault.RESET)

    def pause_writing(self) -> None:
        """The connection takes no more for now."""
        self._paused = True

    def resume_writing(self) -> None:
        """The connection takes more."""
        self._paused = False
        self._wake()

    def _gone(self, fault: Fault) -> None:
        if self._wire.broken is None and not self._closed:
            self._wire.lose(fault)
            self._note(f"{fault}: the connection is gone")
        self._wake()


def _international(envelope: Envelope) -> bool:
    return not all(address.isascii() for address in (envelope.reverse_path, *envelope.recipients))
