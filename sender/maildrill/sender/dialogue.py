"""A session in which mail can be sent: one transaction after the other, pipelined where that is offered.

Rule 1: what is heard is data; nothing but our own stop request is an exception. Rule 2: once the final dot has left
only its reply, its deadline or the loss of the connection ends the wait (RFC 1047).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter

from maildrill.sender.attempt import Broken, Fault, Transaction
from maildrill.sender.capabilities import Capabilities
from maildrill.sender.channel import Channel, SessionOverError, go_on
from maildrill.sender.dsn import Reporting
from maildrill.sender.envelope_commands import mail_command, obstacle, rcpt_command
from maildrill.sender.hearing import Hearing
from maildrill.sender.octets import Content
from maildrill.sender.timeouts import Deadlines
from maildrill.sender.wire import Sent, stuffed
from maildrill.smtp import Envelope, Reply, Stage

#: Replies to MAIL and RCPT that say that we and the server have lost step (RFC 5321 section 4.2.3).
_OUT_OF_STEP = frozenset({500, 503})
_MAIL, _RCPT, _DATA = Stage.MAIL, Stage.RCPT, Stage.DATA  # to ask an enumeration for them takes its time

BeforeDot = Callable[[tuple[str, ...]], Awaitable[None]]
AfterRcpt = Callable[[Transaction], Awaitable[None]]
_Leave = Callable[[], None]
_Intend = Callable[[], Awaitable[None]]
_Command = tuple[Stage, str]
_THEN_DATA: tuple[_Command, ...] = ((_DATA, "DATA"),)
_positive = attrgetter("positive")


class Session:
    """One open session on `channel`, where EHLO said `capabilities`.

    certificates: what the server showed (DER, its own first); () without TLS.
    """

    def __init__(
        self,
        channel: Channel,
        capabilities: Capabilities,
        deadlines: Deadlines,
        certificates: tuple[bytes, ...] = (),
    ) -> None:
        self.capabilities = capabilities
        self.certificates = certificates
        self.asking = False
        self._channel = channel
        self._deadlines = deadlines
        self._after_rcpt: AfterRcpt | None = None
        self._chunk = 0  # octets of a chunk, in a transaction whose message goes by BDAT
        self._used = False  # a transaction was begun
        self._stopped = False  # a stop request came when the dot had left
        self._spoilt = False  # the server waits for a message that it will not get, or cannot be trusted

    @property
    def alive(self) -> bool:
        """Whether another transaction may be begun."""
        return not (self._channel.over or self._spoilt or self._stopped)

    async def transact(  # noqa: PLR0913 - what a transaction needs is given, nothing is looked up
        self,
        envelope: Envelope,
        message: Content,
        *,
        before_dot: BeforeDot,
        after_rcpt: AfterRcpt | None = None,
        reporting: Reporting | None = None,
        chunk: int = 0,
    ) -> Transaction:
        """Do one mail transaction and return all that was heard in it.

        message: read and sent a block at a time, as the connection takes it. before_dot: awaited with the accepted
        recipients just before the first octet of the final dot leaves; if it raises, the dot does not leave, the
        session is dropped, and it raises on.
        after_rcpt: awaited with what was heard so far when all RCPT are answered and one of them was refused.
        reporting: the reports to ask for, where DSN is offered. chunk: where CHUNKING is offered the message goes by
        BDAT, so many octets at a time (RFC 3030), the last of them in the dot's place; 0: always by DATA.
        Cancelled before the dot has left, the session is dropped. Cancelled later, the reply is still waited for and
        returned, but for that to RSET; then the session takes no further transaction, and it is the caller who ends it.
        """
        hearing = Hearing(envelope.recipients)
        self._after_rcpt = after_rcpt
        self._chunk = chunk if self.capabilities.chunking and message.size else 0
        in_the_way = obstacle(self.capabilities, envelope, message)
        if in_the_way is not None:
            return hearing.transaction(in_the_way)
        if not self.alive:
            broken = self._channel.wire.broken or Broken(Stage.IDLE, Fault.EOF)
            return hearing.transaction(replace(broken, stage=Stage.IDLE))
        try:
            self.asking = True
            await self._open(hearing, envelope, message, reporting)
            self.asking = False
            await self._finish(hearing, message, before_dot)
        except SessionOverError:
            pass
        except BaseException:
            self._channel.drop(Fault.STOPPED)
            raise
        finally:
            self.asking = False
        return hearing.transaction(self._broken(hearing))

    def leave(self, why: str) -> None:
        """End the transaction that is under way, and the session, as long as the message is not on its way."""
        if self.asking:
            self._channel.drop(Fault.STOPPED, why)

    async def quit(self) -> None:
        """Say QUIT where the server would understand it, and close; nothing depends on the answer."""
        try:
            if not (self._channel.over or self._spoilt or self._channel.wire.outstanding):
                with suppress(SessionOverError):
                    self._channel.leave()
                    self._channel.say((Stage.QUIT, "QUIT"))
                    await self._channel.answer(self._deadlines.quit)
        except asyncio.CancelledError:
            self._channel.drop(Fault.STOPPED)
            raise
        finally:
            await self._channel.close()

    def _broken(self, hearing: Hearing) -> Broken | None:
        """Return what broke the session; where its end and our MAIL crossed on their way it was idle until then."""
        broken, used = self._channel.wire.broken, self._used
        self._used = True
        if self._stopped and broken is not None and broken.fault is Fault.STOPPED:  # in RSET, which decides nothing
            return None
        if used and hearing.mail is None and broken is not None and broken.fault in (Fault.EOF, Fault.RESET):
            return replace(broken, stage=Stage.IDLE)
        return broken

    def _open(
        self, hearing: Hearing, envelope: Envelope, message: Content, reporting: Reporting | None
    ) -> Awaitable[None]:
        """MAIL, all RCPT, and DATA where anybody is to have the message."""
        offers = self.capabilities
        mail = (_MAIL, mail_command(offers, envelope, message, reporting))
        recipients = [(_RCPT, rcpt_command(offers, to, reporting)) for to in envelope.recipients]
        if self.capabilities.pipelining:
            return self._in_a_group(hearing, mail, recipients)
        return self._in_lock_step(hearing, mail, recipients)

    async def _finish(self, hearing: Hearing, message: Content, before_dot: BeforeDot) -> None:
        """The message, or what ends a transaction without one."""
        accepted = hearing.accepted
        if self._chunk and accepted:
            await self._in_chunks(hearing, message, before_dot)
        elif hearing.data is None or hearing.data.klass != 3:
            await self._reset(hearing)
        elif accepted:
            sent = Sent()
            await self._poured(stuffed(message.blocks()), sent)
            await self._end(hearing, sent, self._channel.dot, lambda: before_dot(accepted))
        elif hearing.any_accepted:  # by a server that refused MAIL: an empty message would reach people
            self._channel.give_up(Stage.DATA, Fault.OUT_OF_STEP, hearing.data)
        else:  # a lone dot: the server waits for a message though nobody was accepted (RFC 2920 section 3.1)
            await self._end(hearing, Sent(), self._channel.dot)  # nobody's message: it needs no record

    async def _in_a_group(self, hearing: Hearing, mail: _Command, recipients: list[_Command]) -> None:
        """All commands at once, DATA the last of them (RFC 2920 section 3.1); BDAT waits to see who is accepted."""
        channel, deadlines = self._channel, self._deadlines
        channel.say(mail, *recipients, *(() if self._chunk else _THEN_DATA))
        hearing.mail = await channel.answer(deadlines.mail)
        self._keep_step(_MAIL, hearing.mail)
        for _ in recipients:
            reply = await channel.answer(deadlines.rcpt)
            hearing.rcpt.append(reply)
            if reply.klass == 3:  # DATA's own: one reply is missing, and nobody knows which
                channel.give_up(Stage.RCPT, Fault.UNSOLICITED, reply)
            if hearing.mail.positive:  # else a 503 is in step
                self._keep_step(_RCPT, reply)
        if self._after_rcpt is not None and not all(map(_positive, hearing.rcpt)):
            await self._after_rcpt(hearing.transaction(None))  # now, for the rest may take minutes
        if not self._chunk:
            hearing.data = await channel.answer(deadlines.data)

    async def _in_lock_step(self, hearing: Hearing, mail: _Command, recipients: list[_Command]) -> None:
        channel, deadlines = self._channel, self._deadlines
        channel.say(mail)
        hearing.mail = await channel.answer(deadlines.mail)
        self._keep_step(Stage.MAIL, hearing.mail)
        if not hearing.mail.positive:
            return
        for recipient in recipients:
            channel.say(recipient)
            hearing.rcpt.append(await channel.answer(deadlines.rcpt))
            self._keep_step(Stage.RCPT, hearing.rcpt[-1])
        if self._after_rcpt is not None and not all(map(_positive, hearing.rcpt)):
            await self._after_rcpt(hearing.transaction(None))  # now, for the rest may take minutes
        if hearing.accepted and not self._chunk:
            channel.say((Stage.DATA, "DATA"))
            hearing.data = await channel.answer(deadlines.data)

    async def _in_chunks(self, hearing: Hearing, message: Content, before_dot: BeforeDot) -> None:
        """The message by BDAT (RFC 3030): a chunk is answered before the next one is begun, and a refusal ends it."""
        channel, sent = self._channel, Sent()
        hearing.chunked = True
        last = (message.size - 1) // self._chunk * self._chunk  # where the last chunk begins
        for start in range(0, last, self._chunk):
            channel.say((Stage.BDAT, f"BDAT {self._chunk}"))
            if not await self._poured(message.blocks(start, start + self._chunk), sent):
                await self._spoil(hearing)
                return
            reply = await channel.answer(self._deadlines.block)
            if reply.positive:
                continue
            hearing.bdat = reply
            if reply.klass == 3:
                channel.give_up(Stage.BDAT, Fault.OUT_OF_STEP, reply)
            await self._reset(hearing)
            return
        channel.say((Stage.BDAT, f"BDAT {message.size - last} LAST"))
        # Without its last octet a chunk is not there: that one is kept back until the intent is written.
        (end,) = message.blocks(message.size - 1)
        await self._poured(message.blocks(last, message.size - 1), sent)
        sent.add(end)
        await self._end(hearing, sent, lambda: channel.send(end), lambda: before_dot(hearing.accepted))
        if hearing.dot is not None and not hearing.dot.positive:
            await self._reset(hearing)  # RFC 3030 section 2: the state after a failure is indeterminate

    async def _end(self, hearing: Hearing, sent: Sent, leave: _Leave, intend: _Intend | None = None) -> None:
        """All but the end of a message is sent: write the intent down, and have leave() send the end."""
        channel = self._channel
        if not channel.heard:
            channel.note(str(sent))
            if intend is not None:
                await intend()
        if channel.heard:  # even while that was written down: no dot has left
            await self._spoil(hearing)
            return
        await self._dot(hearing, leave)

    async def _poured(self, blocks: Iterable[bytes], sent: Sent) -> bool:
        """Send blocks as the connection takes them; return False where something was heard before the last of them."""
        channel = self._channel
        for block in blocks:
            if channel.heard:
                return False
            channel.send(block)
            sent.add(block)
            if channel.paused:
                await channel.drained(self._deadlines.block)
            await channel.listen()  # what came with the 354, or since, makes the rest and the dot unnecessary
        return True

    async def _spoil(self, hearing: Hearing) -> None:
        """A reply came before the end of what it answers: hear it; nothing more can be said in this session."""
        self._spoilt = True
        if self._channel.over:
            self._channel.wire.lose(Fault.RESET)
        hearing.early = await self._channel.answer(0)

    async def _dot(self, hearing: Hearing, leave: _Leave) -> None:
        """From here on only the server knows; a stop request waits for what it says."""
        channel = self._channel
        leave()
        if channel.over:  # the connection would not take it: known at once
            channel.wire.lose(Fault.RESET)
            raise SessionOverError
        hearing.dot_sent = True
        until = channel.time() + self._deadlines.dot
        while hearing.dot is None:
            try:
                hearing.dot = await channel.answer(until - channel.time())
            except SessionOverError:
                hearing.dot_sent = not channel.paused
                raise
            except asyncio.CancelledError:
                self._stopped = go_on()
        if hearing.dot.klass == 3:
            channel.give_up(Stage.DOT, Fault.OUT_OF_STEP, hearing.dot)

    async def _reset(self, hearing: Hearing) -> None:
        """Leave a transaction that will not be finished; a 354 to RSET proves that replies came one too many."""
        if hearing.mail is None or not (hearing.mail.positive or hearing.any_accepted):
            return
        self._channel.say((Stage.RSET, "RSET"))
        try:
            reply = await self._channel.answer(self._deadlines.rset)
        except asyncio.CancelledError:  # all is heard that decides anything: to lose it would leave doubts
            self._stopped = go_on()
            self._channel.drop(Fault.STOPPED)
            return
        if reply.klass == 3:
            self._channel.give_up(Stage.RSET, Fault.UNSOLICITED, reply)
        self._spoilt = not reply.positive or (hearing.data is not None and hearing.data.positive)

    def _keep_step(self, stage: Stage, reply: Reply) -> None:
        if reply.klass == 3 or reply.code in _OUT_OF_STEP:
            self._channel.give_up(stage, Fault.OUT_OF_STEP, reply)
