"""One direction of an in-memory connection: what leaves at one instant lands, in order, at a later one.

Rule 1: all that is written at one instant is one flight, however many turns of the loop it took to write it:
the number of turns differs between Pythons, the instant does not.
Rule 2: a flight lands strictly after it left and strictly after the flight before it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from heapq import heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from maildrill.scenarios.world.loop import VirtualLoop

WINDOW: Final = 64 * 1024  # octets that may be under way or unread, as the socket buffers of a real connection
SPACING: Final = 1e-6  # seconds between two segments of one flight

Octets = list[bytes]
Signal = Callable[[], None]


class Pipe:
    """One direction; `path` names it for the draw of its delays.

    The loop's heap has it once for each flight that is under way. context: in which what lands is taken.
    """

    __slots__ = (
        "_air",
        "_block",
        "_delays",
        "_landing_at",
        "_left_at",
        "_loop",
        "_path",
        "context",
        "octets",
        "unread",
    )

    def __init__(self, loop: VirtualLoop, path: str) -> None:
        self._loop = loop
        self._path = path
        self._block = 0
        self._delays: deque[float] = deque()
        self._left_at = -1.0
        self._landing_at = 0.0
        self._air: deque[Octets | Signal] = deque()
        self.context = copy_context()
        self.unread = 0
        self.octets: Callable[[bytes], None]  # set by the transport at the far end

    def __repr__(self) -> str:
        return f"<pipe {self._path}>"

    @property
    def room(self) -> int:
        """How many octets more the receiver can take."""
        return WINDOW - self.unread

    def send(self, data: bytes) -> None:
        """Let octets leave now; `octets` is called with them when they land."""
        self.unread += len(data)
        if self._left_at == self._loop.instant:
            last = self._air[-1]
            if isinstance(last, list):
                last.append(data)
                return
        self._leave([data])

    def signal(self, what: Signal) -> None:
        """Let a mark (an end, a reset, a window's opening) leave now; it is called when it lands."""
        self._leave(what)

    def _leave(self, load: Octets | Signal) -> None:
        loop, delays = self._loop, self._delays
        now = self._left_at = loop.instant
        if not delays:
            delays.extend(loop.network.delays(self._path, self._block))
            self._block += 1
        landing, before = now + delays.popleft(), self._landing_at
        if landing <= before or landing <= now:
            landing = math.nextafter(max(before, now), math.inf)
        self._landing_at = landing
        self._air.append(load)
        loop.scheduled += 1  # as `schedule` does
        heappush(loop.timers, (landing, loop.scheduled, self))

    def land(self) -> None:
        """Let arrive what left first."""
        load = self._air.popleft()
        if not isinstance(load, list):
            load()
            return
        data = load[0] if len(load) == 1 else b"".join(load)
        loop = self._loop
        network = loop.network
        if network.segment and len(data) > network.segment:
            # Each wake-up takes the head of the queue, so the next flight's takes our rest and ours takes that flight.
            self._air.appendleft([data[network.segment :]])
            loop.schedule(loop.instant + SPACING, self)
            data = data[: network.segment]
        if network.cuts and not loop.switchboard.carries(self._path, len(data)):
            return
        if loop.tap is not None:
            loop.tap(loop.instant, self._path, data)
        self.octets(data)
