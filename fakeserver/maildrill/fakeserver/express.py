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
from maildrill.fakeserver.event import PROCEEDING, Event
from maildrill.fakeserver.journal import Entry, Message
from maildrill.fakeserver.judges import GO_AHEAD, QUEUED, RECIPIENT_OK, SENDER_OK
from maildrill.fakeserver.performance import Arrived, Moment, Performance
from maildrill.fakeserver.receiving import Receiver
from maildrill.smtp import Stage

#: In MAIL the first group is the address, in RCPT the second, in DATA there is none.
_PLAIN = re.compile(rf"(?:MAIL FROM:<({PLAIN_ADDRESS})>|RCPT TO:<({PLAIN_ADDRESS})>|DATA)\r\n".encode())
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
        taken = self._command(
            Heard(Stage.MAIL, SENDER_OK, "MAIL", f"FROM:<{address}>", path=Path(address)), address, None
        )
        if taken is True:
            self._state.reverse_path = address
        return taken

    def _rcpt(self, address: str) -> Taken:
        state = self._state
        heard = Heard(Stage.RCPT, RECIPIENT_OK, "RCPT", f"TO:<{address}>", path=Path(address))
        taken = self._command(heard, state.reverse_path, address)
        if taken is True:
            state.recipients += (address,)
        return taken

    def _data(self) -> Taken:
        taken = self._command(Heard(Stage.DATA, GO_AHEAD, "DATA"), self._state.reverse_path, None)
        if taken is True:
            self.within = True
            self._play.stage = Stage.BODY
        return taken

    def _command(self, heard: Heard, reverse_path: str | None, rcpt: str | None) -> Taken:
        """Ask the script about a command, and say what is correct if that is what it decides."""
        play, state = self._play, self._state
        host, record, began = play.host, play.record, play.now
        state.commands += 1
        heard.reply = play.dialogue.spoken(heard.reply)
        decision = host.decider.on(
            Event(
                stage=heard.stage,
                at=began,
                session=record.number,
                client=record.client,
                transaction=play.transactions,
                helo=state.helo,
                user=state.user,
                tls=state.tls,
                reverse_path=reverse_path,
                rcpt=rcpt,
                recipients=state.recipients,
                parameters=state.parameters,
                argument=heard.argument,
                verb=heard.verb,
            )
        )
        command = f"{heard.verb} {heard.argument}" if heard.argument else heard.verb
        address = None if heard.path is None else heard.path.address
        if decision.actions is not PROCEEDING or not play.wire.put(heard.reply.render()):
            return self._answer(heard, Moment(heard.stage, began, decision, heard.reply, command, address))
        host.journal.add(
            Entry(
                began=began,
                at=play.now,
                session=record.number,
                stage=heard.stage,
                command=command,
                address=address,
                reply=heard.reply,
                rule=decision.rule,
                near_misses=decision.near_misses,
            )
        )
        play.stage = Stage.IDLE
        return True

    def _message(self, octets: bytes) -> Taken:
        """Take a message, if this is all of it and nothing else."""
        play, state, host = self._play, self._state, self._play.host
        size = len(octets) - 3
        plain = 0 <= octets.find(_END) == size - 2 and octets[:1] != b"." and host.store.holds(size)
        if not plain or size > state.size_limit or host.decider.body_marks():
            play.wire.unread(octets)
            return self._go_on(self._receiver.message())
        begins = play.ask(Stage.BODY, size=0)
        if begins.actions is not PROCEEDING or begins.rule:
            play.wire.unread(octets)
            return self._go_on(self._receiver.message(begins))
        content = octets[:size]
        if content.find(b"\r\n.") >= 0:
            content = content.replace(b"\r\n.", b"\r\n")
        return self._end(Arrived(content, len(content), message_id(content)))

    def _end(self, arrived: Arrived) -> Taken:
        play, state, host = self._play, self._state, self._play.host
        began, correct = play.now, play.dialogue.spoken(QUEUED)
        decision = play.ask_at_end(Heard(Stage.DOT, correct), arrived, state.recipients)
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
                at=play.now,
                session=play.record.number,
                stage=Stage.DOT,
                reply=correct,
                rule=decision.rule,
                near_misses=decision.near_misses,
                message=message,
            )
        )
        play.stage = Stage.IDLE
        return True

    async def _go_on(self, rest: Awaitable[None]) -> None:
        await rest
        self._play.stage = Stage.IDLE
