"""The plain transaction in one go: MAIL, RCPT, DATA, a message that comes whole, RSET; nothing special about any.

Rule 1: what is special, and what a script has something to say about, is left to those whose work it is (Dialogue,
Performance, Receiver); here nothing is decided that they would decide otherwise, which a property test holds.
Rule 2: it is here for speed: most of what a client sends passes through, at half the cost. What is done at once takes
no time: it begins and ends at one reading of the clock.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from maildrill.fakeserver.engine.engine import Engine
from maildrill.fakeserver.engine.event import PROCEEDING, Event
from maildrill.fakeserver.journal.journal import Entry, Message
from maildrill.fakeserver.message.body import comes_plainly, message_id
from maildrill.fakeserver.protocol.command import Path
from maildrill.fakeserver.protocol.dialogue import STATUS, Heard
from maildrill.fakeserver.session.grouped import LONGEST, MAIL_LINE, RCPT_LINE, Grouped, holds, usual
from maildrill.fakeserver.session.performance import PLAIN, Arrived, Moment, Performance
from maildrill.fakeserver.session.receiving import Receiver
from maildrill.fakeserver.session.spoken import (
    GO_AHEAD,
    NOBODY,
    QUEUED,
    RECIPIENT_OK,
    RESET,
    SENDER_OK,
    Spoken,
    plainly_said,
)
from maildrill.smtp import Reply, Stage

_MAIL, _RCPT, _DATA, _RSET, _BODY, _DOT, _IDLE = (  # found faster than in their class
    Stage.MAIL,
    Stage.RCPT,
    Stage.DATA,
    Stage.RSET,
    Stage.BODY,
    Stage.DOT,
    Stage.IDLE,
)
#: Two groups are of MAIL, the third is of RCPT, the last of RSET; in DATA there is none.
_PLAIN = re.compile(rf"(?:{MAIL_LINE}|{RCPT_LINE}|DATA|(RSET))\r\n")
_OF_MAIL, _OF_RCPT, _OF_RSET = (1, 2), 3, 4
_SIZE_ALONE = frozenset({"SIZE"})
_DONE, _GO_ON = 2, 3  # the class of the reply with which MAIL, RCPT and RSET are done, and that of DATA
_VERBS = {_MAIL: "MAIL", _RCPT: "RCPT", _DATA: "DATA", _RSET: "RSET"}

#: Whether it was done; else nothing was, or all but what is left to wait for.
Taken = bool | Awaitable[None]


class Express:
    """The short way through one session. answer: the long way, from a decision on. within: a message is awaited."""

    def __init__(
        self, play: Performance, receiver: Receiver, answer: Callable[[Heard, Moment], Awaitable[None]]
    ) -> None:
        self._play = play
        self._state = play.dialogue.state
        self._limits = self._state.offer.limits
        self._receiver = receiver
        self._grouped = Grouped(play)
        self._answer = answer
        self.within = False

    def run(self, octets: bytes, ready: Callable[[bool], None]) -> tuple[Taken, bytes, bytes]:
        """Answer octets piece by piece, as far as they are plain: commands come in groups (RFC 2920).

        Returns what came of the last piece, that piece, and what is behind it. ready: called once, as all of it takes
        no time, if any was answered: with whether a command is to come behind the last one that was.
        """
        taken: Taken = True
        between: bool | None = None
        piece, behind, wire = b"", octets, self._play.wire
        wire.ahead = False
        while taken is True and behind:
            before, behind = behind, b""
            try:
                if self.within:
                    piece, self.within = before, False
                    taken = self._message(piece)
                elif self._grouped.answer(before):
                    piece, self.within = before, True
                else:
                    piece = before[: before.find(b"\n") + 1 or len(before)]
                    behind = before[len(piece) :]
                    taken = self._line(piece)
            except Exception as error:
                taken = _raised(error)
            if taken is True:
                between = not self.within
                wire.ahead = bool(behind)
        if between is not None:
            ready(between)
        return taken, piece, behind

    def _line(self, octets: bytes) -> Taken:
        """Answer a line that came while nothing was unread, if it is plain; no newline is bare in it then."""
        line = octets.decode("latin-1") if len(octets) <= LONGEST else ""
        plain = _PLAIN.fullmatch(line)
        if plain is None or not usual(self._play, 1):
            return False
        state, kind = self._state, plain.lastindex
        if kind == _OF_RSET:
            return self._reset(line)
        if (state.reverse_path is None) is not (kind in _OF_MAIL):
            return False
        if kind in _OF_MAIL:
            return holds(state, plain[2]) and self._mail(line, plain[1], plain[2])
        if kind == _OF_RCPT:
            return len(state.recipients) < self._limits.recipients and self._rcpt(line, plain[_OF_RCPT])
        return state.parameters.keys() <= _SIZE_ALONE and self._data(line)

    def _mail(self, line: str, address: str, declared: str | None) -> Taken:
        state = self._state
        self._play.transactions += 1
        parameters = {} if declared is None else {"SIZE": declared}
        said = self._command(_MAIL, SENDER_OK, line, address, address, None, said=parameters)
        if not isinstance(said, Reply):
            return said
        if said.klass == _DONE:
            state.reverse_path = address
            state.parameters = parameters
        return True

    def _rcpt(self, line: str, address: str) -> Taken:
        state = self._state
        said = self._command(_RCPT, RECIPIENT_OK, line, address, state.reverse_path, address)
        if not isinstance(said, Reply):
            return said
        if said.klass == _DONE:
            state.recipients += (address,)
        return True

    def _data(self, line: str) -> Taken:
        state = self._state
        said = self._command(_DATA, GO_AHEAD if state.recipients else NOBODY, line, None, state.reverse_path, None)
        if not isinstance(said, Reply):
            return said
        if said.klass == _GO_ON:
            self.within = True
            self._play.stage = _BODY
        return True

    def _reset(self, line: str) -> Taken:
        said = self._command(_RSET, RESET, line, None, self._state.reverse_path, None)
        if not isinstance(said, Reply):
            return said
        if said.klass == _DONE:
            self._state.reset()
        return True

    def _command(  # noqa: PLR0913, PLR0917 - an event has no fewer
        self,
        stage: Stage,
        correct: Spoken,
        line: str,
        address: str | None,
        reverse_path: str | None,
        rcpt: str | None,
        *,
        said: Mapping[str, str] | None = None,
    ) -> Reply | Awaitable[None]:
        """Ask the script about a command, and say what it decides, or what is correct; returns what was said at once.

        Else what is left to wait for is returned, and what was said is taken note of behind that.
        """
        play, state = self._play, self._state
        host, record = play.host, play.record
        now = host.clock.now()
        state.commands += 1
        reply, octets = correct[STATUS in state.keywords]
        decision = PLAIN
        if not self._needless(stage, state.recipients if rcpt is None else (rcpt,), reverse_path):
            decision = host.decider.on(
                Event(
                    stage,
                    now,
                    record.number,
                    record.client,
                    play.transactions,
                    state.helo,
                    state.user,
                    state.tls,
                    reverse_path,
                    rcpt,
                    state.recipients,
                    said or state.parameters,
                    _VERBS[stage],
                    line[5:-2],
                    size=int(said["SIZE"]) if said else None,
                    pipelined=play.wire.ahead,
                )
            )
        answer: Reply | None = reply
        if decision.actions is not PROCEEDING:
            answer = plainly_said(decision)
            if stage is _DATA and answer is not None and answer.klass == _GO_ON:
                answer = None  # it may be that nobody is there to take the message for
            octets = answer.render() if answer is not None else b""
        if answer is None or not play.wire.put(octets):
            path = None if address is None else Path(address, said or {})
            heard = Heard(stage, reply, _VERBS[stage], line[5:-2], path=path)
            return self._answer(heard, Moment(stage, now, decision, reply, line[:-2], address, parameters=said))
        entry = Entry(now, now, record.number, stage, line[:-2], address, answer, decision.rule, decision.near_misses)
        entry.parameters = said
        entry.unmatched = decision.unmatched
        host.journal.add(entry)
        play.stage = _IDLE
        return answer

    def _message(self, octets: bytes) -> Taken:
        """Take a message, if this is all of it and nothing else."""
        play, state, host = self._play, self._state, self._play.host
        size = len(octets) - 3
        if not comes_plainly(octets) or not self._fits(size) or host.decider.body_marks():
            play.wire.unread(octets)
            return self._go_on(self._receiver.message())
        begins = PLAIN if self._needless(_BODY, state.recipients, state.reverse_path) else play.ask(_BODY, size=0)
        if begins.actions is not PROCEEDING or begins.rule:
            play.wire.unread(octets)
            return self._go_on(self._receiver.message(begins))
        content = octets[:size]
        return self._end(content, size, message_id(content))

    def _needless(self, stage: Stage, rcpts: Sequence[str], path: str | None) -> bool:
        """Whether the script need not be asked about a moment: it goes on plainly."""
        decider = self._play.host.decider
        return isinstance(decider, Engine) and decider.needless(stage, rcpts, path)

    def _fits(self, size: int) -> bool:
        return size <= self._state.size_limit and self._play.host.store.holds(size)

    def _end(self, content: bytes, size: int, identity: str) -> Taken:
        play, state, host, record = self._play, self._state, self._play.host, self._play.record
        now = host.clock.now()
        correct, octets = QUEUED[STATUS in state.keywords]
        decision = PLAIN
        if not self._needless(_DOT, state.recipients, state.reverse_path):
            decision = host.decider.on(
                Event(
                    _DOT,
                    now,
                    record.number,
                    record.client,
                    play.transactions,
                    state.helo,
                    state.user,
                    state.tls,
                    state.reverse_path,
                    None,
                    state.recipients,
                    state.parameters,
                    "",
                    "",
                    identity,
                    content,
                    size,
                )
            )
        if decision.actions is not PROCEEDING or not play.wire.put(octets):
            return self._go_on(self._receiver.end(Arrived(content, size, identity), decision))
        message = Message(
            now, record.number, state.reverse_path or "", state.recipients, content, size, identity, committed=True
        )
        message.parameters = state.parameters
        state.reset()
        host.journal.receive(message)
        if host.on_commit is not None:
            host.on_commit(message)
        if play.wire.leaves:
            host.journal.answer(message, correct)
        host.journal.add(
            Entry(now, now, record.number, _DOT, "", None, correct, decision.rule, decision.near_misses, message)
        )
        play.stage = _IDLE
        return True

    async def _go_on(self, rest: Awaitable[None]) -> None:
        await rest
        self._play.stage = Stage.IDLE


async def _raised(error: Exception) -> None:
    """Raise an error where aiosmtpd takes care of it."""
    raise error
