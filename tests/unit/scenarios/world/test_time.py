"""Virtual time: it stands while anyone works, jumps when all wait, and wakes in order."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from maildrill.scenarios.world import EPOCH, Deadlock, Livelock, World, run_world
from maildrill.scenarios.world import loop as loop_module


def test_world_begins_at_the_epoch() -> None:
    """The clock starts on a Monday morning, whatever the real date."""

    async def main(world: World) -> float:
        return world.clock.now()

    now = run_world(main)

    assert now == EPOCH
    assert datetime.fromtimestamp(now, UTC) == datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_world_can_begin_at_any_time() -> None:
    """The epoch is an argument."""

    async def main(world: World) -> float:
        await world.clock.sleep(1.5)
        return world.clock.now()

    assert run_world(main, epoch=1000.0) == 1001.5


def test_five_days_take_no_time() -> None:
    """Waiting costs nothing."""

    async def main(world: World) -> float:
        for _ in range(5):
            await world.clock.sleep(86400)
        return world.clock.now()

    started = time.perf_counter()
    ended = run_world(main)

    assert ended == EPOCH + 5 * 86400
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("seconds", [0, -1, -math.inf])
def test_sleeping_for_nothing_lets_others_go_first(seconds: float) -> None:
    """A sleep of 0 or less ends at the same instant, after all that is ready."""

    async def main(world: World) -> list[str]:
        order: list[str] = []

        async def hop() -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            order.append("other")

        other = asyncio.create_task(hop())
        await world.clock.sleep(seconds)
        order.append("sleeper")
        assert world.loop.time() == 0
        await other
        return order

    order = run_world(main)

    assert order == ["other", "sleeper"]


@pytest.mark.parametrize("due", [EPOCH + 0.1, EPOCH + 1e-7, EPOCH + 432000.3, EPOCH + 1 / 3])
@pytest.mark.parametrize("before", [0.0, 0.012345678, 1 / 7])
def test_sleeping_until_due_wakes_when_it_is_due(due: float, before: float) -> None:
    """After sleep(due - now()) the clock says exactly `due`, in spite of rounding."""

    async def main(world: World) -> float:
        await asyncio.sleep(before)
        await world.clock.sleep(due - world.clock.now())
        return world.clock.now()

    now = run_world(main)

    assert now == max(due, EPOCH + before)


def test_cancelled_sleep_leaves_nothing_behind() -> None:
    """A cancelled sleep does not hold back the end of time."""

    async def main(world: World) -> float:
        sleeper = asyncio.create_task(world.clock.sleep(1e6))
        await world.clock.sleep(1)
        sleeper.cancel()
        await asyncio.wait([sleeper])
        await asyncio.Event().wait()
        return world.loop.time()

    with pytest.raises(Deadlock) as caught:
        run_world(main)

    assert "test_cancelled_sleep" in str(caught.value)


def test_timers_of_one_instant_fire_in_the_order_they_were_set() -> None:
    """Equal deadlines keep their order, which a plain heap of asyncio's timers forgets."""

    async def main(world: World) -> list[int]:
        woken: list[int] = []
        for number in range(50):
            world.loop.call_at(5.0, woken.append, number)
        await world.clock.sleep(6)
        return woken

    assert run_world(main) == list(range(50))


def test_what_a_timer_sets_off_is_over_before_the_next_fires() -> None:
    """However many turns one sleeper needs, the next sleeper of that instant waits for it."""

    async def main(world: World) -> list[str]:
        order: list[str] = []

        async def sleeper(name: str, turns: int) -> None:
            await world.clock.sleep(1)
            for _ in range(turns):
                await asyncio.sleep(0)
            order.append(name)

        await asyncio.gather(sleeper("slow", 10), sleeper("quick", 0))
        return order

    assert run_world(main) == ["slow", "quick"]


def test_deadlines_that_were_met_do_not_pile_up() -> None:
    """Ten thousand cancelled timeouts leave a small heap."""

    async def main(world: World) -> int:
        for _ in range(10_000):
            async with asyncio.timeout(300):
                await world.clock.sleep(0.001)
        return len(world.loop.timers)

    assert run_world(main) < 1000


def test_everyone_waiting_is_a_deadlock_that_names_them() -> None:
    """The report says which task waits where, through which awaits."""

    async def runner(never: asyncio.Event) -> None:
        await never.wait()

    async def main(world: World) -> None:
        never = asyncio.Event()
        task = asyncio.create_task(runner(never), name="the runner")
        await task

    with pytest.raises(Deadlock) as caught:
        run_world(main)

    report = str(caught.value)
    assert report.startswith("every task waits and nothing is scheduled\n")
    assert "waiting: the runner: " in report
    assert "runner (world/test_time.py:" in report
    assert "> Event.wait (asyncio/locks.py:" in report
    assert "main (world/test_time.py:" in report


