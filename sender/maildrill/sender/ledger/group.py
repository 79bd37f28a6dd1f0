"""Group commit: writes that come in one turn of the loop share one transaction, and one wait for the disk.

Rule 1: in the order in which they came; all of a group, or none. Rule 2: a write that was begun is never abandoned;
a stop request that comes meanwhile is for the caller's next wait. Rule 3: no thread and no timer, so that a drill in
virtual time is the same every time. Rule 4: where a wait for the disk is dear, turns that bring more writes are waited
for; one that brings none ends the group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

Write = Callable[[], object]


class _Queued:
    """A write that waits for its group, and whoever waits for it."""

    __slots__ = ("error", "finished", "waiter", "write")

    def __init__(self, write: Write) -> None:
        self.write = write
        self.waiter: asyncio.Future[None] | None = None
        self.finished = False
        self.error: Exception | None = None

    def finish(self, error: Exception | None = None) -> None:
        """It is written, or never will be."""
        self.finished = True
        self.error = error
        if self.waiter is not None and not self.waiter.done():  # done: a stop request came first
            self.waiter.set_result(None)


class GroupCommit:
    """Gathers writes. commit: do all of these in one transaction, durable when it returns, or raise.

    patience: so many more turns a group is open, as long as each brings more writes.
    """

    def __init__(self, commit: Callable[[Sequence[Write]], None], patience: int = 0) -> None:
        self.patience = patience
        self._commit = commit
        self._queue: list[_Queued] = []

    async def write(self, write: Write) -> None:
        """Do `write` with its group; return when it is durable, and raise what the group raised."""
        loop = asyncio.get_running_loop()
        if not self._queue:
            loop.call_soon(self._turn, loop, 0, self.patience)
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

    def _turn(self, loop: asyncio.AbstractEventLoop, known: int, patience: int) -> None:
        """A turn is over since there were `known` writes: wait for another one if it brought more, else commit."""
        if patience and len(self._queue) > known:
            loop.call_soon(self._turn, loop, len(self._queue), patience - 1)
        else:
            self.flush()

    def now(self, write: Write) -> None:
        """Do `write` at once, behind all that waits; raise what the group raised."""
        self.flush(write)

    def flush(self, last: Write | None = None) -> None:
        """Commit what waits, and `last`."""
        queue, self._queue = self._queue, []
        writes = [queued.write for queued in queue]
        if last is not None:
            writes.append(last)
        if not writes:
            return
        try:
            self._commit(writes)
        except Exception as error:
            for queued in queue:
                queued.finish(error)
            if last is not None:
                raise
            return
        for queued in queue:
            queued.finish()


def _stop_later() -> None:
    """Have the stop request come at the next wait of this task."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
        task.cancel()
