"""Group commit: one transaction for all that comes in one turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from contextvars import Context
from functools import partial
from typing import Any, TypeVar, TypeVarTuple, Unpack

import pytest

from maildrill.sender.ledger.group import SOON, TURNS, GroupCommit, Told, Write

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


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

    async def write(self, what: object, *, flushed: bool = True) -> None:
        """Write it with its group."""
        await self.group.write(lambda: what, flushed=flushed)


class SlowDisk(Disk):
    """A disk that has to be flushed: `cached` is what it was given, `groups` what it has. The test ends its flushes."""

    def __init__(self) -> None:
        super().__init__()
        self.cached = self.groups
        self.groups = []
        self.fault: Exception | None = None
        self.told: list[Told] = []
        self._begun = 0
        self.group.disk = self

    def _commit(self, writes: Sequence[Write]) -> None:
        if self.full:
            raise OSError("disk full")
        self.cached.append([write() for write in writes])

    def flush(self) -> Exception | None:
        """Have it all, or fail."""
        if self.fault is None:
            self.groups = list(self.cached)
        return self.fault

    def begin(self, loop: asyncio.AbstractEventLoop, told: Told) -> None:
        """Have later what it has been given until now."""
        assert loop is asyncio.get_running_loop()
        self._begun = len(self.cached)
        self.told.append(told)

    def end(self, error: Exception | None = None) -> None:
        """End the flush that was begun."""
        if error is None:
            self.groups = self.cached[: max(self._begun, len(self.groups))]
        self.told.pop()(error)


async def _turns(count: int = 3 + TURNS) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def _outcomes(*tasks: asyncio.Task[None]) -> list[str]:
    return ["waits" if not task.done() else str(task.exception() or "written") for task in tasks]


def _told(story: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop | None = None) -> T:
    """Run a story to its end, which is near: a write is never abandoned, so that nothing else would end the test."""
    with closing(loop or asyncio.new_event_loop()) as played:
        task = played.create_task(story)
        for _ in range(500):
            if task.done():
                return task.result()
            played.call_soon(played.stop)
            played.run_forever()
    raise AssertionError("somebody waits for ever")


def _played(story: Callable[[Disk], Coroutine[Any, Any, None]]) -> Disk:
    disk = Disk()
    _told(story(disk))
    return disk


def test_what_follows_on_a_group_is_done_before_anybody_goes_on() -> None:
    """For each of its writes, in order, and with all that it asks the loop for; not where they were not written."""
    seen: list[object] = []

    async def write(disk: Disk, what: int) -> None:
        def then() -> None:
            seen.append((what, disk.groups[-1]))
            asyncio.get_running_loop().call_soon(seen.append, "soon")

        await disk.group.write(lambda: what, then)
        seen.append("goes on")

    async def story(disk: Disk) -> None:
        await asyncio.gather(write(disk, 1), write(disk, 2), disk.write(3))
        disk.full = True
        with pytest.raises(OSError, match="disk full"):
            await write(disk, 4)

    _played(story)

    assert [one for one in seen if one != "soon"] == [(1, [1, 2, 3]), (2, [1, 2, 3]), "goes on", "goes on"]
    assert seen.index("soon") < seen.index("goes on")


def test_what_cannot_follow_is_told_to_whom_it_concerns() -> None:
    """The others of the group go on."""

    def fail() -> None:
        raise ValueError("cannot follow")

    async def story(disk: Disk) -> None:
        outcomes = asyncio.gather(disk.group.write(lambda: 1, fail), disk.write(2), return_exceptions=True)
        assert [str(outcome) for outcome in await outcomes] == ["cannot follow", "None"]

    assert _played(story).groups == [[1, 2]]


def test_writes_of_one_turn_share_a_transaction() -> None:
    """In the order in which they came; the next turn has one of its own."""

    async def story(disk: Disk) -> None:
        await asyncio.gather(disk.write(1), disk.write(2), disk.write(3))
        await disk.write(4)

    assert _played(story).groups == [[1, 2, 3], [4]]


def test_a_write_is_finished_when_a_flush_behind_its_commit_has_ended() -> None:
    """What comes while one is on its way is committed at once, and is the next one's."""

    async def story() -> SlowDisk:
        disk = SlowDisk()
        first = [asyncio.create_task(disk.write(what)) for what in (1, 2)]
        await _turns()
        assert (disk.cached, _outcomes(*first), len(disk.told)) == ([[1, 2]], ["waits"] * 2, 1)
        second = [asyncio.create_task(disk.write(what)) for what in (3, 4)]
        await _turns()
        third = asyncio.create_task(disk.write(5))
        await _turns()
        assert (disk.cached, len(disk.told)) == ([[1, 2], [3, 4], [5]], 1)
        disk.end()
        await _turns()
        assert _outcomes(*first, *second, third) == ["written"] * 2 + ["waits"] * 3
        disk.end()
        await asyncio.gather(*second, third)
        assert disk.told == []
        last = asyncio.create_task(disk.write(6))
        await _turns()
        disk.end()
        await last
        return disk

    assert _told(story()).groups == [[1, 2], [3, 4], [5], [6]]


