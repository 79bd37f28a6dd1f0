"""Several processes that send one campaign together: this one begins them, keeps their log, and hears how they end.

Rule 1: they are forked before the ledger is open: a connection of SQLite's must not be carried through a fork
(https://www.sqlite.org/howtocorrupt.html). Rule 2: the logs have one writer, which is this process. Rule 3: when one of
them fails, or is gone, the others are asked to stop; what that one had under way the next run finds in the ledger.
Rule 4: signals are for this process alone.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.process import BaseProcess

from maildrill.cli.crew_ends import CrewEnd, HandEnd, Lines, keep, new_ends
from maildrill.cli.crew_words import Answer, Ended, Failed, Go, Look, Order, Stop
from maildrill.cli.stopping import held_back, leave_signals
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.share import Share
from maildrill.smtp import MaildrillError

_AT_ONCE = 1 << 18  # octets that are read in one go
_PAUSE = 0.01  # seconds; a hand that says 4 MB in a second has said 40 KB then
_PAUSED = b'"kind":"campaign.paused"'

#: What a hand does, from its beginning to its end.
Work = Callable[[Share, HandEnd], None]


@dataclass(eq=False)
class _Hand:
    """One process, as it is seen from here. open: what is read from it still."""

    place: int
    process: BaseProcess
    end: CrewEnd
    events: Lines = field(default_factory=Lines)
    text: Lines = field(default_factory=Lines)
    open: int = 3
    answer: Answer | None = None

    @property
    def name(self) -> str:
        """What it is called in errors."""
        return f"process {self.place + 1}, pid {self.process.pid}"


class Crew:
    """The processes of a run; `begin` makes one."""

    def __init__(self, hands: Sequence[_Hand]) -> None:
        self._hands = hands
        self._told = False  # of a pause

    async def send(self, go: Go, log: ConnectionLog, stop: asyncio.Event) -> Ended:
        """Have them send; write down in `log` what they say; return what it came to, once the last one ended.

        stop: asks them to stop. Raises what the first of them failed with.
        """
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        for hand in self._hands:
            for file, heard in (
                (hand.end.words.fileno(), self._word),
                (hand.end.events, partial(self._events, log)),
                (hand.end.text, partial(self._text, log)),
            ):
                loop.add_reader(file, self._read, loop, over, hand, file, heard)
        self._say(go)
        stopping = asyncio.create_task(self._pass_on(stop), name="maildrill stop")
        try:
            await over
        finally:
            stopping.cancel()
            await asyncio.wait([stopping])
        return self._sum()

    def _read(
        self,
        loop: asyncio.AbstractEventLoop,
        over: asyncio.Future[None],
        hand: _Hand,
        file: int,
        heard: Callable[[_Hand], bool],
    ) -> None:
        """Something can be read from a hand, or it is gone."""
        loop.remove_reader(file)
        try:
            more = heard(hand)
        except Exception as error:  # nobody else would raise it: this is a call-back
            if not over.done():
                over.set_exception(error)
            return
        if more:  # once in a while, and then all that has come: a hand writes a few lines at a time
            loop.call_later(_PAUSE, loop.add_reader, file, self._read, loop, over, hand, file, heard)
            return
        hand.open -= 1
        if not hand.open and not isinstance(hand.answer, Ended):
            self._say(Stop())
        if not any(one.open for one in self._hands) and not over.done():
            over.set_result(None)

    def _word(self, hand: _Hand) -> bool:
        try:
            hand.answer = hand.end.words.recv()
        except (EOFError, OSError):
            return False
        return True

    def _events(self, log: ConnectionLog, hand: _Hand) -> bool:
        octets = os.read(hand.end.events, _AT_ONCE)
        lines = hand.events.whole(octets)
        if lines:
            log.adopt(lines.splitlines(keepends=True), b"")
            if _PAUSED in lines and not self._told:
                self._told = True
                self._say(Look())
        return bool(octets)

    def _text(self, log: ConnectionLog, hand: _Hand) -> bool:
        octets = os.read(hand.end.text, _AT_ONCE)
        lines = hand.text.whole(octets)
        if lines:
            log.adopt((), lines)
        return bool(octets)

    async def _pass_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._say(Stop())

    def _say(self, order: Order) -> None:
        for hand in self._hands:
            if not isinstance(hand.answer, Ended | Failed):
                with suppress(OSError):  # gone: its end is read
                    hand.end.words.send(order)

    def _sum(self) -> Ended:
        """Return what they did, all together."""
        for hand in self._hands:
            hand.process.join()
            if isinstance(hand.answer, Failed):
                raise hand.answer.error()
        for hand in self._hands:
            if not isinstance(hand.answer, Ended):
                raise _lost(hand)
        ended = [hand.answer for hand in self._hands if isinstance(hand.answer, Ended)]
        return Ended(sum(one.connections for one in ended), sum(one.attempts for one in ended))


@contextmanager
def begin(processes: int, work: Work) -> Iterator[Crew]:
    """Begin so many processes that do `work` once they are told to go; at the end wait for all of them.

    Left before that, they end without having done anything.
    """
    hands: list[_Hand] = []
    try:
        with held_back():
            _fork(processes, work, hands)
        for hand in hands:
            hand.answer = _first_word(hand)
        yield Crew(hands)
    finally:
        for hand in hands:
            hand.end.close()
        for hand in hands:
            hand.process.join()


def _fork(processes: int, work: Work, hands: list[_Hand]) -> None:
    """Begin so many, and put them into `hands`, as far as that goes; raises MaildrillError where it goes no further."""
    context = multiprocessing.get_context("fork")
    ends: list[tuple[CrewEnd, HandEnd]] = []
    try:
        ends.extend(new_ends() for _ in range(processes))
        for place, (ours, _) in enumerate(ends):
            process = context.Process(
                target=_live, args=(Share(place, processes), ends, work), name=f"maildrill {place + 1}"
            )
            process.start()
            hands.append(_Hand(place, process, ours))
    except OSError as error:
        raise MaildrillError(
            f"{processes} processes cannot be begun: {error.strerror or error}",
            expected="room for so many, and for what joins them: limits on processes (`ulimit -u`) and on open files "
            "(`ulimit -n`), memory",
            hint="nothing was sent. Use fewer --processes, or have the limits raised",
        ) from None
    finally:
        for ours, theirs in ends:
            theirs.close()
            if not any(hand.end is ours for hand in hands):
                ours.close()


def _live(share: Share, ends: Sequence[tuple[CrewEnd, HandEnd]], work: Work) -> None:
    """What a process does after the fork."""
    leave_signals()
    own = ends[share.place][1]
    keep(own, ends)
    work(share, own)


def _first_word(hand: _Hand) -> Answer:
    """Wait until a hand is ready: then nobody but us has our end of its pipe."""
    try:
        answer: Answer = hand.end.words.recv()
    except (EOFError, OSError):
        raise _lost(hand) from None
    return answer


def _lost(hand: _Hand) -> MaildrillError:
    hand.process.join()
    code = hand.process.exitcode or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"is gone with exit status {code}"
    return MaildrillError(
        f"one of the processes ({hand.name}) {how}",
        expected="every process to live until its share is sent",
        hint="nothing that was written is lost; whose message it had under way is said to be unknown. "
        "Run again to go on",
    )
