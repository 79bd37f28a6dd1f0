"""A task's place in the family of tasks: the same on every Python.

Some Pythons need more turns of the loop, or a task more, for the same step (asyncio.wait_for is a task before 3.12).
Who comes first at one instant must not hang on that, so what many tasks may do at once is ordered by rank.
"""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context


class Rank:
    """A path from the first task: each step is the number of a child among its parent's."""

    __slots__ = ("_children", "path")

    def __init__(self, path: tuple[int, ...] = ()) -> None:
        self.path = path
        self._children = 0

    def child(self) -> Rank:
        """Return the rank of the next child."""
        self._children += 1
        return Rank((*self.path, self._children))


_RANK: ContextVar[Rank] = ContextVar("rank")
_NOBODY = Rank()  # the parent of what runs before a world's main


def begin() -> None:
    """Make the task that runs the first of its family."""
    _RANK.set(Rank())


def current() -> tuple[int, ...]:
    """Return the path of the task that runs; empty outside the family."""
    return _RANK.get(_NOBODY).path


def next_context() -> Context:
    """Return a copy of the current context for a new task, with a rank of its own."""
    context = copy_context()
    context.run(_RANK.set, _RANK.get(_NOBODY).child())
    return context