def test_a_group_waits_for_a_crowd_and_no_longer() -> None:
    """Those who come turn by turn share a commit, so many turns at most; who comes alone is asked for one turn."""

    async def story() -> SlowDisk:
        disk = SlowDisk()
        crowd = []
        for what in range(TURNS + 3):
            crowd.append(asyncio.create_task(disk.write(what)))
            await _turns(1)
        await _turns()
        disk.end()
        await _turns()
        disk.end()
        await asyncio.gather(*crowd)
        alone = asyncio.create_task(disk.write("alone"))
        await _turns(3)
        assert disk.cached[-1] == ["alone"]
        disk.end()
        await alone
        return disk

    first, second, _ = _told(story()).groups

    assert (len(first), [*first, *second]) == (TURNS + 1, list(range(TURNS + 3)))


@pytest.mark.parametrize("turns", [TURNS, 0])
def test_a_commit_that_is_all_there_is_waits_for_a_crowd_too(turns: int) -> None:
    """Where no disk is flushed; and for nobody where there are no groups."""
    groups: list[list[object]] = []

    async def story() -> None:
        group = GroupCommit(lambda writes: groups.append([write() for write in writes]))
        group.turns = turns
        crowd = []
        for what in range(TURNS + 1):
            crowd.append(asyncio.create_task(group.write(partial(int, what))))
            await _turns(1)
        await asyncio.gather(*crowd)

    _told(story())

    everybody = list(range(TURNS + 1))
    assert groups == ([everybody] if turns else [[what] for what in everybody])


def test_without_groups_a_write_is_done_before_anything_else_is() -> None:
    """And what follows on it; what was queued before there were none goes first, and a failure is the writer's own."""
    done: list[object] = []

    async def story(disk: Disk) -> None:
        queued = asyncio.create_task(disk.write(1))
        await asyncio.sleep(0)
        disk.group.turns = 0
        behind = asyncio.create_task(disk.write(2))
        await asyncio.gather(queued, behind)
        asyncio.get_running_loop().call_soon(done.append, "a turn")
        await disk.group.write(lambda: 3, lambda: done.append(disk.groups[-1]))
        disk.full = True
        with pytest.raises(OSError, match="disk full"):
            await disk.group.write(lambda: 4, lambda: done.append(4))
        assert done == [[3]]

    assert _played(story).groups == [[1, 2], [3]]


def test_whoever_does_not_say_otherwise_waits_for_the_flush() -> None:
    """A commit alone does not survive the power."""

    async def story() -> None:
        disk = SlowDisk()
        writing = asyncio.create_task(disk.group.write(lambda: 1))
        await _turns()
        assert (disk.cached, _outcomes(writing)) == ([[1]], ["waits"])
        disk.end()
        await writing

    _told(story())


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time the test sets; asked: when it was to call back, by that time."""

    now = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Remember it."""
        self.asked.append(when)
        return super().call_at(when, callback, *args, context=context)

    def time(self) -> float:
        """Return what the test has set."""
        return self.now


