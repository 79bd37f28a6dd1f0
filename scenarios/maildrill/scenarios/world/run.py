"""Run a coroutine in a world of its own: `run_world(main)` is asyncio.run with virtual time and no outside.

Rule: an exception that nobody caught ends the run, and what is left running is ended in a fixed order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from maildrill.scenarios.world.clock import EPOCH, VirtualClock
from maildrill.scenarios.world.loop import VirtualLoop
from maildrill.scenarios.world.network import Network
from maildrill.scenarios.world.rank import begin
from maildrill.scenarios.world.trouble import Unhandled
from maildrill.scenarios.world.waiting import in_order

T = TypeVar("T")

DEFAULT: Final = Network()


@dataclass(frozen=True, slots=True)
class World:
    """What main is given: the loop it runs in, the clock for both sides, and the network's values."""

    loop: VirtualLoop
    clock: VirtualClock
    network: Network


def run_world(
    main: Callable[[World], Coroutine[Any, Any, T]], *, network: Network = DEFAULT, epoch: float = EPOCH
) -> T:
    """Return what `main(world)` returns, run in a new world that begins at `epoch` (Unix seconds, UTC).

    Raises what main raises; Deadlock or Livelock when nobody can go on; Refused for a thread, DNS or a socket;
    Unhandled when a call-back or a forgotten task failed. Ctrl-C cancels main, as with asyncio.run.
    """
    troubles: list[dict[str, Any]] = []
    try:
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(network)) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, VirtualLoop)  # noqa: S101 - the factory above made it
            loop.set_exception_handler(lambda _, context: troubles.append(context))
            result = runner.run(_whole(main, World(loop, VirtualClock(loop, epoch), network)))
    except BaseException as error:
        for trouble in troubles:
            error.add_note(f"nobody caught: {_shown(trouble)}")
        raise
    if troubles:
        raise _unhandled(troubles)
    return result


async def _whole(main: Callable[[World], Coroutine[Any, Any, T]], world: World) -> T:
    begin()
    try:
        return await main(world)
    finally:
        # asyncio cancels leftovers in the order of a set, which differs from run to run.
        left = in_order(asyncio.all_tasks() - {asyncio.current_task()})
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        world.loop.switchboard.hang_up()
        await world.clock.sleep(0)


def _unhandled(troubles: list[dict[str, Any]]) -> Unhandled:
    error = Unhandled(
        "nobody caught an exception in the virtual world", hint="\n  ".join(_shown(trouble) for trouble in troubles)
    )
    causes = (trouble.get("exception") for trouble in troubles)
    error.__cause__ = next((cause for cause in causes if cause is not None), None)
    return error


def _shown(trouble: dict[str, Any]) -> str:
    return f"{trouble['message']} {trouble.get('exception')!r}"
