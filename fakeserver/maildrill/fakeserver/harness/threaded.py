"""A fake server for programs that wait: it runs in a thread of its own, and whoever asks it waits for the answer.

Rule 1: everything of the server is touched in its thread only, through `call` and `run`.
Rule 2: one thread serves many servers, at once or one after another; starting one takes a fraction of a millisecond.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedTooLong
from types import TracebackType
from typing import Any, Self, TypeVar

from maildrill.fakeserver.engine.event import Decision, Event
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.scaled_clock import ScaledClock, ScaledLoop
from maildrill.fakeserver.server import FakeServer
from maildrill.smtp import MaildrillError

T = TypeVar("T")

#: Seconds after which a server that does not answer its owner counts as stuck.
PATIENCE = 30.0


class Stuck(MaildrillError):  # noqa: N818 - the name says what happened
    """The server's thread does not answer."""


class ServerThread:
    """A thread with an event loop, in which servers run. Close it, or use it as a context manager.

    clock: what time it is for the servers; its `loop` can set it on, and make it faster. failures: exceptions in the
    loop that nobody caught, oldest first: in a server they are faults of ours.
    """

    def __init__(self) -> None:
        self.loop = ScaledLoop()
        self.clock = ScaledClock(self.loop)
        self.failures: list[BaseException] = []
        self.loop.set_exception_handler(self._failed)
        self._thread = threading.Thread(target=self._main, name="maildrill fake server", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], *, timeout: float = PATIENCE) -> T:
        """Return what a coroutine returns, run in the thread; raises what it raises, and Stuck after `timeout` s."""
        return _awaited(asyncio.run_coroutine_threadsafe(coroutine, self.loop), timeout)

    def call(self, function: Callable[[], T], *, timeout: float = PATIENCE) -> T:
        """Return what a function returns, called in the thread between two steps of its servers; see `run`.

        Once the thread has ended nothing moves any more, and the function is called here.
        """
        if not self._thread.is_alive():
            return function()
        future: Future[T] = Future()
        self.loop.call_soon_threadsafe(_fulfil, future, function)
        return _awaited(future, timeout)

    def take_failures(self) -> list[BaseException]:
        """Return the failures so far, and forget them."""
        taken, self.failures = self.failures, []
        return taken

    def close(self) -> None:
        """End the thread and what still runs in it."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            if left:
                self.loop.run_until_complete(asyncio.wait(left))
        finally:
            self.loop.close()

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.failures.append(context.get("exception") or RuntimeError(context["message"]))


class ThreadedServer:
    """A FakeServer on TCP, started and stopped from another thread; a context manager.

    script: what it plays. thread: where it runs, a thread of its own by default. seed: None means the script's.
    first: asked before the script, in the thread; see FakeServer.
    host, port: where it listens once it has been started; port 0 takes a free one. tls_port: where TLS is spoken from
    the first octet on, 0 for nowhere.
    """

    def __init__(  # noqa: PLR0913 - everything but the script is an option with a default
        self,
        script: Script | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int | None = None,
        thread: ServerThread | None = None,
        first: Callable[[Event], Decision | None] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.tls_port = 0
        self.thread = thread or ServerThread()
        self._own = thread is None
        played = script or Script()
        # Made here, which saves a test the way to the thread and back: nothing else knows of it before it is started.
        self.server = FakeServer(played, clock=self.thread.clock, seed=seed, first=first)

    @property
    def journal(self) -> Journal:
        """What the server saw and did; it changes while clients talk, so read it through `call`."""
        return self.server.journal

    def start(self, factor: float | None = None) -> None:
        """Listen. factor: how fast the thread's clock goes from now on.

        Raises ConfigurationError where that cannot be.
        """
        self.host, self.port = self.thread.run(self._start(factor))
        if self.tls_port:
            self.listen_tls()

    def listen_tls(self) -> int:
        """Listen at another port too, where TLS is spoken from the first octet on; returns the port."""
        _, self.tls_port = self.thread.run(self.server.start(self.host, self.tls_port, tls=True))
        return self.tls_port

    def stop(self) -> None:
        """Stop listening and end all connections; a thread of its own ends too."""
        self.thread.run(self.server.stop())
        if self._own:
            self.thread.close()

    async def _start(self, factor: float | None) -> tuple[str, int]:
        if factor is not None:
            self.thread.loop.factor = factor
        return await self.server.start(self.host, self.port)

    def settle(self) -> None:
        """Return when all that clients have sent so far has been heard, and done as far as it does not wait."""
        self.thread.run(self.server.settle())

    def settled(self, function: Callable[[], T]) -> T:
        """Settle, and return what a function returns, called in the thread before anything else comes."""
        return self.thread.run(self._settled(function))

    async def _settled(self, function: Callable[[], T]) -> T:
        await self.server.settle()
        return function()

    def call(self, function: Callable[[FakeServer], T]) -> T:
        """Return what a function of the server returns, called in its thread: the server holds still meanwhile."""
        return self.thread.call(lambda: function(self.server))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.stop()


def _fulfil(future: Future[T], function: Callable[[], T]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:  # it is raised where the answer is waited for
        future.set_exception(error)


def _awaited(future: Future[T], timeout: float) -> T:
    try:
        return future.result(timeout)
    except WaitedTooLong:
        if future.done():
            raise
        future.cancel()
        raise Stuck(f"the fake server's thread has not answered for {timeout:g} s") from None