@pytest.mark.parametrize("meanwhile", ["nothing", "a flush that began before", "a flush that begins behind", "an end"])
def test_what_nobody_waits_for_is_finished_at_the_commit_and_soon_flushed(meanwhile: str) -> None:
    """By the next flush that begins, whoever that is for, or else by one of its own; in each loop again."""
    disk = SlowDisk()

    async def story(loop: Clock) -> None:
        others = []
        if meanwhile == "a flush that began before":
            others.append(asyncio.create_task(disk.write("other")))
            await _turns()
        await disk.write("outcome", flushed=False)
        assert (disk.cached[-1], disk.groups[-1:]) == (["outcome"], [])
        if meanwhile == "a flush that begins behind":
            others.append(asyncio.create_task(disk.write("other")))
            await _turns()
        if meanwhile == "an end":
            disk.group.settle()
            assert disk.groups == disk.cached
        loop.now += 2 * SOON
        await _turns()
        if meanwhile == "a flush that began before":
            assert len(disk.told) == 1, "asked before it has answered"
            disk.end()
            await _turns()
            loop.now += 2 * SOON
            await _turns()
        if meanwhile != "an end":
            disk.end()
            await asyncio.gather(*others)
        loop.now += 2 * SOON
        await _turns()
        assert (disk.groups, disk.told) == (disk.cached, []), "flushed once"
        await disk.write("last", flushed=False)  # and the loop ends

    for _ in range(2):
        disk.cached, disk.groups = [], []
        loop = Clock()
        _told(story(loop), loop)
        assert disk.groups != disk.cached
        disk.group.settle()
        assert disk.groups == disk.cached


def test_a_flush_of_which_nobody_hears_keeps_nobody_waiting() -> None:
    """Its loop has ended meanwhile: what comes in another is flushed there, and its answer is for nobody."""
    disk = SlowDisk()

    async def begun(loop: Clock) -> None:
        await disk.write(1, flushed=False)
        loop.now += 2 * SOON
        await _turns()
        assert len(disk.told) == 1

    async def behind(loop: Clock) -> None:
        second = asyncio.create_task(disk.write(2))
        await _turns()
        assert _outcomes(second) == ["written"]
        await disk.write(3, flushed=False)
        loop.now += 2 * SOON
        await _turns()
        assert (disk.groups, len(disk.told)) == ([[1], [2], [3]], 1)

    for story in (begun, behind):
        loop = Clock()
        _told(story(loop), loop)


def test_one_flush_is_asked_for_whatever_nobody_waits_for() -> None:
    """However many outcomes come before it begins."""

    async def story(loop: Clock) -> None:
        disk = SlowDisk()
        for outcome in range(3):
            await disk.write(outcome, flushed=False)
            await _turns()
        assert loop.asked == [SOON]
        loop.now += 2 * SOON
        await _turns()
        assert (len(disk.cached), len(disk.told)) == (3, 1)

    loop = Clock()
    _told(story(loop), loop)


def test_a_failed_flush_that_nobody_waited_for_is_told_to_the_next() -> None:
    """No dot leaves behind it."""

    async def story(loop: Clock) -> None:
        disk = SlowDisk()
        await disk.write(1, flushed=False)
        loop.now += 2 * SOON
        await _turns()
        disk.end(OSError("bad block"))
        for flushed in (True, False):
            with pytest.raises(OSError, match="bad block"):
                await disk.write(2, flushed=flushed)
        loop.now += 2 * SOON
        await _turns()
        assert (disk.cached, disk.told) == ([[1]], [])

    loop = Clock()
    _told(story(loop), loop)


def test_without_a_disk_nobody_waits_for_a_flush() -> None:
    """And there is no timer: a drill in virtual time has none of these."""

    async def story(disk: Disk) -> None:
        await asyncio.gather(disk.write(1, flushed=False), disk.write(2))
        assert asyncio.get_running_loop()._scheduled == []  # type: ignore[attr-defined]

    assert _played(story).groups == [[1, 2]]


