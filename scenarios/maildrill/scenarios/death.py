"""One death: what is counted until then, and what the world is like when it has come.

A process that dies leaves three things: its files as they are at that moment, connections that its kernel closes, and
nothing else. Rule: whatever the dying program still does in its clean-up reaches neither file nor wire.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from inspect import isawaitable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

#: The methods of a ledger that write (see sender.ledger.Ledger).
WRITES = frozenset(
    {
        "enrol",
        "lease",
        "release",
        "renew",
        "intend",
        "record",
        "settle",
        "learn",
        "forget",
        "requeue",
        "resume",
        "ended",
    }
)


class DiedError(BaseException):
    """The process is no more: nothing of ours catches it."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a process dies: at the `number`-th event, from 1. what: the event in words, once it is known."""

    number: int
    what: str = ""

    def __str__(self) -> str:
        return f"{self.number}: {self.what}" if self.what else str(self.number)


class Death:
    """Counts what happens to a process, and ends it at the event `at`; 0: never.

    ledger: its file. remains: the folder that gets it as it is then. cut: closes the connections of the process, as
    its kernel would. counts: whether what happens is counted already. events: what has happened since it is, in words.
    over: done when it dies.
    """

    def __init__(
        self, at: int, ledger: Path, remains: Path, cut: Callable[[], None], counts: Callable[[], bool] = lambda: True
    ) -> None:
        self.events: list[str] = []
        self.dead = False
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._at = at
        self._ledger = ledger
        self._remains = remains
        self._cut = cut
        self._counts = counts

    def landed(self, _at: float, path: str, octets: bytes) -> None:
        """Hear what the network brings to one of the two sides: the tap of a virtual loop."""
        side = "the server" if path.endswith(">") else "the sender"
        self.happened(f"{octets[:40]!r} lands at {side}")

    def happened(self, what: str) -> bool:
        """Note an event; returns whether the process is dead, from now on or since before."""
        if not self.dead and self._counts():
            self.events.append(what)
            if len(self.events) == self._at:
                self._die()
        return self.dead

    def watched(self, ledger: Any) -> Any:
        """Return a ledger each write of which is two events: when it is about to be done, and when it is."""
        return _Watched(ledger, self)

    def write(self, name: str, write: Callable[[], Any]) -> Any:
        """Do a write of the ledger, if the process lives. Raises DiedError if it does not, or not any more."""
        if self.happened(f"before {name}"):
            raise DiedError
        done = write()
        if isawaitable(done):
            return self._awaited(name, done)
        if self.happened(f"after {name}"):
            raise DiedError
        return done

    async def _awaited(self, name: str, done: Awaitable[Any]) -> Any:
        found = await done
        if self.happened(f"after {name}"):
            raise DiedError
        return found

    def _die(self) -> None:
        self.dead = True
        self._remains.mkdir(parents=True)
        for file in self._ledger.parent.glob(f"{self._ledger.name}*"):
            shutil.copy(file, self._remains)
        self._cut()
        self.over.set_result(None)


def let_die(loop: asyncio.AbstractEventLoop) -> None:
    """Have nobody mourn the tasks of a dead process: that one of them was ended by its death is no trouble."""
    others = loop.get_exception_handler()

    def heard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if others is not None and not isinstance(context.get("exception"), DiedError):
            others(loop, context)

    loop.set_exception_handler(heard)


def scratch() -> TemporaryDirectory[str]:
    """Return a folder for files that need not outlive the machine: in memory, where there is such a place."""
    return TemporaryDirectory(prefix="maildrill-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108 - private by TemporaryDirectory


class _Watched:
    """A ledger whose writes go past a Death."""

    def __init__(self, ledger: Any, death: Death) -> None:
        self._ledger = ledger
        self._death = death

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ledger, name)
        if name not in WRITES:
            return found

        @wraps(found)
        def write(*given: Any, **named: Any) -> Any:
            return self._death.write(name, lambda: found(*given, **named))

        return write
