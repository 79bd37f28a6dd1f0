"""The sender killed at every write of its ledger: nothing lost, nothing doubled, Unknown only where a dot had left.

A kill is played by keeping what is on the disk at that moment and breaking off; another run goes on with that.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, NoReturn

import pytest

from maildrill.sender.attempt import State, Verdict
from maildrill.sender.campaign import Limits, Mode, RetryPolicy, UnknownPolicy
from maildrill.sender.fold import fold
from maildrill.sender.ledger import Intent
from maildrill.smtp import Stage

OnStage = Callable[..., Any]

SCRIPT = """
[[rule]]
at = "rcpt"
rcpt = "r0@*"
reply = "550 5.1.1 no such user"

[[rule]]
at = "rcpt"
rcpt = "r1@*"
key = "rcpt"
attempt = "1"
reply = "450 4.2.1 busy"

[[rule]]
at = "dot"
rcpt = "r2@*"
key = "message"
attempt = "1"
reply = "451 4.3.0 not now"
"""


class KilledError(BaseException):
    """The process is gone."""


class Killing:
    """A ledger whose `nth` write kills the sender, before or after it is done."""

    def __init__(self, ledger: Any, nth: int, file: Path, *, after: bool) -> None:
        self._ledger = ledger
        self._left = nth
        self._file = file
        self._after = after
        self.killed = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        return self._watched(found) if name in ("enrol", "intend", "record", "settle", "learn", "ended") else found

    def _watched(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            last = self._last()
            found = None if last and not self._after else write(*given, **named)
            return self._kill() if last else found

        async def awaited(*given: Any, **named: Any) -> Any:
            last = self._last()
            found = None if last and not self._after else await write(*given, **named)
            return self._kill() if last else found

        return awaited if iscoroutinefunction(write) else watched

    def _last(self) -> bool:
        """Count a write; return whether the process dies in it."""
        if self.killed:
            raise KilledError
        self._left -= 1
        return not self._left

    def _kill(self) -> NoReturn:
        self.killed = True
        left_behind = self._file.with_suffix(".killed")
        left_behind.mkdir()
        for file in self._file.parent.glob(f"{self._file.name}*"):
            shutil.copy(file, left_behind)
        raise KilledError


@pytest.mark.parametrize("policy", list(UnknownPolicy))
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(1, 14))
def test_killed_at_any_write(on_stage: OnStage, nth: int, after: bool, policy: UnknownPolicy) -> None:
    """Invariants I1 to I4 and I38, judged by the server's journal."""
    doubted: set[str] = set()

    async def main(stage: Any) -> None:
        killing: list[Killing] = []

        def wrap(ledger: Any) -> Any:
            killing.append(Killing(ledger, nth, stage.file, after=after))
            return killing[0]

        with pytest.raises(KilledError):
            await stage.send(wrap)
        stage.file = stage.file.with_suffix(".killed") / stage.file.name
        await stage.send()
        doubted.update(attempt.recipient for attempt in stage.attempts if attempt.row == "recovered")

    retry = RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=86400.0, unknown=policy)
    stage = on_stage(SCRIPT, 5, main, retry=retry, limits=Limits(connections=1))
    taken = {address: stage.journal.committed(address) for address in stage.states}

    assert stage.states.keys() == {f"r{n}@x.example" for n in range(5)}
    assert stage.states["r0@x.example"] is State.FAILED
    for address, state in stage.states.items():
        if address in doubted and policy is UnknownPolicy.AT_MOST_ONCE:
            assert state is State.UNKNOWN
        elif address != "r0@x.example":
            assert state is State.DELIVERED
        assert taken[address] <= (2 if address in doubted and policy is UnknownPolicy.AT_LEAST_ONCE else 1)
        assert state is not State.DELIVERED or taken[address] >= 1
    dots = [entry for entry in stage.journal.entries if entry.stage is Stage.DOT]
    assert len(doubted) <= 1
    assert len(dots) >= 4 - len(doubted)


class KilledBeforeTheDot(Killing):
    """A ledger that dies when the final dot of a transaction is to be written down."""

    def _watched(self, write: Callable[..., Any]) -> Callable[..., Any]:
        async def intend(intent: Intent, *then: Callable[[], object]) -> None:
            if intent.keys:
                self._kill()
            await write(intent, *then)

        return intend if write.__name__ == "intend" else write


def test_who_was_refused_before_a_kill_is_not_asked_again(on_stage: OnStage) -> None:
    """Invariants I7 and I9: the refusals of a transaction are on the disk before the message of the others leaves."""

    async def main(stage: Any) -> None:
        with pytest.raises(KilledError):
            await stage.send(lambda ledger: KilledBeforeTheDot(ledger, 0, stage.file, after=False))
        stage.file = stage.file.with_suffix(".killed") / stage.file.name
        await stage.send()

    stage = on_stage(SCRIPT, 5, main, mode=Mode.BATCH, limits=Limits(connections=1))
    tries = {n: [one for one in stage.attempts if one.recipient == f"r{n}@x.example"] for n in range(5)}
    first, second = (asked.at for asked in stage.journal.asked("r1@x.example"))

    assert len(stage.journal.asked("r0@x.example")) == 1
    assert [(one.row, one.verdict, str(one.reply)) for one in tries[0]] == [
        ("rcpt-5yz", Verdict.FAILED, "550 5.1.1 no such user")
    ]
    assert (second - first >= 300, [one.row for one in tries[1]]) == (True, ["rcpt-4yz", "dot-2yz"])
    assert stage.states == {f"r{n}@x.example": State.FAILED if n == 0 else State.DELIVERED for n in range(5)}
    assert fold(stage.memory.events) == stage.states
