"""Group commit, whatever comes when: a write is finished only after a flush that began after its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maildrill.sender.ledger.group import TURNS, GroupCommit, Told, Write

STEPS = (
    "write",
    "write",
    "unawaited",
    "turn",
    "turn",
    "ends",
    "ends",
    "now",
    "settle",
    "stop",
    "fails here",
    "fails beside",
)


class BadBlockError(Exception):
    """What a disk says that has lost something."""


class Platter:
    """A disk: what it was given, in order, and how much of that a loss of power would leave.

    As with Linux, who flushes again after a failure hears that all is well, and what was lost stays lost.
    """

    def __init__(self, kind: type[GroupCommit]) -> None:
        self.given: list[int] = []
        self.safe = 0
        self.fails = False
        self.lost = False
        self.told: Told | None = None
        self._begun = 0
        self.group = kind(self._commit)
        self.group.disk = self

    def _commit(self, writes: Sequence[Write]) -> None:
        for write in writes:
            write()

    def flush(self) -> Exception | None:
        """All that was given, unless it fails."""
        failed, self.fails = self.fails, False
        return self._flushed(len(self.given), failed=failed)

    def begin(self, loop: asyncio.AbstractEventLoop, told: Told) -> None:
        """Flush what was given until now, and say so when the test wants it."""
        assert self.told is None, "asked again before it has answered"
        self._begun, self.told = len(self.given), told

    def end(self, *, failed: bool) -> None:
        """End the flush that was begun."""
        told, self.told = self.told, None
        if told is not None:
            told(self._flushed(self._begun, failed=failed))

    def _flushed(self, count: int, *, failed: bool) -> Exception | None:
        self.lost = self.lost or failed
        if not self.lost:
            self.safe = max(self.safe, count)
        return BadBlockError() if failed else None


class Story:
    """Writes that come, flushes that end, and what must hold after each step."""

    def __init__(self, kind: type[GroupCommit]) -> None:
        self.disk = Platter(kind)
        self.tasks: list[asyncio.Task[None]] = []
        self.told: set[int] = set()  # writes that somebody was told are done
        self._next = 0

    def _write(self) -> tuple[int, Write]:
        number, self._next = self._next, self._next + 1
        return number, lambda: self.disk.given.append(number)

    async def _written(self, number: int, write: Write, *, flushed: bool) -> None:
        with suppress(BadBlockError):
            await self.disk.group.write(write, flushed=flushed)
            if flushed:
                self.told.add(number)
            else:
                assert number in self.disk.given, "not committed"

    async def step(self, what: str) -> None:
        """Do it, and look at whom that has told what."""
        if what in ("write", "unawaited"):
            self.tasks.append(asyncio.create_task(self._written(*self._write(), flushed=what == "write")))
            await asyncio.sleep(0)
        elif what == "turn":
            for _ in range(4 + TURNS):
                await asyncio.sleep(0)
        elif what in ("ends", "fails beside"):
            self.disk.end(failed=what != "ends")
        elif what == "stop":
            for task in self.tasks[-1:]:
                task.cancel()
        else:
            self._at_once(what)
        self.judge()

    def _at_once(self, what: str) -> None:
        if what == "settle":
            self.disk.group.settle()
            return
        self.disk.fails = what == "fails here"
        number, write = self._write()
        with suppress(BadBlockError):
            self.disk.group.now(write)
            self.told.add(number)
        self.disk.fails = False

    def judge(self) -> None:
        """Hold what was told against what a loss of power would leave."""
        safe = set(self.disk.given[: self.disk.safe])
        assert self.told <= safe, f"{self.told - safe} would be lost"
        assert self.disk.given == sorted(self.disk.given), "out of order"

    async def end(self) -> None:
        """Let all flushes end; then nobody waits any more, and all is written unless the disk has failed."""
        while not all(task.done() for task in self.tasks):
            await self.step("turn")
            await self.step("ends")
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.judge()
        stopped = {number for number in range(self._next) if number not in self.disk.given}
        assert self.disk.lost or not stopped, "abandoned"


def _played(steps: Sequence[str], kind: type[GroupCommit] = GroupCommit) -> None:
    async def whole() -> None:
        story = Story(kind)
        for what in steps:
            await story.step(what)
        await asyncio.wait_for(story.end(), 10)

    asyncio.run(whole())


@given(st.lists(st.sampled_from(STEPS), max_size=40))
@settings(max_examples=300)
def test_nobody_is_told_before_it_is_on_the_disk(steps: Sequence[str]) -> None:
    """Commits, flushes here and beside, faults and stop requests in any order; nothing is abandoned or overtaken."""
    _played(steps)


class AtTheCommit(GroupCommit):
    """The seeded defect: a write is finished when it is committed."""

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        for queued in self._committed:
            queued.finish()
        super()._begin(loop)


class WithTheNextAnswer(GroupCommit):
    """The seeded defect: a flush that ends covers all that is committed, also what came after it began."""

    def _ended(self, loop: asyncio.AbstractEventLoop, error: Exception | None) -> None:
        self._covered, self._committed = [*self._covered, *self._committed], []
        super()._ended(loop, error)


class Trusting(GroupCommit):
    """The seeded defect: a disk that has failed a flush is asked again."""

    def check(self) -> None:
        self._failure = None


DEFECTS = {
    AtTheCommit: ["write", "turn"],
    WithTheNextAnswer: ["write", "turn", "write", "turn", "ends", "turn"],
    Trusting: ["write", "turn", "fails beside", "turn", "write", "turn", "ends", "turn"],
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found(defect: type[GroupCommit]) -> None:
    """Each by a short story that the law above draws from."""
    _played(DEFECTS[defect])

    with pytest.raises(AssertionError, match="would be lost"):
        _played(DEFECTS[defect], defect)
