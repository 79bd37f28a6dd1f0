"""Take a message in: by DATA, up to its final dot (RFC 5321), or by BDAT, chunk by chunk (RFC 3030).

Rule 1: a chunk is read whatever is said to it, else its octets would pass for commands.
Rule 2: whether a message is taken is known before its reply is performed.
"""

from __future__ import annotations

import sys
from asyncio import CancelledError
from collections.abc import Sequence

from maildrill.fakeserver.engine.event import Decision, Say, Sip
from maildrill.fakeserver.journal.journal import Message
from maildrill.fakeserver.message.body import BareNewlines, Body, Chunks, message_id
from maildrill.fakeserver.protocol.dialogue import Heard
from maildrill.fakeserver.session import faults
from maildrill.fakeserver.session.faults import Done
from maildrill.fakeserver.session.handing_on import Errand, destination
from maildrill.fakeserver.session.performance import PLAIN, SILENT, Arrived, Moment, Performance, shown
from maildrill.smtp import Reply, Stage

#: Octets of a chunk that are read at once.
_PIECE = 65536


#: At the end of a message, for all or in LMTP for one of its recipients: who decides, and what.
End = tuple[Stage, Decision]


class Receiver:
    """Takes the messages of one session in."""

    def __init__(self, performance: Performance) -> None:
        self._play = performance
        self._chunks: Chunks | None = None
        self._marks: list[int] = []
        self._pace: Sip | None = None  # how the script has the message read, None for as it comes
        self._rest_at = 0  # octets after which nothing is read for a while

    async def message(self, begins: Decision | None = None) -> None:
        """Take a message in, from its first octet to the reply to its final dot.

        begins: what the script decided about its first octet, if it was asked.
        """
        play = self._play
        play.stage = Stage.BODY
        self._begin()
        body = Body(play.dialogue.state.size_limit, play.host.store)
        try:
            await play.wire.await_octet()
            early = await self._mark(0, begins)
            whole = False
            while not whole:
                stop = self._stop(early)
                most = sys.maxsize if stop is None else max(1, stop - body.seen)
                whole = await play.wire.read_body(body, stop, most)
                early = early or await self._passed(body.seen)
                if not whole:
                    await self._rest(body.seen)
        finally:
            body.release()
        heard = play.dialogue.end_of_data(body.size, body.content, crowded=body.crowded)
        await self._end(heard, Arrived(body.content, body.size, message_id(body.content)), early)

    def close(self) -> None:
        """The session is over: forget a message that has not come to its end."""
        if self._chunks is not None:
            self._chunks.release()

    async def chunk(self, heard: Heard) -> None:
        """Take in what comes behind BDAT, and reply; with the last chunk the message ends."""
        play, announced = self._play, heard.chunk
        assert announced is not None  # noqa: S101 - the caller saw it
        if self._chunks is None or play.dialogue.state.octets is None:
            self.close()
            self._chunks = Chunks(play.dialogue.state.size_limit, play.host.store)
            self._begin()
        if not heard.scripted:
            self._chunks.drop()
        play.stage = Stage.BDAT
        early = await self._read_chunk(self._chunks, announced.size)
        if self._chunks.crowded and heard.scripted:
            heard = play.dialogue.crowd_out(heard)
        if early is not None:
            await play.carry_out(Moment(Stage.BDAT, play.now, SILENT, command=shown(heard)))
            self._refuse(heard, early)
        elif heard.scripted and announced.last:
            content = self._chunks.content
            self._chunks.release()
            await self._end(heard, Arrived(content, self._chunks.size, message_id(content)), None)
        else:
            await self._reply(heard)

    async def _read_chunk(self, chunks: Chunks, left: int) -> Reply | None:
        """Read so many octets; returns what was said before they were all there."""
        early: Reply | None = None
        bare = BareNewlines()
        if left and not chunks.size:
            await self._play.wire.await_octet()
            early = await self._mark(0)
        while left:
            most, stop = min(left, _PIECE), self._stop(early)
            if stop is not None:
                most = max(1, min(most, stop - chunks.size))
            octets = await self._play.wire.read_some(most)
            left -= len(octets)
            chunks.feed(octets)
            self._play.record.bare_newlines -= bare.feed(octets)  # they have been counted, and are no newlines here
            early = early or await self._passed(chunks.size)
            await self._rest(chunks.size)
        self._play.record.bare_newlines -= bare.end()
        return early

    async def _reply(self, heard: Heard) -> None:
        """Answer a chunk that does not end the message, or that is out of place."""
        play = self._play
        decision = play.ask_about(heard) if heard.scripted else PLAIN
        reply = await play.carry_out(Moment(Stage.BDAT, play.now, decision, heard.reply, shown(heard)))
        if not heard.scripted or (reply is not None and reply.klass > 3):
            self._refuse(heard, reply or heard.reply)
        else:
            play.dialogue.take_chunk(heard.chunk.size if heard.chunk is not None else 0)

    def _refuse(self, heard: Heard, reply: Reply) -> None:
        self._play.dialogue.take(heard, reply)
        if self._chunks is not None:
            self._chunks.drop()

    def _begin(self) -> None:
        """A message begins."""
        self._marks = [*self._play.host.decider.body_marks()]
        self._pace = None

    def _stop(self, early: Reply | None) -> int | None:
        """Return after how many octets something is to be done, None for never."""
        stops = [*(self._marks[:1] if early is None else ()), *(() if self._pace is None else (self._rest_at,))]
        return min(stops, default=None)

    async def _rest(self, seen: int) -> None:
        """Read nothing for a while where the script has the message read little by little, and it is time."""
        if self._pace is not None and seen >= self._rest_at:
            await self._play.wire.pause(self._pace.seconds)
            self._rest_at = seen + self._pace.octets

    async def _passed(self, seen: int) -> Reply | None:
        """Ask the script at each mark that the message has reached; returns what was said."""
        early: Reply | None = None
        while self._marks and self._marks[0] <= seen and early is None:
            early = await self._mark(self._marks.pop(0))
        return early

    async def _mark(self, size: int, decision: Decision | None = None) -> Reply | None:
        play = self._play
        stage = play.stage
        decision = decision or play.ask(Stage.BODY, size=size)
        early = await play.carry_out(Moment(Stage.BODY, play.now, decision))
        pace = faults.sipped(decision.actions)
        if pace is not None:
            self._pace, self._rest_at = pace, size + pace.octets
        play.stage = stage
        return early

    async def end(self, arrived: Arrived, decision: Decision) -> None:
        """End a message about which the script has decided."""
        await self._end(self._play.dialogue.end_of_data(arrived.size, arrived.content), arrived, None, decision)

    async def _end(self, heard: Heard, arrived: Arrived, early: Reply | None, asked: Decision | None = None) -> None:
        """A message is whole: take it or not, and reply, unless that was done before its end.

        asked: what the script decided, if it was asked.
        """
        play, state = self._play, self._play.dialogue.state
        began = play.now
        correct = heard if heard.chunk is None else play.dialogue.end_of_data(arrived.size, arrived.content)
        # In LMTP each recipient has a reply of its own (RFC 2033 section 4.2).
        each = state.recipients if state.offer.lmtp else ()
        if asked is not None:
            ends = [(correct.stage, asked)]
        elif early is None:
            ends = [self._decide(heard, correct, arrived, (rcpt,)) for rcpt in each]
            ends = ends or [self._decide(heard, correct, arrived, state.recipients)]
        else:  # a message gets one reply, and that was it; other recipients hear the same
            ends = [(correct.stage, SILENT)] + [(correct.stage, Decision((Say(early),)))] * (len(each) - 1)
        handed = await self._hand_on(began, heard, arrived, ends, each)
        ends = [(stage, decision) for (stage, _), (decision, _) in zip(ends, handed, strict=True)]
        taken = [correct.scripted and faults.taken(decision.actions, correct.reply) for _, decision in ends]
        message = self._message(began, arrived, taken, each)
        play.dialogue.reset()
        play.host.journal.receive(message)
        if message.committed and play.host.on_commit is not None:
            play.host.on_commit(message)
        for place, (stage, decision) in enumerate(ends):
            rcpt, command = each[place] if each else None, "" if place else shown(heard)
            last = place == len(ends) - 1
            moment = Moment(stage, began, decision, correct.reply, command, rcpt, message, last)
            moment.handed_on = handed[place][1]
            await play.carry_out(moment)

    def _message(self, began: float, arrived: Arrived, taken: Sequence[bool], each: Sequence[str]) -> Message:
        state = self._play.dialogue.state
        return Message(
            at=began,
            session=self._play.record.number,
            reverse_path=state.reverse_path or "",
            recipients=state.recipients,
            content=arrived.content,
            size=arrived.size,
            message_id=arrived.message_id,
            committed=any(taken),
            committed_for=tuple(rcpt for rcpt, took in zip(each, taken, strict=False) if took),
            parameters=state.parameters,
            rcpt_parameters=state.rcpt_parameters,
        )

    async def _hand_on(
        self, began: float, heard: Heard, arrived: Arrived, ends: Sequence[End], each: Sequence[str]
    ) -> list[tuple[Decision, str]]:
        """Hand a message on as decided, in LMTP for each recipient; returns each decision settled, and what was said.

        Nobody can know whether it is there if the client goes before the other server has replied.
        """
        play, state = self._play, self._play.dialogue.state
        handed = [(decision, "") for _, decision in ends]
        for place, (stage, decision) in enumerate(ends):
            where = destination(decision)
            if where is None:
                continue
            play.stage = stage
            errand = Errand(
                transaction=play.transactions,
                reverse_path=state.reverse_path or "",
                parameters=state.parameters,
                recipients={rcpt: state.rcpt_parameters.get(rcpt, {}) for rcpt in each[place:][:1] or state.recipients},
                content=arrived.content,
            )
            try:
                handed[place] = await play.hand_on(decision, errand, ends=True)
            except CancelledError:
                message = self._message(began, arrived, [], ())
                play.host.journal.receive(message)
                moment = Moment(stage, began, decision, command=shown(heard), message=message)
                moment.handed_on = f"{where}: the client went before there was a reply"
                play.note(moment, Done())
                raise
        return handed

    def _decide(
        self, heard: Heard, correct: Heard, arrived: Arrived, recipients: Sequence[str]
    ) -> tuple[Stage, Decision]:
        """Return who decides and what: of the last chunk `bdat` where a rule answers there, else `dot` as ever."""
        if not correct.scripted:
            return correct.stage, PLAIN
        if heard.chunk is not None:
            decision = self._play.ask_at_end(heard, arrived, recipients)
            if decision.answered:
                return Stage.BDAT, decision
        return Stage.DOT, self._play.ask_at_end(correct, arrived, recipients)
