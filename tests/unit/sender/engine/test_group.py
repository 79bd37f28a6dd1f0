"""Group commit: one transaction for all that comes in one turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from maildrill.sender.ledger.group import GroupCommit, Write


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


def test_a_patient_group_is_open_while_more_comes() -> None:
    """A turn of the loop that brings nothing ends it, and so does the last of its turns."""

    async def story(disk: Disk) -> None:
        async def later(what: int, turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await disk.write(what)

        disk.group.patience = 3
        await asyncio.gather(disk.write(1), later(2, 1), later(3, 2), later(4, 4))
        await asyncio.gather(disk.write(5), later(6, 3))

    assert _played(story).groups == [[1, 2, 3], [4], [5], [6]]


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
