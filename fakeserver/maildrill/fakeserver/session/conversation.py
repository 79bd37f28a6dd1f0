"""Hold one session: each command becomes an event, each decision is performed, and the journal writes it down.

Rule 1: Dialogue says what is correct, the Decider what is scripted; nothing is judged here.
Rule 2: octets come and go through a Wire; nothing here knows of aiosmtpd or of transports.
"""

from __future__ import annotations

from dataclasses import replace

from maildrill.fakeserver.engine.event import Close, Decision, Proceed, Say
from maildrill.fakeserver.journal.journal import Closed, SessionRecord
from maildrill.fakeserver.protocol.dialogue import Dialogue, Heard
from maildrill.fakeserver.protocol.state import Offer
from maildrill.fakeserver.session import faults
from maildrill.fakeserver.session.authenticating import Authenticator
from maildrill.fakeserver.session.express import Express
from maildrill.fakeserver.session.faults import Done
from maildrill.fakeserver.session.host import Decider, Host, Wire
from maildrill.fakeserver.session.performance import PLAIN, Moment, Performance, shown
from maildrill.fakeserver.session.receiving import Receiver
from maildrill.fakeserver.session.securing import shake_hands
from maildrill.smtp import Reply, Stage

__all__ = ["Conversation", "Decider", "Host", "Wire"]

_CROWDED = Reply.of("421 4.3.2 too many connections, try again later")
_LIMITED = Decision((Proceed(), Close()))
_TOO_LATE = Reply.of("421 4.4.2 silent for too long, closing connection")


class Conversation:
    """One session from connecting to the end. record: the session in the journal. express: a short way, if any."""

    record: SessionRecord

    def __init__(self, host: Host, wire: Wire) -> None:
        self._host = host
        self._wire = wire
        self._dialogue = Dialogue(Offer(host.hostname, host.settings, host.limits, lmtp=wire.door.lmtp))
        self._play = Performance(host, wire, self._dialogue)
        self._receiver = Receiver(self._play)
        self._authenticator = Authenticator(self._play)
        self._welcome = PLAIN
        plainly = not (wire.door.lmtp or host.settings.strict or host.settings.closed)
        self.express = Express(self._play, self._receiver, self._answer_at_length) if plainly else None

    def connect(self, client: str) -> bool:
        """Open the session of a client (its address), and ask the script; returns False where it is refused."""
        play = self._play
        self.record = play.record = self._host.journal.open_session(play.now, client)
        if self._wire.crowded:
            return True
        self._welcome = play.ask(Stage.CONNECT)
        if not faults.refused(self._welcome.actions):
            return True
        play.note(Moment(Stage.CONNECT, play.now, self._welcome), Done(), Closed.REFUSED)
        return False

    async def greet(self) -> None:
        """Say the banner; one that is not 2yz leaves only QUIT (RFC 5321 section 3.1)."""
        play = self._play
        if self._wire.crowded:  # where TLS should come first no word would be understood
            actions = (Close(),) if self._wire.door.tls else (Say(_CROWDED), Close())
            await play.carry_out(Moment(Stage.BANNER, play.now, Decision(actions)))
        reply = await play.carry_out(Moment(Stage.CONNECT, play.now, self._welcome))
        if self._wire.door.tls:
            await self._secure()
        if reply is None:
            banner = Reply(220, (f"{self._host.hostname} ESMTP maildrill",))
            reply = await play.carry_out(Moment(Stage.BANNER, play.now, play.ask(Stage.BANNER), banner))
        self._dialogue.state.in_service = reply is None or reply.positive
        play.stage = Stage.IDLE

    async def command(self, verb: str, argument: str) -> None:
        """Answer a command; `verb` in upper case."""
        heard = self._dialogue.hear(verb, argument)
        if heard.chunk is not None:
            await self._receiver.chunk(heard)
        elif heard.login is not None:
            await self._authenticator.log_in(heard, heard.login)
        else:
            await self._answer(heard, self._decide(heard))
        self._play.stage = Stage.IDLE

    async def _answer_at_length(self, heard: Heard, moment: Moment) -> None:
        await self._answer(heard, moment)
        self._play.stage = Stage.IDLE

    async def say(self, reply: Reply) -> None:
        """Say something about what is no command; 421 ends the connection."""
        reply = self._dialogue.misread(reply)
        close = (Close(),) if reply.code == 421 else ()
        await self._play.carry_out(Moment(Stage.UNKNOWN, self._play.now, Decision((Say(reply), *close))))
        self._play.stage = Stage.IDLE

    async def idle(self, seconds: float) -> None:
        """Ask the script what happens after so many seconds of silence; what it says answers nothing."""
        play = self._play
        await play.carry_out(Moment(Stage.IDLE, play.now, play.ask(Stage.IDLE, idle=seconds)))

    async def time_out(self, reply: Reply | None = _TOO_LATE) -> None:
        """End the connection, as a server may after five minutes of silence (RFC 5321 section 4.5.3.2.7)."""
        play = self._play
        # In a handshake nothing can be said.
        said = reply is not None and play.stage is not Stage.TLS and self._wire.put(reply.render())
        play.note(Moment(play.stage, play.now, PLAIN), Done(reply if said else None), Closed.TIMEOUT)
        await self._wire.hang_up(reset=reply is None)

    def end(self, how: Closed) -> None:
        """Note that the connection ended otherwise than by the script; only the first end counts."""
        self._receiver.close()
        self._play.close()
        self._host.decider.end(self.record.number)
        if self.record.closed is None:
            play = self._play
            play.note(Moment(play.stage, play.now, PLAIN), Done(), how)

    async def _answer(self, heard: Heard, moment: Moment) -> None:
        """Answer a command, and go through what it begins."""
        reply = await self._play.carry_out(moment)
        if reply is not None:
            self._dialogue.take(heard, reply)
        if heard.stage is Stage.DATA and reply is not None and reply.klass == 3:
            await self._receiver.message()
        elif heard.stage is Stage.STARTTLS and reply is not None and reply.positive:
            self._wire.hold()
            await self._secure()

    async def _secure(self) -> None:
        """Go over to TLS, as far as the script lets that succeed; then all that was said in clear is forgotten."""
        play, state = self._play, self._dialogue.state
        moment = Moment(Stage.TLS, play.now, play.ask(Stage.TLS))
        done = await play.perform(moment)
        if done.close is None:
            with play.noting(moment):
                outcome = await shake_hands(self._host, self._wire, faults.shaken(moment.decision.actions))
            if isinstance(outcome, Closed):
                play.note(moment, done, outcome)
                await self._wire.hang_up(reset=False)
            if outcome:
                state.forget()
                self.record.tls = state.tls = outcome
        await play.conclude(moment, done)

    def _decide(self, heard: Heard) -> Moment:
        """Ask the script about a command, if it may be asked."""
        play, decision, correct = self._play, PLAIN, heard.reply
        began = play.now
        if heard.scripted:
            decision = play.ask_about(heard)
            changes = faults.changes(decision.actions)
            if changes and heard.stage is Stage.EHLO:
                correct = self._dialogue.advertise(heard, changes).reply
            if heard.stage is Stage.QUIT:
                decision = replace(decision, actions=(*decision.actions, Close()))
        elif heard.reply.code == 421:  # a limit is reached
            decision = _LIMITED
        moment = Moment(heard.stage, began, decision, correct, shown(heard))
        if heard.path is not None:
            moment.address, moment.parameters = heard.path.address, heard.path.parameters
        return moment
