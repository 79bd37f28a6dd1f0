"""Hold one session: each command becomes an event, each decision is performed, and the journal writes it down.

Rule 1: Dialogue says what is correct, the Decider what is scripted; nothing is judged here.
Rule 2: octets come and go through a Wire; nothing here knows of aiosmtpd or of transports.
"""

from __future__ import annotations

from asyncio import CancelledError
from dataclasses import dataclass, replace

from maildrill.fakeserver import faults
from maildrill.fakeserver.body import Body, message_id
from maildrill.fakeserver.dialogue import Dialogue, Heard
from maildrill.fakeserver.event import Close, Decision, Event, Proceed, Say
from maildrill.fakeserver.faults import Done
from maildrill.fakeserver.host import Decider, Host, Wire
from maildrill.fakeserver.journal import Closed, Entry, Message, SessionRecord
from maildrill.smtp import Reply, Stage
from maildrill.smtp.transcript import REDACTED

__all__ = ["Conversation", "Decider", "Host", "Wire"]

_PLAIN = Decision((Proceed(),))
_SILENT = Decision(())
_NOTHING = Done()
_HANG_UP = Decision((Close(),))
_TOO_LATE = Reply.of("421 4.4.2 silent for too long, closing connection")
_HELLO = (Stage.HELO, Stage.EHLO)
#: Where nothing is asked of the server: written down only if something happens.
_UNASKED = frozenset({Stage.CONNECT, Stage.BODY, Stage.IDLE})


@dataclass(frozen=True, slots=True)
class _Moment:
    """What is to be performed and written down. correct: what Proceed says, None where nothing is asked."""

    stage: Stage
    began: float
    decision: Decision
    correct: Reply | None = None
    command: str = ""
    address: str | None = None


