"""The system has the intents of all transactions before one of their dots leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from maildrill.sender.campaign import Limits
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.log_sinks import Memory

OnStage = Callable[..., Any]
PEOPLE = 12


class Handed(Memory):
    """A sink that knows what the system has. early: sessions whose dot was said before the system had its intent."""

    def __init__(self) -> None:
        super().__init__()
        self.early: list[object] = []
        self.dots = 0
        self._held: list[object] = []
        self._has: list[object] = []

    def take(self, number: int, at: float, kind: str, fields: Mapping[str, object]) -> None:
        """Keep it, and look at each dot."""
        super().take(number, at, kind, fields)
        if kind == "transaction.intent":
            self._held.append(fields["session"])
        if kind == "line" and (fields["mark"], fields["text"]) == ("->", "."):
            self.dots += 1
            if fields["session"] in self._has:
                self._has.remove(fields["session"])
            else:
                self.early.append(fields["session"])

    def flush(self) -> None:
        """The system has it all."""
        self._has += self._held
        self._held.clear()


@pytest.fixture
def handed(on_stage: OnStage) -> Callable[[], Handed]:
    """Send to twelve people by four sessions, with a log that is flushed as real sending has it."""

    def send() -> Handed:
        async def main(stage: Any) -> None:
            stage.memory, stage.eager = Handed(), True
            await stage.send()

        found: Handed = on_stage("", PEOPLE, main, limits=Limits(connections=4)).memory
        return found

    return send


def test_no_dot_leaves_before_the_system_has_its_intent(handed: Callable[[], Handed]) -> None:
    """It is flushed in the turn of the loop in which the ledger has it, before its session goes on."""
    log = handed()

    assert (log.dots, log.early) == (PEOPLE, [])


def test_a_flush_that_comes_too_late_is_found(handed: Callable[[], Handed], monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded defect: nothing is flushed before a session ends."""
    monkeypatch.setattr(ConnectionLog, "_flush_soon", lambda _: None)

    assert len(handed().early) >= PEOPLE // 2
