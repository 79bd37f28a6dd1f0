"""Group commit: one transaction for all that comes in one turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from maildrill.sender.ledger import group
from maildrill.sender.ledger.group import Apart, GroupCommit, Write

LIMIT = 10.0  # seconds for a thread that should wait for nothing


class Disk:
    """Keeps what was committed together."""

    def __init__(self) -> None:
        self.groups: list[list[object]] = []
        self.full = False
        self.group = GroupCommit(self._commit)

    def _commit(self, writes: Sequence[Write]) -> None:
        if self.full:
            raise OSError("disk full")
        self.groups.append([write() for write in writes])

    async def write(self, what: object) -> None:
        """Write it with its group."""
        await self.group.write(lambda: what)


class SlowDisk(Disk):
    """A disk that a thread waits for: until its `turn` comes."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = Event()
        self.fails_at = "end"
        self._asked = asyncio.Event()
        self._open: list[object] = []
        self._thread = ThreadPoolExecutor(1)
        self.group.apart = Apart(self._begin, self._end, self._thread)

    async def asked(self) -> None:
        """Wait until the thread has been asked to wait."""
        await self._asked.wait()
        self._asked.clear()

    def _begin(self, writes: Sequence[Write]) -> None:
        if self.full and self.fails_at == "begin":
            raise OSError("disk full at the begin")
        self._open = [write() for write in writes]
        self._asked.set()

    def _end(self) -> None:
        self.turn.wait(LIMIT)
        if self.full:
            raise OSError("disk full at the end")
        self.groups.append(self._open)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()


def _slowly(story: Callable[[SlowDisk], Coroutine[Any, Any, None]]) -> SlowDisk:
    disk = SlowDisk()
    asyncio.run(story(disk))
    disk.close()
    return disk


def _played(story: Callable[[Disk], Coroutine[Any, Any, None]]) -> Disk:
    disk = Disk()
    asyncio.run(story(disk))
    return disk


def test_writes_of_one_turn_share_a_transaction() -> None:
    """In the order in which they came; the next turn has one of its own."""

    async def story(disk: Disk) -> None:
        await asyncio.gather(disk.write(1), disk.write(2), disk.write(3))
        await disk.write(4)

    assert _played(story).groups == [[1, 2, 3], [4]]


def test_a_thread_waits_for_the_disk() -> None:
    """What comes meanwhile is the next group, and goes on its way when the first is there."""

    async def story(disk: SlowDisk) -> None:
        first = [asyncio.create_task(disk.write(what)) for what in (1, 2)]
        await disk.asked()
        second = [asyncio.create_task(disk.write(what)) for what in (3, 4)]
        await asyncio.sleep(0)
        assert disk.groups == []
        disk.turn.set()
        await asyncio.gather(*first)
        assert disk.groups[0] == [1, 2]
        await asyncio.gather(*second)
        disk.turn.clear()
        third = asyncio.create_task(disk.write(5))
        await disk.asked()
        disk.turn.set()
        await third

    assert _slowly(story).groups == [[1, 2], [3, 4], [5]]


def test_a_write_at_once_waits_for_the_thread() -> None:
    """So that nothing overtakes: what waits for its turn goes along."""

    async def story(disk: SlowDisk) -> None:
        first = asyncio.create_task(disk.write(1))
        await disk.asked()
        second = asyncio.create_task(disk.write(2))
        await asyncio.sleep(0)
        disk.turn.set()
        disk.group.now(lambda: 3)
        assert disk.groups == [[1], [2, 3]]
        await asyncio.gather(first, second)
        await disk.write(4)

    assert _slowly(story).groups == [[1], [2, 3], [4]]


def test_who_only_reads_waits_for_the_thread_too() -> None:
    """And does not keep what came meanwhile from being written."""

    async def story(disk: SlowDisk) -> None:
        first = asyncio.create_task(disk.write(1))
        await disk.asked()
        second = asyncio.create_task(disk.write(2))
        await asyncio.sleep(0)
        disk.turn.set()
        disk.group.wait()
        assert disk.groups == [[1]]
        await asyncio.gather(first, second)

    assert _slowly(story).groups == [[1], [2]]


def test_a_thread_that_fails_fails_for_its_group_alone() -> None:
    """Nobody goes on as if it had been written; the next group is tried."""

    async def story(disk: SlowDisk) -> None:
        disk.turn.set()
        disk.full = True
        for at in ("end", "begin"):
            disk.fails_at = at
            found = await asyncio.gather(disk.write(1), disk.write(2), return_exceptions=True)
            assert [str(error) for error in found] == [f"disk full at the {at}"] * 2
        disk.full = False
        await disk.write(3)

    assert _slowly(story).groups == [[3]]


def test_a_loop_that_is_gone_is_not_told() -> None:
    """A thread may be done when nobody waits any more."""
    disk = SlowDisk()

    async def story() -> None:
        asyncio.create_task(disk.write(1)).cancel()
        waiting = asyncio.create_task(disk.write(2))
        await disk.asked()
        waiting.add_done_callback(lambda _: None)
        asyncio.get_running_loop().stop()

    loop = asyncio.new_event_loop()
    task = loop.create_task(story())
    loop.run_forever()
    for left in asyncio.all_tasks(loop):
        left.cancel()
    loop.close()
    disk.turn.set()
    disk.group.wait()

    assert (task.done(), disk.groups) == (True, [[2]])


def test_a_write_at_once_takes_along_what_waits() -> None:
    """So that nothing overtakes."""

    async def story(disk: Disk) -> None:
        waiting = asyncio.create_task(disk.write(1))
        await asyncio.sleep(0)
        disk.group.now(lambda: 2)
        await waiting
        disk.group.now(lambda: 3)

    assert _played(story).groups == [[1, 2], [3]]


def test_who_waits_goes_on_when_it_is_written() -> None:
    """Not before: the dot follows (invariant I37)."""

    async def story(disk: Disk) -> None:
        waiting = asyncio.create_task(disk.write(1))
        await asyncio.sleep(0)
        assert (disk.groups, waiting.done()) == ([], False)
        await waiting
        assert disk.groups == [[1]]

    _played(story)


def test_a_group_that_fails_fails_for_everybody_in_it() -> None:
    """Nobody goes on as if it had been written."""

    async def story(disk: Disk) -> None:
        disk.full = True
        found = await asyncio.gather(disk.write(1), disk.write(2), return_exceptions=True)
        assert [str(error) for error in found] == ["disk full"] * 2
        with pytest.raises(OSError, match="disk full"):
            disk.group.now(lambda: 3)

    assert _played(story).groups == []


def test_a_stop_request_waits_for_the_write() -> None:
    """It comes at the next wait: what was written is acted upon first, however often one asks."""

    async def story(disk: Disk) -> None:
        steps: list[str] = []

        async def work() -> None:
            await disk.write(1)
            steps.append("written")
            await asyncio.sleep(0)
            steps.append("never")

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (disk.groups, steps) == ([[1]], ["written"])

    _played(story)


def test_a_stop_request_that_meets_the_end_of_the_write() -> None:
    """Asked for in the very turn in which the write is done."""

    async def story(disk: Disk) -> None:
        steps: list[str] = []

        async def work() -> None:
            await disk.write(1)
            steps.append("written")
            await asyncio.sleep(0)
            steps.append("never")

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        disk.group.flush()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (disk.groups, steps) == ([[1]], ["written"])

    _played(story)


def test_a_thread_that_is_done_after_the_loop_tells_nobody() -> None:
    """Whoever waited is gone with the loop: that is no error of the thread."""
    loop = asyncio.new_event_loop()
    loop.close()

    group._tell(loop, print)
