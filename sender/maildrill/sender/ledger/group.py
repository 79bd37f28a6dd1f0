"""Group commit: writes that come while another group is written share one transaction, and one wait for the disk.

Rule 1: in the order in which they came; all of a group, or none. Rule 2: a write that was begun is never abandoned;
a stop request that comes meanwhile is for the caller's next wait. Rule 3: no timer, and no thread but where the disk is
waited for, so that a drill in virtual time is the same every time. Rule 4: one group at a time is on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass

Write = Callable[[], object]


class _Queued:
    """A write that waits for its group, and whoever waits for it."""

    __slots__ = ("error", "finished", "waiter", "write")

    def __init__(self, write: Write) -> None:
        self.write = write
        self.waiter: asyncio.Future[None] | None = None
        self.finished = False
        self.error: BaseException | None = None

    def finish(self, error: BaseException | None = None) -> None:
        """It is written, or never will be."""
        self.finished = True
        self.error = error
        if self.waiter is not None and not self.waiter.done():  # done: a stop request came first
            self.waiter.set_result(None)


@dataclass(frozen=True, slots=True)
class Apart:
    """How a group is written where the disk is waited for in a thread, while the loop goes on.

    begin: do all of these in a transaction that stays open, or in none at all and raise; where writes always are done.
    end: make that transaction durable, or take it back and raise; called in the thread.
    """

    begin: Callable[[Sequence[Write]], None]
    end: Callable[[], None]
    thread: Executor


@dataclass(frozen=True, slots=True, eq=False)
class _Ending:
    """A group whose transaction is on its way to the disk."""

    queue: Sequence[_Queued]
    done: Future[None]


class GroupCommit:
    """Gathers writes. commit: do all of these in one transaction, durable when it returns, or raise.

    apart: where the disk is to be waited for in a thread; None: `commit` does it all.
    """

    def __init__(self, commit: Callable[[Sequence[Write]], None]) -> None:
        self.apart: Apart | None = None
        self._commit = commit
        self._queue: list[_Queued] = []
        self._ending: _Ending | None = None

    async def write(self, write: Write) -> None:
        """Do `write` with its group; return when it is durable, and raise what the group raised."""
        loop = asyncio.get_running_loop()
        if not self._queue and self._ending is None:
            loop.call_soon(self._turn, loop)
        queued = _Queued(write)
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

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """A turn is over since the first of these writes came."""
        if self.apart is None:
            self.flush()
        elif self._queue and self._ending is None:
            self._begin(loop, self.apart)

    def _begin(self, loop: asyncio.AbstractEventLoop, apart: Apart) -> None:
        """Do what waits, and have the thread wait for the disk."""
        queue, self._queue = self._queue, []
        try:
            apart.begin([queued.write for queued in queue])
            self._ending = ending = _Ending(queue, apart.thread.submit(apart.end))
        except Exception as error:
            _finish(queue, error)
            return
        ending.done.add_done_callback(lambda _: _tell(loop, self._ended, loop, ending))

    def _ended(self, loop: asyncio.AbstractEventLoop, ending: _Ending) -> None:
        """The thread is done with a group: what came meanwhile is the next one, whoever has waited for this one."""
        if ending is self._ending:
            self.wait()
        self._turn(loop)

    def wait(self) -> None:
        """Wait until nothing is on its way to the disk, whoever else has to wait for that."""
        ending, self._ending = self._ending, None
        if ending is not None:
            _finish(ending.queue, ending.done.exception())

    def now(self, write: Write) -> None:
        """Do `write` at once, behind all that waits; raise what the group raised."""
        self.flush(write)

    def flush(self, last: Write | None = None) -> None:
        """Commit what waits, and `last`."""
        self.wait()
        queue, self._queue = self._queue, []
        writes = [queued.write for queued in queue]
        if last is not None:
            writes.append(last)
        if not writes:
            return
        try:
            self._commit(writes)
        except Exception as error:
            _finish(queue, error)
            if last is not None:
                raise
            return
        _finish(queue)


def _finish(queue: Sequence[_Queued], error: BaseException | None = None) -> None:
    for queued in queue:
        queued.finish(error)


def _tell(loop: asyncio.AbstractEventLoop, *call: object) -> None:
    with suppress(RuntimeError):  # the loop was closed: nobody waits any more
        loop.call_soon_threadsafe(*call)  # type: ignore[arg-type]


def _stop_later() -> None:
    """Have the stop request come at the next wait of this task."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
        task.cancel()
