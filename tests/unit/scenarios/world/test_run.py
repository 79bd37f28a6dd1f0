"""run_world: what goes in, what comes out, and what it never keeps to itself."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from maildrill.scenarios.world import Deadlock, Refused, Unhandled, World, run_world
from maildrill.scenarios.world.loop import VirtualLoop
from maildrill.scenarios.world.refusals import REFUSALS


def test_result_and_exception_of_main_come_out() -> None:
    """run_world returns what main returns and raises what it raises."""

    async def answer(world: World) -> int:
        return 42

    async def fail(world: World) -> int:
        raise LookupError("lost")

    assert run_world(answer) == 42
    with pytest.raises(LookupError, match="lost"):
        run_world(fail)


def test_failing_callback_ends_the_run() -> None:
    """What no one catches is not just a line in a log."""

    async def main(world: World) -> None:
        world.loop.call_soon([].pop)
        await world.clock.sleep(1)

    with pytest.raises(Unhandled, match="pop from empty list") as caught:
        run_world(main)

    assert isinstance(caught.value.__cause__, IndexError)


def test_failing_callback_is_a_note_on_what_main_raised() -> None:
    """When a failed call-back leads to a deadlock, the deadlock says so."""

    async def main(world: World) -> None:
        world.loop.call_soon([].pop)
        await asyncio.Event().wait()

    with pytest.raises(Deadlock) as caught:
        run_world(main)

    assert any("pop from empty list" in note for note in caught.value.__notes__)


def test_unhandled_trouble_without_an_exception_is_told_too() -> None:
    """The loop's exception handler may be called with a message alone."""

    async def main(world: World) -> None:
        world.loop.call_exception_handler({"message": "something is odd"})

    with pytest.raises(Unhandled, match="something is odd") as caught:
        run_world(main)

    assert caught.value.__cause__ is None


def test_what_is_left_running_is_cancelled_in_order() -> None:
    """Leftover tasks end oldest first, and their last words are heard."""
    ended: list[int] = []

    async def linger(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async def main(world: World) -> set[asyncio.Task[None]]:
        tasks = {asyncio.create_task(linger(number)) for number in range(30)}
        await world.clock.sleep(1)
        return tasks

    run_world(main)

    assert ended == list(range(30))


def test_open_connections_are_closed_at_the_end() -> None:
    """A protocol that was never closed hears that its connection is over."""
    lost: list[object] = []

    class Client(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            lost.append(exc)

    async def main(world: World) -> None:
        await world.loop.create_server(Client, "mx.test", 25)
        await world.loop.create_connection(Client, "mx.test", 25)

    run_world(main)

    assert lost == [None, None]


def test_ctrl_c_cancels_main() -> None:
    """Main can clean up before KeyboardInterrupt leaves the world."""
    cleaned: list[bool] = []

    async def main(world: World) -> None:
        try:
            world.loop.call_later(5, os.kill, os.getpid(), signal.SIGINT)
            await world.clock.sleep(1e6)
        finally:
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        run_world(main)

    assert cleaned == [True]


def test_another_thread_has_no_say() -> None:
    """call_soon_threadsafe from another thread is refused: there it would be a race, even if it worked."""
    refused: list[Refused] = []

    async def main(world: World) -> None:
        def intrude() -> None:
            try:
                world.loop.call_soon_threadsafe(print)
            except Refused as error:
                refused.append(error)

        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()

    run_world(main)

    assert "one thread" in str(refused[0])


ESCAPES: dict[str, Callable[[World], Awaitable[Any]]] = {
    "run_in_executor(None, getfqdn)": lambda world: world.loop.run_in_executor(None, socket.getfqdn),
    "run_in_executor(None, gethostbyname, 'mx.test')": lambda _: asyncio.to_thread(socket.gethostbyname, "mx.test"),
    "getaddrinfo('mx.test', 25)": lambda world: world.loop.getaddrinfo("mx.test", 25),
    "subprocess_exec": lambda _: asyncio.create_subprocess_exec("true"),
    "create_datagram_endpoint(Protocol": lambda world: world.loop.create_datagram_endpoint(asyncio.Protocol),
    "sock=": lambda world: world.loop.create_connection(asyncio.Protocol, sock=object()),
}


@pytest.mark.parametrize("call", ESCAPES)
def test_nothing_leaves_the_world(call: str) -> None:
    """A thread, a name look-up, a process or a socket is refused; the error says which and what to do."""

    async def main(world: World) -> None:
        await ESCAPES[call](world)

    with pytest.raises(Refused) as caught:
        run_world(main)

    assert call in str(caught.value)
    assert caught.value.hint


def test_every_refusal_names_a_call_of_asyncios() -> None:
    """The table has no misspelt entry, and each entry refuses."""

    async def main(world: World) -> None:
        for name in REFUSALS:
            with pytest.raises(Refused, match=name):
                getattr(world.loop, name)()

    run_world(main)

    assert all(hasattr(asyncio.AbstractEventLoop, name) for name in REFUSALS)


def test_every_call_of_asyncios_loop_is_either_here_or_refused() -> None:
    """No method of the abstract loop is left that would raise a bare NotImplementedError."""
    missing = [
        name
        for name in vars(asyncio.AbstractEventLoop)
        if not name.startswith("_") and getattr(VirtualLoop, name) is getattr(asyncio.AbstractEventLoop, name)
    ]

    assert missing == []


def test_asyncios_private_seams_are_there() -> None:
    """The names of asyncio that the virtual loop builds on exist on this Python."""
    loop = asyncio.new_event_loop()
    try:
        present = [hasattr(loop, name) for name in ("_ready", "_stopping", "_closed", "_thread_id", "_run_once")]
    finally:
        loop.close()

    assert all(present)
    assert all(hasattr(asyncio.Handle, name) for name in ("_cancelled", "_context", "_callback", "_args"))
    assert hasattr(asyncio.TimerHandle, "_scheduled")
    assert hasattr(asyncio.BaseEventLoop, "_timer_handle_cancelled")


@pytest.mark.parametrize("where", ["connection_made", "data_received"])
def test_exit_asked_for_in_a_protocol_ends_the_world(where: str) -> None:
    """SystemExit is not the connection's business."""

    def leave(*_: object) -> None:
        raise SystemExit(3)

    async def main(world: World) -> None:
        protocol = asyncio.Protocol()
        server = type("Leaving", (asyncio.Protocol,), {where: leave})
        await world.loop.create_server(server, "mx.test", 25)
        transport, _ = await world.loop.create_connection(lambda: protocol, "mx.test", 25)
        transport.write(b"NOOP\r\n")
        await world.clock.sleep(1)

    with pytest.raises(SystemExit):
        run_world(main)
