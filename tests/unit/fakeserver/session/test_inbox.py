"""Octets that came, and a coroutine that goes on the moment that they do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from maildrill.fakeserver.session.inbox import Inbox, Steps


class Network(asyncio.ReadTransport):
    """Notes whether it was told to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")


def steps(story: Callable[[Inbox], Awaitable[None]], *pieces: bytes, end: bytes = b"\n") -> list[bool]:
    """Give a story the pieces, one in each turn of the loop; returns whether it was over within each call."""

    async def run() -> list[bool]:
        inbox, over = Inbox(10, end), False

        async def told() -> None:
            nonlocal over
            await story(inbox)
            over = True

        taken = Steps(told())

        async def wait() -> None:
            await taken

        task = asyncio.create_task(wait())
        done = []
        for piece in pieces:
            await asyncio.sleep(0)
            inbox.feed(piece)
            taken.go()
            inbox.balance()
            done.append(over)
        await task
        return done

    return asyncio.run(asyncio.wait_for(run(), 10))


def test_a_coroutine_goes_on_within_the_call_that_brings_what_it_waits_for() -> None:
    """Not a turn of the loop later; and through as many reads as there are octets for."""
    read: list[bytes] = []

    async def story(inbox: Inbox) -> None:
        read.append(await inbox.readuntil())
        read.append(await inbox.readexactly(3))
        read.append(await inbox.read(100))

    assert steps(story, b"on", b"e\ntw", b"o.rest") == [False, False, True]
    assert read == [b"one\n", b"two", b".rest"]


def test_a_separator_is_read_towards_and_never_cut_in_two() -> None:
    """What has come is given at once, but not what may be the beginning of a separator."""
    read: list[bytes] = []

    async def story(inbox: Inbox) -> None:
        await inbox.wait()
        while not read or not read[-1].endswith(b".\r\n"):
            read.append(await inbox.read_towards(b".\r\n"))

    steps(story, b"ab", b"c.", b"\r", b"x.\r", b"..", b"\r\nrest")

    assert read == [b"ab", b"c", b".\rx", b".\r.", b".\r\n"]


def test_towards_a_separator_no_more_is_read_than_is_asked_for() -> None:
    """But a separator at once, and its beginning only where it is known to be none."""
    read: list[bytes] = []

    async def story(inbox: Inbox) -> None:
        await inbox.wait()
        while not read or not read[-1].endswith(b"!"):
            read.append(await inbox.read_towards(b".\r\n", 2))

    steps(story, b"abc.\r\nd.\r\n.\r", b"x.", b"\r\n.\r\nend!")

    assert read == [b"ab", b"c", b".\r\n", b"d", b".\r\n", b".\r", b"x", b".\r\n", b".\r\n", b"en", b"d!"]


def test_what_else_it_waits_for_happens_in_its_task() -> None:
    """There it has a current task; and what comes meanwhile is read afterwards."""
    read: list[bytes] = []
    tasks: list[bool] = []

    async def story(inbox: Inbox) -> None:
        read.append(await inbox.readexactly(1))
        tasks.append(asyncio.current_task() is not None)
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        read.append(await inbox.readexactly(2))

    async def settled(inbox: Inbox) -> None:
        read.append(await inbox.readexactly(1))
        await asyncio.sleep(0)
        await story(inbox)

    assert steps(settled, b"ab", b"c", b"d") == [False, False, False]
    assert (read, tasks) == ([b"a", b"b", b"cd"], [True])


def test_an_error_is_the_tasks_wherever_it_was_raised() -> None:
    """Also the one that ends a session: asyncio.CancelledError."""

    async def fails(inbox: Inbox) -> None:
        await inbox.readexactly(1)
        raise KeyError

    async def ends(inbox: Inbox) -> None:
        await inbox.readexactly(1)
        raise asyncio.CancelledError

    with pytest.raises(KeyError):
        steps(fails, b"a", b"b")
    with pytest.raises(asyncio.CancelledError):
        steps(ends, b"a", b"b")


@pytest.mark.parametrize("pieces", [(), (b"a",)], ids=["octets", "something else"])
def test_a_cancelled_task_cancels_what_the_coroutine_waits_for(pieces: tuple[bytes, ...]) -> None:
    """Be it octets or something else, whose turn has not come yet."""
    told: list[str] = []

    async def run() -> None:
        inbox = Inbox(10)

        async def story() -> None:
            try:
                await inbox.readexactly(1)
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                told.append("cancelled")
                raise

        taken = Steps(story())
        taken.go()  # too early

        async def wait() -> None:
            await taken

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        for piece in pieces:
            inbox.feed(piece)
            taken.go()
        task.cancel()
        taken.go()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(asyncio.wait_for(run(), 10))

    assert told == ["cancelled"]


@pytest.mark.parametrize("then", ["ends", "reads", "waits"])
def test_a_coroutine_may_cancel_its_task_while_it_goes_on_outside(then: str) -> None:
    """As a session does that is closed by what it hears."""

    async def run() -> None:
        inbox = Inbox(10)

        async def story() -> None:
            await inbox.readuntil()
            task.cancel()
            if then == "reads":
                await inbox.readuntil()
            elif then == "waits":
                await asyncio.get_running_loop().create_future()

        taken = Steps(story())

        async def wait() -> None:
            await taken

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        inbox.feed(b"one\n")
        taken.go()
        await asyncio.wait([task])

        assert task.cancelled() is (then != "ends")

    asyncio.run(asyncio.wait_for(run(), 10))


def test_octets_may_come_in_the_midst_of_a_step() -> None:
    """They are read by the step that goes on, not by another."""
    read: list[bytes] = []

    async def run() -> None:
        inbox = Inbox(10)

        async def story() -> None:
            read.append(await inbox.readuntil())
            inbox.feed(b"two\n")
            taken.go()
            read.append(await inbox.readuntil())

        taken = Steps(story())

        async def wait() -> None:
            await taken

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        inbox.feed(b"one\n")
        taken.go()
        await task

    asyncio.run(asyncio.wait_for(run(), 10))

    assert read == [b"one\n", b"two\n"]


def test_a_line_that_is_too_long_says_how_much_of_it_to_read() -> None:
    """As asyncio.StreamReader does: with an end beyond the limit, and without an end."""
    read: list[object] = []

    async def story(inbox: Inbox) -> None:
        for _ in range(2):
            try:
                await inbox.readuntil()
            except asyncio.LimitOverrunError as error:
                read.append(await inbox.read(error.consumed))
        read.append(await inbox.readuntil())

    steps(story, b"x" * 12, b"\r", b"y" * 10 + b"\r\n", end=b"\r\n")

    assert read == [b"x" * 11, b"x\r" + b"y" * 10, b"\r\n"]


def test_the_network_waits_while_too_much_is_unread() -> None:
    """Above twice the limit, down to the limit."""

    async def run() -> list[str]:
        network, inbox = Network(), Inbox(10)
        inbox.feed(b"x" * 21)
        inbox.balance()
        inbox.attach(network)
        inbox.balance()
        inbox.balance()
        for _ in range(11):
            network.told.append((await inbox.readexactly(1)).decode())
        return network.told

    told = asyncio.run(run())

    assert told == ["pause", *"xxxxxxxxxx", "resume", "x"]
