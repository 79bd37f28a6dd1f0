"""The plain transaction in one go: MAIL, RCPT, DATA and a message that comes whole, with nothing special about any.

Rule 1: what is special, and what a script has something to say about, is left to those whose work it is (Dialogue,
Performance, Receiver); here nothing is decided that they would decide otherwise, which a property test holds.
Rule 2: it is here for speed: most of what a client sends passes through, at half the cost.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from maildrill.fakeserver.body import message_id
from maildrill.fakeserver.command import PLAIN_ADDRESS, Path
from maildrill.fakeserver.dialogue import Heard
from maildrill.fakeserver.engine import Engine
from maildrill.fakeserver.event import PROCEEDING, Event
from maildrill.fakeserver.journal import Entry, Message
from maildrill.fakeserver.judges import GO_AHEAD, QUEUED, RECIPIENT_OK, SENDER_OK
from maildrill.fakeserver.performance import PLAIN, Arrived, Moment, Performance
from maildrill.fakeserver.receiving import Receiver
from maildrill.smtp import Reply, Stage

#: In MAIL the first group is the address, in RCPT the second, in DATA there is none.
_PLAIN = re.compile(rf"(?:MAIL FROM:<({PLAIN_ADDRESS})>|RCPT TO:<({PLAIN_ADDRESS})>|DATA)\r\n".encode())
_MAIL, _RCPT, _DATA, _BODY, _DOT, _IDLE = (  # found faster than in their class
    Stage.MAIL,
    Stage.RCPT,
    Stage.DATA,
    Stage.BODY,
    Stage.DOT,
    Stage.IDLE,
)
_LONGEST = 76  # octets of such a line: it is far from every limit on addresses
_END = b"\r\n.\r\n"

#: Whether it was done; else nothing was, or all but what is left to wait for.
Taken = bool | Awaitable[None]


class Express:
    """The short way through one session. answer: the long way, from a decision on. within: a message is awaited."""

    def __init__(
        self, play: Performance, receiver: Receiver, answer: Callable[[Heard, Moment], Awaitable[None]]
    ) -> None:
        self._play = play
        self._state = play.dialogue.state
        self._receiver = receiver
        self._answer = answer
        self.within = False

    def take(self, octets: bytes) -> Taken:
        """Answer octets that came while nothing was unread, if they are plain."""
        if self.within:
            self.within = False
            return self._message(octets)
        plain = _PLAIN.fullmatch(octets) if len(octets) <= _LONGEST else None
        if plain is None or not self._usual():
            return False
        state, (mail, rcpt) = self._state, plain.groups()
        if mail is not None:
            return state.reverse_path is None and self._mail(mail.decode("ascii"))
        if state.reverse_path is None:
            return False
        if rcpt is not None:
            return len(state.recipients) < state.offer.limits.recipients and self._rcpt(rcpt.decode("ascii"))
        return bool(state.recipients) and not state.parameters and self._data()

    def _usual(self) -> bool:
        """Whether the session is as it nearly always is."""
        state = self._state
        if not (state.helo and state.in_service) or state.octets is not None or state.failed or self._play.owes:
            return False
        return state.commands < state.offer.limits.commands

    def _mail(self, address: str) -> Taken:
        self._play.transactions += 1
        taken = self._command(_MAIL, SENDER_OK, "MAIL", f"FROM:<{address}>", address, address)
        if taken is True:
            self._state.reverse_path = address
        return taken

    def _rcpt(self, address: str) -> Taken:
        state = self._state
        taken = self._command(_RCPT, RECIPIENT_OK, "RCPT", f"TO:<{address}>", address, state.reverse_path)
        if taken is True:
            state.recipients += (address,)
        return taken

    def _data(self) -> Taken:
        taken = self._command(_DATA, GO_AHEAD, "DATA", "", None, self._state.reverse_path)
        if taken is True:
            self.within = True
            self._play.stage = _BODY
        return taken

    def _command(  # noqa: PLR0913, PLR0917 - what a Heard would hold, which takes longer to make
        self, stage: Stage, reply: Reply, verb: str, argument: str, address: str | None, reverse_path: str | None
    ) -> Taken:
        """Ask the script about a command, and say what is correct if that is what it decides."""
        play, state = self._play, self._state
        host, record = play.host, play.record
        now = host.clock.now
        began = now()
        state.commands += 1
        reply = play.dialogue.spoken(reply)
        decider = host.decider
        silent = isinstance(decider, Engine) and stage in decider.silent
        decision = (
            PLAIN
            if silent
            else decider.on(
                Event(
                    stage=stage,
                    at=began,
                    session=record.number,
                    client=record.client,
                    transaction=play.transactions,
                    helo=state.helo,
                    user=state.user,
                    tls=state.tls,
                    reverse_path=reverse_path,
                    rcpt=address if stage is _RCPT else None,
                    recipients=state.recipients,
                    parameters=state.parameters,
                    argument=argument,
                    verb=verb,
                )
            )
        )
        command = f"{verb} {argument}" if argument else verb
        if decision.actions is not PROCEEDING or not play.wire.put(reply.render()):
            heard = Heard(stage, reply, verb, argument, path=None if address is None else Path(address))
            return self._answer(heard, Moment(stage, began, decision, reply, command, address))
        host.journal.add(
            Entry(
                began=began,
                at=now(),
                session=record.number,
                stage=stage,
                command=command,
                address=address,
                reply=reply,
                rule=decision.rule,
                near_misses=decision.near_misses,
            )
        )
        play.stage = _IDLE
        return True

    def _message(self, octets: bytes) -> Taken:
        """Take a message, if this is all of it and nothing else."""
        play, state, host = self._play, self._state, self._play.host
        size = len(octets) - 3
        # Looked for first is what is nowhere else as a rule: then the message was looked through only once.
        stuffed = octets.find(b"\r\n.") != size - 2
        whole = octets.find(_END) == size - 2 >= 0 if stuffed else octets.endswith(_END)
        plain = whole and octets[:1] != b"." and host.store.holds(size)
        if not plain or size > state.size_limit or host.decider.body_marks():
            play.wire.unread(octets)
            return self._go_on(self._receiver.message())
        decider = host.decider
        silent = isinstance(decider, Engine) and _BODY in decider.silent
        begins = PLAIN if silent else play.ask(_BODY, size=0)
        if begins.actions is not PROCEEDING or begins.rule:
            play.wire.unread(octets)
            return self._go_on(self._receiver.message(begins))
        content = octets[:size]
        if stuffed:
            content = content.replace(b"\r\n.", b"\r\n")
        return self._end(Arrived(content, len(content), message_id(content)))

    def _end(self, arrived: Arrived) -> Taken:
        play, state, host = self._play, self._state, self._play.host
        now = host.clock.now
        began, correct = now(), play.dialogue.spoken(QUEUED)
        decision = play.ask_at_end(Heard(_DOT, correct), arrived, state.recipients)
        if decision.actions is not PROCEEDING or not play.wire.put(correct.render()):
            return self._go_on(self._receiver.end(arrived, decision))
        message = Message(
            at=began,
            session=play.record.number,
            reverse_path=state.reverse_path or "",
            recipients=state.recipients,
            content=arrived.content,
            size=arrived.size,
            message_id=arrived.message_id,
            committed=True,
        )
        state.reset()
        host.journal.receive(message)
        if host.on_commit is not None:
            host.on_commit(message)
        if play.wire.flush():
            host.journal.answer(message, correct)
        host.journal.add(
            Entry(
                began=began,
                at=now(),
                session=play.record.number,
                stage=_DOT,
                reply=correct,
                rule=decision.rule,
                near_misses=decision.near_misses,
                message=message,
            )
        )
        play.stage = _IDLE
        return True

    async def _go_on(self, rest: Awaitable[None]) -> None:
        await rest
        self._play.stage = Stage.IDLE