def test_a_write_at_once_is_flushed_at_once() -> None:
    """With all that waits, wherever: the flush that is on its way has then nobody who waits for it."""

    async def story() -> SlowDisk:
        disk = SlowDisk()
        first = asyncio.create_task(disk.write(1))
        await _turns()
        second = asyncio.create_task(disk.write(2))
        await _turns()
        third = asyncio.create_task(disk.write(3))
        await _turns(1)
        disk.group.now(lambda: 4)
        assert disk.groups == [[1], [2], [3, 4]]
        await asyncio.gather(first, second, third)
        fourth = asyncio.create_task(disk.write(5))
        await _turns()
        assert (len(disk.told), _outcomes(fourth)) == (1, ["waits"])
        disk.end()
        await _turns()
        assert (len(disk.told), _outcomes(fourth)) == (1, ["waits"])
        disk.end()
        await fourth
        return disk

    assert _told(story()).groups == [[1], [2], [3, 4], [5]]


def test_who_ends_the_ledger_settles_what_waits() -> None:
    """Nothing is flushed where nobody waits; what was committed by another way has to be asked for."""

    async def story() -> None:
        disk = SlowDisk()
        disk.cached.append(["by another way"])
        disk.group.settle()
        assert disk.groups == []
        disk.group.sync()
        assert disk.groups == [["by another way"]]
        first = asyncio.create_task(disk.write(1))
        await _turns()
        disk.group.settle()
        assert disk.groups[1:] == [[1]]
        second = asyncio.create_task(disk.write(2))
        await _turns()
        disk.group.settle()
        assert disk.groups[1:] == [[1], [2]]
        await asyncio.gather(first, second)

    _told(story())


def test_a_commit_that_fails_fails_for_its_group_alone() -> None:
    """A full disk may have room again; who waits for a flush goes on waiting for it."""

    async def story() -> None:
        disk = SlowDisk()
        first = asyncio.create_task(disk.write(1))
        await _turns()
        disk.full = True
        second = asyncio.create_task(disk.write(2))
        await _turns()
        assert _outcomes(first, second) == ["waits", "disk full"]
        with pytest.raises(OSError, match="disk full"):
            disk.group.now(lambda: 3)
        assert _outcomes(first) == ["waits"]
        disk.full = False
        third = asyncio.create_task(disk.write(4))
        await _turns()
        disk.end()
        disk.end()
        await asyncio.gather(first, third)
        assert disk.groups == [[1], [4]]

    _told(story())


@pytest.mark.parametrize("here", [False, True])
def test_a_disk_that_failed_a_flush_gets_nothing_more(*, here: bool) -> None:
    """Nobody is told that it was written: neither who waited, nor who comes, though the disk may say otherwise now."""

    async def story() -> None:
        disk = SlowDisk()
        writing = [asyncio.create_task(disk.write(1))]
        await _turns()
        writing.append(asyncio.create_task(disk.write(2)))
        await _turns()
        if here:
            disk.fault = OSError("bad block")
            with pytest.raises(OSError, match="bad block"):
                disk.group.sync()
            disk.fault = None
        else:
            disk.end(OSError("bad block"))
        writing.append(asyncio.create_task(disk.write(3)))
        await _turns()
        if here:
            disk.end()
            await _turns()
        assert _outcomes(*writing) == ["bad block"] * 3
        for act in (disk.group.check, disk.group.sync, lambda: disk.group.now(lambda: 4)):
            with pytest.raises(OSError, match="bad block"):
                act()
        disk.group.settle()
        assert (disk.cached, disk.told) == ([[1], [2]], [])

    _told(story())


def test_a_disk_that_works_is_not_in_the_way() -> None:
    """Nor is none at all."""
    for disk in (Disk(), SlowDisk()):
        disk.group.check()
        disk.group.sync()

        disk.group.now(lambda: 1)
        assert disk.groups == [[1]]


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


@pytest.mark.parametrize("stopped", ["before", "behind"])
def test_a_stop_request_that_meets_the_end_of_the_write(stopped: str) -> None:
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
        if stopped == "before":
            task.cancel()
        disk.group.now(lambda: 2)
        if stopped == "behind":
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (disk.groups, steps) == ([[1, 2]], ["written"])

    _played(story)
