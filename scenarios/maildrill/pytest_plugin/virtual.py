"""The fixture `smtp_world`: a fake server and an asyncio client in one virtual world, where waiting costs nothing.

Rule: each `run` is a world of its own, and goes on where the one before ended: same journal, same counters, later time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any, TypeVar, Unpack

from maildrill.fakeserver.harness.scripted import Scripted
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.journal.query import MessageWords
from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.server import FakeServer
from maildrill.scenarios.world import DEFAULT, EPOCH, Network, World, run_world
from maildrill.smtp import MaildrillError
from maildrill.smtp.quantity import parse_duration

T = TypeVar("T")


class ScriptedWorld(Scripted):
    """A server at `mx.test`, port 25, in virtual time. See Scripted, ScriptBuilder and RuleBuilder.

    network: latency, jitter and segments of the in-memory network; may be set before `run`.
    """

    host = "mx.test"
    port = 25

    def __init__(
        self, script: Script | None = None, *, borrowed: Collection[str] = (), seed: int | None = None
    ) -> None:
        super().__init__(script, borrowed=borrowed)
        self.network: Network = DEFAULT
        self.seed = self.script.seed if seed is None else seed
        self._kept = Journal()
        self._began = self._ended = EPOCH
        self._world: World | None = None

    @property
    def now(self) -> float:
        """Unix seconds (UTC) of the world's clock; between two runs those at the end of the one before."""
        return self._ended if self._world is None else self._world.clock.now()

    @property
    def elapsed(self) -> float:
        """Seconds since the first run began."""
        return self.now - self._began

    def reset(self) -> None:
        """Begin anew: forget what was seen, and the rules and functions of the test. The clock goes on."""
        self.clear()
        self._kept.clear()
        self._fake = None

    def run(self, main: Callable[..., Coroutine[Any, Any, T]], *arguments: object) -> T:
        """Return what an async function returns, run in a world with the server.

        Raises what it raises; Deadlock when nobody can go on; Refused for a thread, DNS or a real socket; Unhandled
        when the server failed.
        """
        if asyncio._get_running_loop() is not None:
            raise MaildrillError(
                "smtp_world.run() cannot be called while an event loop runs",
                hint="call it in a plain function: `def test_…`, and pass it the async one",
            )
        return run_world(lambda world: self._play(world, main, arguments), network=self.network, epoch=self._ended)

    async def _play(
        self, world: World, main: Callable[..., Coroutine[Any, Any, T]], arguments: tuple[object, ...]
    ) -> T:
        self._world, before = world, self._fake
        fake = self._fake = FakeServer(
            self.script,
            clock=world.clock,
            seed=self.seed,
            settings=self.script.server,
            journal=self._kept,
            first=self._functions.on,
        )
        if before is not None:
            fake.go_on_from(before)
        await fake.start(self.host, self.port)
        try:
            result = await main(*arguments)
            # What was sent last must still land, and what is said to it.
            await world.clock.sleep(4 * (self.network.latency + self.network.jitter) + 0.001)
            return result
        finally:
            await fake.stop()
            self._ended, self._world = world.clock.now(), None

    async def sleep(self, duration: str | float) -> None:
        """Let time pass: "5d", "90s", or seconds."""
        seconds = parse_duration(duration) if isinstance(duration, str) else duration
        await self._running().clock.sleep(seconds)

    async def wait_for(
        self,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109 - as with smtp_server, which waits in a thread
        **words: Unpack[MessageWords],
    ) -> Message:
        """Return the first message that all words fit, as soon as it is there; see Journal.wait_for.

        timeout: virtual seconds. Raises NotSeenError, which says what there was instead.
        """
        (message,) = await self._kept.wait_for(timeout=timeout, **words)
        self._see(lambda _: None)
        return message

    def _running(self) -> World:
        if self._world is None:
            raise MaildrillError(
                "the virtual world does not run", hint="call this in the function that smtp_world.run() is given"
            )
        return self._world

    @property
    def _journal(self) -> Journal:
        return self._kept
