"""An event loop without sockets, threads or waiting: when nothing is ready the clock jumps to the next timer.

Rule 1: timers fire in the order of (instant, scheduling), one at a time, each followed by all that it sets off.
Rule 2: whatever would leave the world is refused by name (refusals.py).
The private names used here are held by contract tests: they are BaseEventLoop's on 3.11, 3.12 and 3.13.
"""

from __future__ import annotations

import asyncio
import math
import threading
from asyncio import base_events
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from heapq import heapify, heappop, heappush
from typing import Any, Final, TypeVar, TypeVarTuple

from maildrill.scenarios.world.network import Network
from maildrill.scenarios.world.pipe import Pipe
from maildrill.scenarios.world.rank import next_context
from maildrill.scenarios.world.refusals import REFUSALS, refusal
from maildrill.scenarios.world.switchboard import Switchboard
from maildrill.scenarios.world.trouble import Deadlock, Livelock, Refused
from maildrill.scenarios.world.waiting import describe

Arguments = TypeVarTuple("Arguments")
Tap = Callable[[float, str, bytes], None]  # instant, path (`3>` is what the third caller sends), octets that land
Protocol = TypeVar("Protocol", bound=asyncio.BaseProtocol)

STUCK: Final = 1_000_000  # turns of the loop at one instant; a drill needs some dozens
LOOK: Final = 1024  # jumps of the clock between two looks at whether this has no end
SWEEP: Final = 256  # cancelled timers worth a sweep
_new: Callable[[type[Turn]], Turn] = object.__new__


class Turn(asyncio.Handle):
    """A call-back whose turn comes at this instant: one that was cancelled has none any more, as with any Handle."""

    __slots__ = ()

    _repr = None
    _source_traceback = None
    _callback: Any
    _args: Any
    _context: Any
    _loop: Any

    @property
    def _cancelled(self) -> bool:  # type: ignore[override]
        return self._callback is None

    def cancel(self) -> None:
        """Have it not called."""
        self._callback = self._args = None


class Timer(asyncio.TimerHandle):
    """A timer of this loop: the heap orders it, not its own comparison."""

    __slots__ = ()

    _scheduled: bool


