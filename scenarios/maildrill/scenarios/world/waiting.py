"""Say who waits for what, when nobody can go on.

A task is shown with the chain of its awaits, outermost first, each as `function (file:line)`.
"""

from __future__ import annotations

import asyncio
import re
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop

SHOWN: Final = 20  # tasks; a drill has thousands, and the first of a kind tell the story


def in_order(tasks: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Sort tasks by age: asyncio keeps them in a set, but numbers their names."""
    return sorted(tasks, key=lambda task: [int(part) if part.isdigit() else part for part in _name(task)])


def _name(task: asyncio.Task[Any]) -> list[str]:
    return re.split(r"(\d+)", task.get_name())


def describe(loop: VirtualLoop) -> str:
    """Return a line for each waiting task and each open connection of `loop`."""
    tasks = in_order({task for task in asyncio.all_tasks(loop) if not task.done()})
    lines = [f"waiting: {_task(task)}" for task in tasks[:SHOWN]]
    if len(tasks) > SHOWN:
        lines.append(f"and {len(tasks) - SHOWN} more")
    lines += [f"connection: {line}" for line in loop.switchboard.describe(SHOWN)]
    return "\n  ".join(lines) or "no task is left"


def _task(task: asyncio.Task[Any]) -> str:
    chain: list[str] = []
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame = (
            getattr(awaited, "cr_frame", None)
            or getattr(awaited, "gi_frame", None)
            or getattr(awaited, "ag_frame", None)
        )
        if not isinstance(frame, FrameType):
            break
        chain.append(_place(frame.f_code, frame.f_lineno))
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    what = type(awaited).__name__ if awaited is not None else "its turn"
    return f"{task.get_name()}: {' > '.join(chain)}, for {what}"


def _place(code: CodeType, line: int) -> str:
    file = "/".join(code.co_filename.split("/")[-2:])
    return f"{code.co_qualname} ({file}:{line})"