def test_deadlock_names_open_connections() -> None:
    """A connection on which both sides wait for the other shows in the report."""

    async def main(world: World) -> None:
        await world.loop.create_server(asyncio.Protocol, "mx.test", 25)
        reader, _ = await asyncio.open_connection("mx.test", 25)
        await reader.read()

    with pytest.raises(Deadlock) as caught:
        run_world(main)

    assert "connection: 1 client <192.0.2.1:49152 to mx.test:25, open>" in str(caught.value)
    assert "connection: 1 server <mx.test:25 to 192.0.2.1:49152, open>" in str(caught.value)


def test_deadlock_of_many_is_told_briefly() -> None:
    """A thousand waiting tasks make a report of some lines."""

    async def main(world: World) -> None:
        never = asyncio.Event()
        await asyncio.gather(*(never.wait() for _ in range(1000)))

    with pytest.raises(Deadlock) as caught:
        run_world(main)

    assert "and 981 more" in str(caught.value)
    assert len(str(caught.value).splitlines()) < 30


def test_deadlock_follows_generators_and_knows_who_waits_its_turn() -> None:
    """An old-style awaitable is part of the chain; asynchronous generators too."""

    class Oldstyle:
        def __await__(self) -> object:
            yield from asyncio.Event().wait().__await__()

    async def numbers() -> object:
        await Oldstyle()  # type: ignore[misc]
        yield 1

    async def main(world: World) -> None:
        async for _ in numbers():  # type: ignore[attr-defined]
            pass

    with pytest.raises(Deadlock) as caught:
        run_world(main)

    assert "main (world/test_time.py:" in str(caught.value)


def test_sleeping_for_ever_is_a_deadlock() -> None:
    """A timer at infinity never fires."""

    async def main(world: World) -> None:
        await world.clock.sleep(math.inf)

    with pytest.raises(Deadlock):
        run_world(main)


def test_turning_for_ever_is_a_livelock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that only yield to one another keep time from passing, and are told so."""
    monkeypatch.setattr(loop_module, "STUCK", 1000)

    async def main(world: World) -> None:
        while True:  # noqa: ASYNC110 - the mistake this test is about
            await asyncio.sleep(0)

    with pytest.raises(Livelock, match="1000 turns") as caught:
        run_world(main)

    assert "main" in str(caught.value)


def test_timers_that_are_due_at_once_let_no_time_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets himself an alarm for now, again and again, is in a livelock, too."""
    monkeypatch.setattr(loop_module, "STUCK", 1000)

    async def main(world: World) -> None:
        while True:
            done = asyncio.Event()
            world.loop.call_later(0.0, done.set)
            await done.wait()

    with pytest.raises(Livelock, match="1000 turns"):
        run_world(main)


def test_so_many_turns_at_each_instant_are_no_livelock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where time passes the count begins anew."""
    monkeypatch.setattr(loop_module, "STUCK", 10)

    async def main(world: World) -> float:
        for _ in range(100):
            await world.clock.sleep(1e-6)
        return world.loop.time()

    assert run_world(main) > 0.0


def test_somebody_looks_now_and_then() -> None:
    """Once in so many jumps of the clock; timers that ran out are counted."""
    looks: list[int] = []

    async def main(world: World) -> None:
        world.loop.look = lambda: looks.append(world.loop.fired)
        for _ in range(2 * loop_module.LOOK):
            await world.clock.sleep(1)

    run_world(main)

    assert looks == [loop_module.LOOK - 1, 2 * loop_module.LOOK - 1]


def test_cancelled_callback_is_not_called() -> None:
    """A handle that is cancelled before its turn does not run, nor does a cancelled timer."""

    async def main(world: World) -> list[str]:
        called: list[str] = []
        world.loop.call_soon(called.append, "soon").cancel()
        timer = world.loop.call_later(1, called.append, "later")
        timer.cancel()
        timer.cancel()
        expired = world.loop.call_later(1, called.append, "expired")
        await world.clock.sleep(2)
        expired.cancel()
        return called

    assert run_world(main) == ["expired"]


def test_a_handle_says_whether_it_was_cancelled() -> None:
    """As asyncio's own does, and it can be shown before and after."""

    async def main(world: World) -> list[Any]:
        called: list[object] = []
        handle = world.loop.call_soon(called.append, "soon")
        before = (handle.cancelled(), "append" in repr(handle))
        handle.cancel()
        after = (handle.cancelled(), "cancelled" in repr(handle))
        world.loop.call_soon(lambda *several: called.append(several), 1, 2, 3)
        await asyncio.sleep(0)
        return [before, after, *called]

    assert run_world(main) == [(False, True), (True, True), (1, 2, 3)]


def test_closed_loop_refuses_callbacks() -> None:
    """As with every asyncio loop, nothing can be scheduled once it is closed."""
    loops: list[asyncio.AbstractEventLoop] = []

    async def main(world: World) -> None:
        loops.append(world.loop)

    run_world(main)

    for schedule in (loops[0].call_soon, loops[0].call_soon_threadsafe):
        with pytest.raises(RuntimeError, match="closed"):
            schedule(print)
    with pytest.raises(RuntimeError, match="closed"):
        loops[0].call_later(1, print)