class Conversation:
    """One session from connecting to the end. record: the session in the journal. stage: where it is now."""

    record: SessionRecord

    def __init__(self, host: Host, wire: Wire) -> None:
        self.stage = Stage.CONNECT
        self._host = host
        self._wire = wire
        self._dialogue = Dialogue(host.hostname)
        self._welcome = _PLAIN

    def connect(self, client: str) -> bool:
        """Open the session of a client (its address), and ask the script; returns False where it is refused."""
        self.record = self._host.journal.open_session(self._now(), client)
        self._welcome = self._ask(Stage.CONNECT)
        if not faults.refused(self._welcome.actions):
            return True
        self._note(_Moment(Stage.CONNECT, self._now(), self._welcome), Done(), Closed.REFUSED)
        return False

    async def greet(self) -> None:
        """Say the banner; one that is not 2yz leaves only QUIT (RFC 5321 section 3.1)."""
        reply = await self._carry_out(_Moment(Stage.CONNECT, self._now(), self._welcome))
        if reply is None:
            banner = Reply(220, (f"{self._host.hostname} ESMTP maildrill",))
            reply = await self._carry_out(_Moment(Stage.BANNER, self._now(), self._ask(Stage.BANNER), banner))
        self._dialogue.state.in_service = reply is None or reply.positive
        self.stage = Stage.IDLE

    async def command(self, verb: str, argument: str) -> None:
        """Answer a command; `verb` in upper case."""
        heard = self._dialogue.hear(verb, argument)
        reply = await self._answer(heard)
        while heard.stage is Stage.AUTH and reply is not None and reply.code == 334:
            heard = self._dialogue.respond(await self._wire.read_line())
            reply = await self._answer(heard)
        if heard.stage is Stage.DATA and reply is not None and reply.klass == 3:
            await self._receive()
        elif heard.stage is Stage.STARTTLS and reply is not None and reply.positive:
            # Only a script says so, for there is no certificate: the client's handshake meets a closed line.
            await self._wire.read_first()
            await self._carry_out(_Moment(Stage.STARTTLS, self._now(), _HANG_UP))
        self.stage = Stage.IDLE

    async def say(self, reply: Reply) -> None:
        """Say something about what is no command; 421 ends the connection."""
        close = (Close(),) if reply.code == 421 else ()
        await self._carry_out(_Moment(Stage.UNKNOWN, self._now(), Decision((Say(reply), *close))))
        self.stage = Stage.IDLE

    async def idle(self, seconds: float) -> None:
        """Ask the script what happens after so many seconds of silence; what it says answers nothing."""
        await self._carry_out(_Moment(Stage.IDLE, self._now(), self._ask(Stage.IDLE, idle=seconds)))

    async def time_out(self) -> None:
        """Close for silence, as a server may after five minutes (RFC 5321 section 4.5.3.2.7)."""
        await self._wire.say(_TOO_LATE.render())
        self._note(_Moment(self.stage, self._now(), _PLAIN), Done(_TOO_LATE), Closed.TIMEOUT)
        await self._wire.hang_up(reset=False)

    def end(self, how: Closed) -> None:
        """Note that the connection ended otherwise than by the script; only the first end counts."""
        self._host.decider.end(self.record.number)
        if self.record.closed is None:
            self._note(_Moment(self.stage, self._now(), _PLAIN), Done(), how)

    async def _answer(self, heard: Heard) -> Reply | None:
        """Answer one command or response; returns what was said in full."""
        began, decision = self._now(), _PLAIN
        if heard.scripted:
            decision = self._ask(heard.stage, heard)
            changes = faults.changes(decision.actions)
            if changes and heard.stage is Stage.EHLO:
                heard = self._dialogue.advertise(heard, changes)
            if heard.stage is Stage.QUIT:
                decision = replace(decision, actions=(*decision.actions, Close()))
        address = heard.path.address if heard.path is not None else None
        reply = await self._carry_out(_Moment(heard.stage, began, decision, heard.reply, _shown(heard), address))
        if reply is not None:
            self._dialogue.take(heard, reply)
        return reply

    async def _receive(self) -> None:
        """Take a message in, from its first octet to the reply to its final dot."""
        self.stage = Stage.BODY
        first = await self._wire.read_first()
        early = await self._carry_out(_Moment(Stage.BODY, self._now(), self._ask(Stage.BODY)))
        body = Body(self._dialogue.state.size_limit)
        await self._wire.read_body(first, body)
        began, content = self._now(), body.content
        heard, identity = self._dialogue.end_of_data(body.size), message_id(content)
        decision = _PLAIN if early is None else _SILENT  # a message gets one reply
        if heard.scripted and early is None:
            decision = self._ask(Stage.DOT, message_id=identity)
        message = Message(
            at=began,
            session=self.record.number,
            reverse_path=self._dialogue.state.reverse_path or "",
            recipients=self._dialogue.state.recipients,
            content=content if self._host.keep_bodies else b"",
            size=body.size,
            message_id=identity,
            committed=heard.scripted and faults.taken(decision.actions, heard.reply),
        )
        self._dialogue.reset()
        place = self._host.journal.receive(message)
        if message.committed and self._host.on_commit is not None:
            self._host.on_commit(message)
        await self._carry_out(_Moment(Stage.DOT, began, decision, heard.reply), place)

    def _ask(self, stage: Stage, heard: Heard | None = None, *, message_id: str = "", idle: float = 0.0) -> Decision:
        """Ask the script about this moment."""
        state = self._dialogue.state
        path = heard.path.address if heard is not None and heard.path is not None else None
        event = Event(
            stage=stage,
            at=self._now(),
            session=self.record.number,
            client=self.record.client,
            helo=heard.argument if heard is not None and stage in _HELLO else state.helo,
            reverse_path=path if stage is Stage.MAIL else state.reverse_path,
            rcpt=path if stage is Stage.RCPT else None,
            recipients=state.recipients,
            message_id=message_id,
            argument=heard.argument if heard is not None else "",
            verb=heard.verb if heard is not None else "",
            idle=idle,
        )
        return self._host.decider.on(event)

    async def _carry_out(self, moment: _Moment, place: int | None = None) -> Reply | None:
        """Perform a decision and write it down; returns what was said in full, and not at all after a close.

        place: of the message in the journal, where this is its final dot.
        """
        self.stage = moment.stage
        try:
            done = await faults.perform(moment.decision.actions, moment.correct, self._wire)
        except CancelledError:  # the client went during a wait, or the server is being stopped
            self._note(moment, Done())
            raise
        resets = done.close is not None and done.close.reset
        if place is not None and done.reply is not None and self._wire.flush() and not resets:
            self._host.journal.answer(place, done.reply)
        if done.close is not None:
            self._note(moment, done, Closed.RST if resets else Closed.FIN)
            await self._wire.hang_up(reset=resets)
        self._note(moment, done)
        return done.reply

    def _note(self, moment: _Moment, done: Done, closed: Closed | None = None) -> None:
        """Write a moment down."""
        decision = moment.decision
        if moment.stage in _UNASKED and done == _NOTHING and closed is None and not decision.rule:
            return
        entry = Entry(
            began=moment.began,
            at=self._now(),
            session=self.record.number,
            stage=moment.stage,
            command=moment.command,
            address=moment.address,
            reply=done.reply,
            half=done.half,
            rule=decision.rule,
            unmatched=decision.unmatched,
            closed=closed,
        )
        self._host.journal.add(entry)

    def _now(self) -> float:
        return self._host.clock.now()


def _shown(heard: Heard) -> str:
    """Return the command line as it may be kept: without what an AUTH exchange says (RFC 4954 section 4)."""
    if heard.stage is not Stage.AUTH:
        return f"{heard.verb} {heard.argument}".rstrip()
    mechanism, _, initial = heard.argument.partition(" ")
    return f"AUTH {mechanism} {REDACTED}" if initial else f"AUTH {mechanism}" if mechanism else REDACTED
