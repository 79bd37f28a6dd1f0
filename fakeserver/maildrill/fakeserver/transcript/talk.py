"""Hold a session as a strict transcript says: line by line, until it is over or something differs.

Rule: nothing is compared here (hearing), followed here (exchange) or remembered between sessions (play).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from maildrill.fakeserver.journal.journal import Closed, Message, SessionRecord
from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.language.span import Duration
from maildrill.fakeserver.language.steps import (
    ClientGoesOn,
    ClientLeaves,
    ClientSays,
    ClientSends,
    Leaving,
    ServerLeaves,
    ServerReads,
    ServerSays,
    ServerShakes,
    ServerTakes,
    Step,
)
from maildrill.fakeserver.message.body import message_id
from maildrill.fakeserver.session.host import Host, Wire
from maildrill.fakeserver.session.securing import shake_hands
from maildrill.fakeserver.transcript.exchange import Asked, Exchange, shown
from maildrill.fakeserver.transcript.hearing import Differs, MessageEar, hear
from maildrill.fakeserver.transcript.play import Difference, Part, Play
from maildrill.smtp import Reply, Stage, decode

_CRLF = b"\r\n"
_TOO_LATE = Reply.of("421 4.4.2 silent for too long, closing connection")
_LIMIT = 26_214_400  # octets of a message that are kept


class TranscriptTalk:
    """The Talk of one session (host.Talk)."""

    record: SessionRecord

    def __init__(self, play: Play, host: Host, wire: Wire) -> None:
        self._play = play
        self._host = host
        self._wire = wire
        self._exchange = Exchange()
        self._part = Part.none()
        self._unwanted: Difference | None = None  # why there is no part for this connection
        self._buffer = bytearray()
        self._ear: MessageEar | None = None
        self._chunks = bytearray()
        self._shaking = False

    def connect(self, client: str) -> bool:
        """Open the session, and take the next one of the transcript; returns False where it is refused."""
        self.record = self._host.journal.open_session(self._now(), client)
        part = self._play.begin(self._now())
        if isinstance(part, Difference):
            self._unwanted = part
            return True
        self._part = part
        if not part.refused:
            return True
        self._end(Asked(Stage.CONNECT, "", None, self._now()), None, Closed.REFUSED, part.where(part.step))
        return False

    async def greet(self) -> None:
        """Hold the whole session; it does not return."""
        if self._unwanted is not None:
            await self._give_up(self._nothing(), self._unwanted)
        part = self._part
        self._exchange.awaits_handshake = self._wire.door.tls
        while part.step is not None:
            await self._take(part.step)
            part.place += 1
        await self._hang_up(Leaving.FIN)

    async def command(self, verb: str, argument: str) -> None:
        """Nothing is left to answer: `greet` hears every line itself."""

    async def say(self, reply: Reply) -> None:
        """Say that the server itself failed, and end the session."""
        await self._wire.say(reply.render())
        await self._hang_up(Leaving.FIN)

    async def idle(self, seconds: float) -> None:
        """Nothing happens by silence alone: what a server says unasked is a line of the transcript."""

    async def time_out(self, reply: Reply | None = _TOO_LATE) -> None:
        """Nothing came for as long as a server waits."""
        self._play.fail(self._part, self._part.differs(self._part.step, "nothing for too long"))
        # In a handshake nothing can be said.
        said = reply is not None and not self._shaking and self._wire.put(reply.render())
        self._end(self._nothing(), reply if said else None, Closed.TIMEOUT)
        await self._wire.hang_up(reset=reply is None)

    def end(self, how: Closed) -> None:
        """Note that the connection ended by itself; what the client has yet to do then it will not do."""
        self._host.decider.end(self.record.number)
        if self.record.closed is not None:
            return
        self._gone(how)
        self._end(self._nothing(), None, how)

    async def _take(self, step: Step) -> None:
        """Take one step, after what the client does unsaid before it: a handshake, a chunk."""
        exchange = self._exchange
        if exchange.awaits_handshake and not isinstance(step, ServerShakes | ServerLeaves):
            await self._shake(step, None)
        if exchange.chunk is not None and not (exchange.chunk and isinstance(step, ClientSends | ServerReads)):
            self._hear_chunk(await self._hear_octets(ServerReads(exchange.chunk, step.line)), self._part.at)
        match step:
            case ServerSays():
                await self._say(step)
            case ServerLeaves():
                await self._wait(step.wait)
                await self._hang_up(step.how, self._part.where(step))
            case ServerShakes(fault):
                await self._shake(step, fault)
            case ClientLeaves():
                await self._hear_end(step)
            case ClientSays() | ClientSends() | ClientGoesOn() | ServerReads():
                await self._hear(step)
            case ServerTakes():
                pass  # it was looked at when the message ended

    async def _say(self, step: ServerSays) -> None:
        await self._wait(step.wait)
        await self._wire.say(step.octets)
        answered = self._exchange.answer(step.octets, self._now())
        if self._exchange.awaits_handshake:
            self._wire.hold()
            self._buffer.clear()
        for asked, reply in answered:
            if asked.message is not None and reply is not None and self._wire.flush():
                self._host.journal.answer(asked.message, reply)
            self._note(asked, reply, self._part.where(step))

    async def _wait(self, wait: Duration | None) -> None:
        if wait is not None:
            await self._wire.pause(wait.seconds)

    async def _hear(self, step: ClientSays | ClientSends | ClientGoesOn | ServerReads) -> None:
        if self._exchange.awaits_message:
            await self._hear_message(step)
        elif isinstance(step, ClientGoesOn):
            await self._differ(self._nothing(), step, "no message, as the server has not said 354")
        else:
            octets = await self._hear_octets(step)
            if self._exchange.chunk is not None:
                self._hear_chunk(octets, self._part.coming)
            else:
                for line in octets.removesuffix(b"\n").split(b"\n"):
                    self._exchange.ask(decode(line.removesuffix(b"\r")), self._now())

    async def _hear_octets(self, step: ClientSays | ClientSends | ServerReads) -> bytes:
        while (heard := hear(step, self._buffer)) is None:
            self._buffer += await self._wire.read_some()
        if isinstance(heard, Differs):
            await self._hear_other(step, heard.octets)
        return heard.octets

    async def _hear_message(self, step: ClientSays | ClientSends | ClientGoesOn | ServerReads) -> None:
        if self._ear is None:
            self._ear = MessageEar(_LIMIT)
        while (heard := self._ear.hear(step, self._buffer)) is None:
            self._buffer += await self._wire.read_some()
        if isinstance(heard, Differs):
            await self._hear_other(step, heard.octets)
        if self._ear.ended:
            body, self._ear = self._ear.body, None
            self._receive(body.content, body.size, self._exchange.takes(self._part.coming))

    def _hear_chunk(self, octets: bytes, coming: Sequence[Step]) -> None:
        """Add to a message that comes by BDAT; coming: the steps behind these octets."""
        self._chunks += octets
        if self._exchange.take_chunk(len(octets)):
            content = bytes(self._chunks)
            self._chunks.clear()
            self._receive(content, len(content), self._exchange.takes(coming))

    def _receive(self, content: bytes, size: int, taken: bool) -> None:  # noqa: FBT001 - as the journal calls it
        """A message has ended."""
        message = Message(
            at=self._now(),
            session=self.record.number,
            reverse_path=self._exchange.reverse_path or "",
            recipients=self._exchange.recipients,
            content=content,
            size=size,
            message_id=message_id(content),
            committed=taken,
        )
        self._host.journal.receive(message)
        self._exchange.end_message(self._now(), message)
        if taken and self._host.on_commit is not None:
            self._host.on_commit(message)

    async def _hear_end(self, step: ClientLeaves) -> None:
        """Wait for the client to go: then the wire cancels this. Behind `C: …` it may go in the middle of a message."""
        while isinstance(self._part.before, ClientGoesOn):
            self._buffer.clear()
            await self._wire.read_some()
        await self._hear_other(step, bytes(self._buffer) or await self._wire.read_some())

    async def _hear_other(self, step: Step, octets: bytes) -> NoReturn:
        """Something else came than the step says."""
        got, asked = shown(octets, secret=self._exchange.secret), self._nothing()
        if octets.endswith(_CRLF) and not self._exchange.awaits_message:
            asked = self._exchange.ask(decode(octets.removesuffix(_CRLF)), self._now())
        await self._differ(asked, step, got)

    async def _shake(self, step: Step, fault: Handshake | None) -> None:
        """Do the handshake that is due; then nothing holds that was said in clear (RFC 3207 section 4.2)."""
        if not self._exchange.awaits_handshake:
            await self._differ(self._nothing(), step, "nothing that asks for TLS")
        asked, self._shaking = Asked(Stage.TLS, "", None, self._now()), True
        outcome = await shake_hands(self._host, self._wire, fault)
        if isinstance(outcome, Closed):
            self._part.place += isinstance(step, ServerShakes)
            self._gone(outcome)
            self._end(asked, None, outcome, self._part.where(step))
            await self._wire.hang_up(reset=False)
        self._exchange.shake()
        self._shaking, self.record.tls = False, outcome
        self._note(asked, None, self._part.where(step))

    def _gone(self, how: Closed) -> None:
        """The connection has ended otherwise than by the transcript: the client can do no more of it."""
        part = self._part
        if how is not Closed.STOPPED and not isinstance(part.waits, ClientLeaves | None):
            self._play.fail(part, part.differs(part.waits, "the end of the connection"))
        part.over = part.over or how is not Closed.STOPPED

    async def _differ(self, asked: Asked, step: Step, got: str) -> NoReturn:
        difference = self._part.differs(step, got)
        self._play.fail(self._part, difference)
        await self._give_up(asked, difference)

    async def _give_up(self, asked: Asked, difference: Difference) -> NoReturn:
        """Tell the client what is different, and end the session."""
        await self._wire.say(difference.reply.render())
        self._end(asked, difference.reply, Closed.FIN, difference.where, difference)
        await self._wire.hang_up(reset=False)

    async def _hang_up(self, how: Leaving, where: str = "") -> NoReturn:
        self._part.over = True
        self._end(self._nothing(), None, Closed(how.value), where)
        await self._wire.hang_up(reset=how is Leaving.RST)

    def _nothing(self) -> Asked:
        """What ends with the session: a message that has begun, or nothing that was asked."""
        stage = Stage.TLS if self._shaking else Stage.BODY if self._ear is not None else Stage.IDLE
        return Asked(stage, "", None, self._now())

    def _end(
        self, asked: Asked, reply: Reply | None, how: Closed, where: str = "", differs: Difference | None = None
    ) -> None:
        self._play.end(self._now())
        self._note(asked, reply, where, how, differs)

    def _note(
        self,
        asked: Asked,
        reply: Reply | None,
        where: str,
        closed: Closed | None = None,
        differs: Difference | None = None,
    ) -> None:
        """Write down what was asked and answered."""
        entry = asked.entry(self._now(), self.record.number, reply, where)
        if differs is not None:
            entry.unmatched, entry.near_misses = True, (differs,)
        entry.closed = closed
        self._host.journal.add(entry)

    def _now(self) -> float:
        return self._host.clock.now()