class VirtualLoop(base_events.BaseEventLoop):
    """The loop of one world; `instant` is its time in seconds since the start; `tap` hears all that lands.

    timers: a heap of what is due; scheduled: how often something was put there; fired: how many timers ran out that
    were no octets on their way. look: called after every so many jumps of the clock, by whoever asks whether this ends.
    """

    _ready: deque[asyncio.Handle]
    _debug: bool
    _stopping: bool
    _closed: bool
    _thread_id: int | None

    def __init__(self, network: Network) -> None:
        self.instant = 0.0
        self.network = network
        self.tap: Tap | None = None
        self.timers: list[tuple[float, int, Timer | Pipe]] = []
        self.scheduled = 0
        self.fired = 0
        self.look: Callable[[], None] | None = None
        self._jumps = 0
        self._cancelled_count = 0
        super().__init__()
        self.switchboard = Switchboard(self)

    def time(self) -> float:
        """Return the seconds since this world began."""
        return self.instant

    def schedule(self, when: float, due: Timer | Pipe) -> None:
        """Run a timer, or land what is on its way, at the instant `when`, after all that was scheduled for then."""
        self.scheduled += 1
        heappush(self.timers, (when, self.scheduled, due))

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> Timer:
        """Call `callback` at the instant `when`."""
        self._check_closed()
        timer = Timer(when, callback, args, self, context)
        timer._scheduled = True
        self.schedule(when, timer)
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> Timer:
        """Call `callback` when `delay` seconds have passed."""
        return self.call_at(self.instant + delay, callback, *args, context=context)

    def call_soon(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call `callback` at this instant, after all that is ready."""
        if self._closed or self._debug:
            self._check_closed()
            handle = asyncio.Handle(callback, args, self, context)
            self._ready.append(handle)
            return handle
        turn = _new(Turn)  # what its __init__ does, and without asking for debug: a dozen are made for each message
        turn._context = copy_context() if context is None else context
        turn._loop = self
        turn._callback = callback
        turn._args = args
        self._ready.append(turn)
        return turn

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call `callback` soon; only signal handlers, which run in this thread, may use it."""
        if self._thread_id not in {None, threading.get_ident()}:
            raise Refused("the virtual world has one thread, and another called call_soon_threadsafe")
        return self.call_soon(callback, *args, context=context)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Run a coroutine as a task, which is given a rank."""
        if options.get("context") is None:
            options["context"] = next_context()
        return super().create_task(coro, **options)

    async def create_server(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        """Listen on the in-memory network; port 0 or None takes a free one."""
        return self.switchboard.serve(protocol_factory, host, port, **options)

    async def create_connection(
        self, protocol_factory: Callable[[], Protocol], host: Any = None, port: Any = None, **options: Any
    ) -> tuple[asyncio.Transport, Protocol]:
        """Connect over the in-memory network."""
        return await self.switchboard.dial(protocol_factory, host, port, **options)

    def _check_closed(self) -> None:
        if self._closed:
            raise RuntimeError("Event loop is closed")

    def _timer_handle_cancelled(self, handle: Timer) -> None:
        """Count what TimerHandle.cancel reports; sweep when most of the heap is dead, as sessions' deadlines are."""
        if not handle._scheduled:
            return
        self._cancelled_count += 1
        if self._cancelled_count > SWEEP and self._cancelled_count * 2 > len(self.timers):
            self.timers = [entry for entry in self.timers if not (isinstance(entry[2], Timer) and entry[2]._cancelled)]
            heapify(self.timers)
            self._cancelled_count = 0

    def _run_once(self) -> None:
        """Run turns until stop() is called; a turn is what was ready when it began."""
        ready, following = self._ready, self._ready.popleft
        while True:
            for _ in range(STUCK):
                if self._stopping:
                    return
                if not ready and self._jump():
                    break
                left = len(ready)
                while left:
                    left -= 1
                    handle: Any = following()
                    callback = handle._callback
                    if callback is not None:
                        try:  # what Handle._run does; one call less for a call-back: there are two dozen a message
                            args = handle._args
                            if not args:
                                handle._context.run(callback)
                            elif len(args) == 1:  # to put one into a list costs as much as the call
                                handle._context.run(callback, args[0])
                            else:
                                handle._context.run(callback, *args)
                        except BaseException as error:
                            self._failed(handle, error)
            else:
                raise Livelock(f"{STUCK} turns of the loop passed at one instant", hint=describe(self))

    def _failed(self, handle: asyncio.Handle | Pipe, error: BaseException) -> None:
        """Tell of a call-back that raised; raises again what is to end the program."""
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            raise error
        said = {"message": f"Exception in callback {handle!r}", "exception": error, "handle": handle}
        self.call_exception_handler(said)

    def _jump(self) -> bool:
        """Move the clock to what is due next: land it, or make that timer ready; returns whether time passed."""
        self._jumps += 1
        if self.look is not None and not self._jumps % LOOK:
            self.look()
        timers = self.timers  # nothing is swept meanwhile
        while timers:
            when, _, due = heappop(timers)
            if type(due) is Timer:
                due._scheduled = False
                if due._cancelled:
                    self._cancelled_count -= 1
                    continue
                if when == math.inf:
                    break
                self.fired += 1
                self._ready.append(due)
            passed = when > self.instant  # a timer that is due at once lets no time pass
            if passed:
                self.instant = when
            if type(due) is Pipe:
                self._land(due)
            return passed
        raise Deadlock("every task waits and nothing is scheduled", hint=describe(self))

    def _land(self, pipe: Pipe) -> None:
        try:
            pipe.context.run(pipe.land)
        except BaseException as error:
            self._failed(pipe, error)


for _name, _reason in REFUSALS.items():
    setattr(VirtualLoop, _name, refusal(_name, _reason))
