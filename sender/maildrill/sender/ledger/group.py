"""Group commit: writes that come in one turn share a transaction, and all that is committed meanwhile shares a flush.

Rule 1: in the order in which they came; all of a group, or none. Rule 2: a write that was begun is never abandoned;
a stop request that comes meanwhile is for the caller's next wait. Rule 3: no thread, and no timer where there is no
disk, so that a drill in virtual time is the same every time. Rule 4: where a disk is waited for, a write is finished
when a flush that began after its commit has ended well; a disk that failed a flush gets nothing more, and nobody is
told that it did. Rule 5: who says so waits for the commit alone; the next flush takes that along, or one soon begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

Write = Callable[[], object]
#: What is done when a write is durable, before anybody goes on for whom it was done.
Then = Callable[[], object]
#: So many turns of the loop a group waits for more, as long as each brings some: all whom a flush has let go on come
#: back at nearly the same time, and a commit or a flush for each of them costs more than those turns.
TURNS = 2
#: Seconds until a flush is begun for what nobody waits for.
SOON = 0.02
#: Told how a flush ended: None where all that was committed before it began is on the disk.
Told = Callable[[Exception | None], None]


class Disk(Protocol):
    """Where what is committed has to be flushed before it is durable."""

    def flush(self) -> Exception | None:
        """Flush, and return when that has ended: what went wrong, if anything."""
        ...

    def begin(self, loop: asyncio.AbstractEventLoop, told: Told) -> None:
        """Begin to flush, and call `told` once, in `loop`, when that has ended; not asked again before."""
        ...


class _Queued:
    """A write that waits for its group, and whoever waits for it."""

    __slots__ = ("error", "finished", "flushed", "then", "waiter", "write")

    def __init__(self, write: Write, then: Then | None, *, flushed: bool) -> None:
        self.write = write
        self.then = then
        self.flushed = flushed
        self.waiter: asyncio.Future[None] | None = None
        self.finished = False
        self.error: BaseException | None = None

    def finish(self, error: BaseException | None = None) -> None:
        """It is written, or never will be."""
        if error is None and self.then is not None:
            try:
                self.then()
            except Exception as wrong:
                error = wrong
        self.finished = True
        self.error = error
        if self.waiter is not None and not self.waiter.done():  # done: a stop request came first
            self.waiter.set_result(None)


class GroupCommit:
    """Gathers writes. commit: do all of these in one transaction, or raise.

    disk: what has to be flushed before a commit is durable; None: what `commit` has done is. turns: how many a group
    waits for more; 0: there are no groups, each write is done at once (where a commit costs nothing).
    """

    def __init__(self, commit: Callable[[Sequence[Write]], None]) -> None:
        self.disk: Disk | None = None
        self.turns = TURNS
        self._commit = commit
        self._queue: list[_Queued] = []
        self._committed: list[_Queued] = []  # and no flush has begun since
        self._covered: list[_Queued] = []  # by the flush that is on its way
        self._flushing: asyncio.AbstractEventLoop | None = None  # in which a flush is on its way
        self._unawaited = False  # something is committed for whose flush nobody waits, and none has begun since
        self._soon: asyncio.AbstractEventLoop | None = None  # in which one is soon begun for that
        self._failure: Exception | None = None

    async def write(self, write: Write, then: Then | None = None, *, flushed: bool = True) -> None:
        """Do `write` with its group; return when it is durable, and raise what the group raised.

        then: called when it is durable; it returns only later, when all that `then` has asked the loop for is done,
        but where there are no groups: there it returns at once.
        flushed: False where it is enough that it is committed, and may be lost with the power.
        """
        if not self.turns and not self._queue:
            self.now(write)
            if then is not None:
                then()
            return
        loop = asyncio.get_running_loop()
        if not self._queue:
            loop.call_soon(self._turn, loop, 0, self.turns)
        queued = _Queued(write, then, flushed=flushed)
        self._queue.append(queued)
        stopped = False
        while not queued.finished:
            queued.waiter = loop.create_future()
            try:
                await queued.waiter
            except asyncio.CancelledError:
                stopped = True
        if stopped:
            _stop_later()
        if queued.error is not None:
            raise queued.error

    def now(self, write: Write) -> None:
        """Do `write` at once, behind all that waits; return when it is durable, and raise what the group raised."""
        if self.disk is None and not self._queue:  # nothing waits, and there is nothing to flush
            self._commit((write,))
            return
        error = self._commit_all(write) or self._flush()
        if error is not None:
            raise error

    def check(self) -> None:
        """Raise what keeps anything from being written, where a flush has failed."""
        if self._failure is not None:
            raise self._failure

    def sync(self) -> None:
        """Make durable at once all that is committed; raise where that fails."""
        error = self._flush()
        if error is not None:
            raise error

    def settle(self) -> None:
        """Make durable at once what somebody waits for; nobody else hears of it where that fails."""
        if self._committed or self._covered or self._unawaited:
            self._flush()

    def _turn(self, loop: asyncio.AbstractEventLoop, seen: int, left: int) -> None:
        """A turn is over since the first of these writes came, or since there were `seen`."""
        count = len(self._queue)
        if left and count > seen:
            loop.call_soon(self._turn, loop, count, left - 1)
            return
        self._commit_all()
        self._begin(loop)
        if self._unawaited and self._soon is not loop:
            self._begin_soon(loop)

    def _begin_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        self._soon = loop
        loop.call_later(SOON, self._lingered, loop)

    def _lingered(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have flushed what is committed, if nobody has come whose flush has taken it along."""
        self._soon = None
        if self._unawaited and self._flushing is loop:
            self._begin_soon(loop)
        elif self._unawaited:
            self._begin_flush(loop)

    def _commit_all(self, last: Write | None = None) -> Exception | None:
        """Commit what waits, and `last`; return why it could not be done."""
        queue, self._queue = self._queue, []
        writes = [queued.write for queued in queue]
        if last is not None:
            writes.append(last)
        if not writes:
            return None
        try:
            self.check()
            self._commit(writes)
        except Exception as error:
            _finish(queue, error)
            return error
        if self.disk is None:
            self._committed += queue
            return None
        for queued in queue:
            if queued.flushed:
                self._committed.append(queued)
            else:
                self._unawaited = True
                queued.finish()
        return None

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have flushed what somebody waits for, unless a flush is on its way: then it is the next one's."""
        if self.disk is None or (self._committed and self._flushing is not loop):
            self._begin_flush(loop)

    def _begin_flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin a flush; flush at once where one is on its way in a loop that has ended: nobody will hear of that."""
        if self.disk is None or self._flushing is not None:
            self._flush()
            return
        self._flushing, self._unawaited = loop, False
        self._covered, self._committed = self._committed, []
        self.disk.begin(loop, lambda error: self._ended(loop, error))

    def _ended(self, loop: asyncio.AbstractEventLoop, error: Exception | None) -> None:
        """A flush has ended, whoever has waited for it."""
        self._flushing = None
        if error is not None:
            self._failure = error  # what it has lost it takes for written from now on (see `flusher`)
            self._flush()
            return
        covered, self._covered = self._covered, []
        _finish(covered)
        self._begin(loop)

    def _flush(self) -> Exception | None:
        """Flush at once, unless a flush has failed; return why that was, or is."""
        if self.disk is not None and self._failure is None:
            self._failure = self.disk.flush()
        self._unawaited = False
        done, self._covered, self._committed = [*self._covered, *self._committed], [], []
        _finish(done, self._failure)
        return self._failure


def _finish(queue: Sequence[_Queued], error: BaseException | None = None) -> None:
    for queued in queue:
        queued.finish(error)


def _stop_later() -> None:
    """Have the stop request come at the next wait of this task."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
        task.cancel()
