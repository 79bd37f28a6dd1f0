"""Play one moment after another of a session: ask the script, perform what it decides, write it down.

Rule 1: nothing is judged here; what is correct comes with the moment.
Rule 2: every moment at which something happened is in the journal, also when the client left in its middle.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from maildrill.fakeserver.engine.event import PROCEEDING, Decision, Event
from maildrill.fakeserver.journal.journal import Closed, Entry, Message, SessionRecord
from maildrill.fakeserver.protocol.dialogue import Dialogue, Heard
from maildrill.fakeserver.protocol.parameters import size_of
from maildrill.fakeserver.session import faults
from maildrill.fakeserver.session.faults import Done
from maildrill.fakeserver.session.handing_on import Errand, HandingOn, destination, settled
from maildrill.fakeserver.session.host import Host, Wire
from maildrill.smtp import Reply, Stage
from maildrill.smtp.transcript import REDACTED

PLAIN = Decision(PROCEEDING)
SILENT = Decision(())
_NOTHING = Done()
_NO_REPLY: frozenset[Stage] = frozenset({Stage.CONNECT, Stage.TLS, Stage.BODY, Stage.IDLE})
#: Where nothing is asked of the server: written down only if something happens.
_UNASKED = frozenset({Stage.CONNECT, Stage.BODY, Stage.IDLE})


@dataclass(slots=True)  # made for each command: frozen it would take three times as long
class Moment:
    """What is to be performed and written down. correct: what Proceed says, None where nothing is asked.

    message: whose end this is; in LMTP for the recipient `address`, and only the `last` reply settles it. handed_on: to
    whom it was, and what was said there.
    """

    stage: Stage
    began: float
    decision: Decision
    correct: Reply | None = None
    command: str = ""
    address: str | None = None
    message: Message | None = None
    last: bool = True
    handed_on: str = ""
    parameters: Mapping[str, str] | None = None


@dataclass(slots=True)  # as a Moment is
class Arrived:
    """What a script may know of a message that has come to its end."""

    content: bytes
    size: int
    message_id: str


class Performance:
    """The moments of one session. record: the session in the journal. stage: where it is now.

    transactions: MAIL commands that the script was asked about. owed: what was said too early, in place of the next
    reply.
    """

    record: SessionRecord

    def __init__(self, host: Host, wire: Wire, dialogue: Dialogue) -> None:
        self.stage = Stage.CONNECT
        self.host = host
        self.wire = wire
        self.dialogue = dialogue
        self.owed: Reply | None = None
        self.transactions = 0
        self._handing_on: HandingOn | None = None

    @property
    def now(self) -> float:
        """Unix seconds of the server's clock."""
        return self.host.clock.now()

    def ask(self, stage: Stage, *, idle: float = 0.0, size: int | None = None, user: str | None = None) -> Decision:
        """Ask the script about a moment that is no command: after so much silence, or so many octets."""
        state = self.dialogue.state
        return self.host.decider.on(
            Event(
                stage=stage,
                at=self.now,
                session=self.record.number,
                client=self.record.client,
                transaction=self.transactions,
                helo=state.helo,
                user=state.user if user is None else user,
                tls=state.tls,
                reverse_path=state.reverse_path,
                recipients=state.recipients,
                parameters=state.parameters,
                size=size,
                idle=idle,
            )
        )

    def ask_about(self, heard: Heard, *, user: str | None = None) -> Decision:
        """Ask the script about a command."""
        state, stage, path, chunk = self.dialogue.state, heard.stage, heard.path, heard.chunk
        hello = stage in (Stage.EHLO, Stage.HELO)
        self.transactions += stage is Stage.MAIL
        return self.host.decider.on(
            Event(
                stage=stage,
                at=self.now,
                session=self.record.number,
                client=self.record.client,
                transaction=self.transactions,
                helo=heard.argument if hello else state.helo,
                user=state.user if user is None else user,
                tls=state.tls,
                reverse_path=path.address if path is not None and stage is Stage.MAIL else state.reverse_path,
                rcpt=path.address if path is not None and stage is Stage.RCPT else None,
                recipients=state.recipients,
                parameters={**state.parameters, **path.parameters} if path is not None else state.parameters,
                size=chunk.size if chunk is not None else size_of(path.parameters) if path is not None else None,
                last=chunk is not None and chunk.last,
                argument=heard.argument,
                verb=heard.verb,
                pipelined=self.wire.ahead,
            )
        )

    def ask_at_end(self, heard: Heard, arrived: Arrived, recipients: Sequence[str]) -> Decision:
        """Ask the script about the end of a message, for these of its recipients."""
        state, chunk = self.dialogue.state, heard.chunk
        return self.host.decider.on(
            Event(
                stage=heard.stage,
                at=self.now,
                session=self.record.number,
                client=self.record.client,
                transaction=self.transactions,
                helo=state.helo,
                user=state.user,
                tls=state.tls,
                reverse_path=state.reverse_path,
                rcpt=recipients[0] if state.offer.lmtp and recipients else None,
                recipients=tuple(recipients),
                parameters=state.parameters,
                message_id=arrived.message_id,
                content=arrived.content,
                size=arrived.size if chunk is None else chunk.size,
                last=chunk is not None,
                argument=heard.argument,
                verb=heard.verb,
                pipelined=self.wire.ahead,
            )
        )

    async def carry_out(self, moment: Moment) -> Reply | None:
        """Perform a decision and write it down; returns what was said in full, and not at all after a close."""
        if self.carry_out_at_once(moment):
            return moment.correct
        return await self.conclude(moment, await self.perform(moment))

    def carry_out_at_once(self, moment: Moment) -> bool:
        """Do as `carry_out` does where only what is correct is said, and nothing waited for; returns whether it is so.

        It is nearly always so, and takes a quarter of the time.
        """
        if moment.decision.actions is not PROCEEDING or self.owed is not None:
            return False
        self.stage, correct = moment.stage, moment.correct
        if correct is not None and not self.wire.put(correct.render()):
            return False
        if moment.message is not None and correct is not None and self.wire.leaves:
            self.host.journal.answer(moment.message, correct, moment.address)
        self.note(moment, Done(correct))
        return True

    async def perform(self, moment: Moment) -> Done:
        """Perform a decision, which has yet to be concluded."""
        self.stage = moment.stage
        with self.noting(moment):
            if destination(moment.decision) is not None:
                await self._hand_on(moment)
            return await self._perform(moment)

    async def hand_on(self, decision: Decision, errand: Errand, *, ends: bool) -> tuple[Decision, str]:
        """Have another server do what was asked for, if a decision says so; returns it settled, and what was said."""
        where = destination(decision)
        if where is None:
            return decision, ""
        if self._handing_on is None:
            self._handing_on = HandingOn(self.host.hostname, self.host.listens)
        handed = await self._handing_on.run(where, errand)
        return settled(decision, handed.reply, ends=ends), handed.note

    def close(self) -> None:
        """The session is over."""
        if self._handing_on is not None:
            self._handing_on.close()

    async def _hand_on(self, moment: Moment) -> None:
        """Hand on MAIL or RCPT."""
        state, address, parameters = self.dialogue.state, moment.address or "", moment.parameters or {}
        mail = moment.stage is Stage.MAIL
        errand = Errand(
            transaction=self.transactions,
            reverse_path=address if mail else state.reverse_path or "",
            parameters=parameters if mail else state.parameters,
            recipients={} if mail else {address: parameters},
        )
        moment.decision, moment.handed_on = await self.hand_on(moment.decision, errand, ends=False)

    @contextmanager
    def noting(self, moment: Moment) -> Iterator[None]:
        """Write a moment down if the client goes in its middle, or the server is being stopped."""
        try:
            yield
        except CancelledError:
            if moment.command or self.record.closed is None:
                self.note(moment, Done())
            raise

    async def conclude(self, moment: Moment, done: Done) -> Reply | None:
        """Write down what came of a moment, and end the connection where that was decided."""
        resets = done.close is not None and done.close.reset
        if moment.message is not None and done.reply is not None and self.wire.flush() and not resets:
            self.host.journal.answer(moment.message, done.reply, moment.address)
        if done.close is not None:
            self.note(moment, done, Closed.RST if resets else Closed.FIN)
            await self.wire.hang_up(reset=resets)
        self.note(moment, done)
        return done.reply

    async def _perform(self, moment: Moment) -> Done:
        owed, self.owed = self.owed, None
        actions = moment.decision.actions
        if owed is None or moment.stage in _NO_REPLY:
            self.owed = owed
            done = await faults.perform(actions, moment.correct, self.wire)
        else:
            done = await faults.perform(faults.unsaid(actions), None, self.wire)
            done = Done(owed, close=done.close)
        if done.close is None and faults.early(actions):
            self.owed = self.dialogue.next_reply(moment.stage)
            if self.owed is not None:
                await self.wire.say(self.owed.render())
        return done

    def note(self, moment: Moment, done: Done, closed: Closed | None = None) -> None:
        """Write a moment down."""
        decision = moment.decision
        if moment.stage in _UNASKED and done == _NOTHING and closed is None and not decision.rule:
            return
        self.host.journal.add(
            Entry(
                began=moment.began,
                at=self.now,
                session=self.record.number,
                stage=moment.stage,
                command=moment.command,
                address=moment.address,
                parameters=moment.parameters,
                reply=done.reply,
                half=done.half,
                rule=decision.rule,
                unmatched=decision.unmatched,
                closed=closed,
                near_misses=decision.near_misses,
                message=moment.message if moment.last else None,
                handed_on=moment.handed_on,
            )
        )


def shown(heard: Heard) -> str:
    """Return the command line as it may be kept: without what an AUTH exchange says (RFC 4954 section 4)."""
    if heard.stage is not Stage.AUTH and heard.stage is not Stage.AUTH_STEP:
        return f"{heard.verb} {heard.argument}".rstrip()
    mechanism, _, initial = heard.argument.partition(" ")
    return f"AUTH {mechanism} {REDACTED}" if initial else f"AUTH {mechanism}" if mechanism else REDACTED
