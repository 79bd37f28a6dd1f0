"""The sessions of a run: begun where there is work and room for one more, and never more than allowed (I20).

Rule 1: destinations that wait for a place get one in turn. Rule 2: a domain is looked up when somebody there is due,
beside everything else: whoever answers slowly keeps nobody waiting (invariant I45).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from maildrill.sender.attempt import Broken
from maildrill.sender.desk import Try
from maildrill.sender.destination import Destination, next_moments
from maildrill.sender.disposition import judge_setup
from maildrill.sender.lane import Lane
from maildrill.sender.queues import Queue
from maildrill.sender.schedule import Schedule
from maildrill.sender.shop import Shop

#: Domains that are looked up at once, at most.
LOOK_UPS = 20
#: Recipients ruled in one go where the DNS says that there is no host for them.
_RULED = 500


class Dispatch:
    """Begins sessions and look-ups. places: sessions at once, at most. ring: called when one of them ended."""

    def __init__(self, shop: Shop, places: int, ring: Callable[[], None]) -> None:
        self.sessions = 0  # begun so far
        self._shop = shop
        self._places = places
        self._ring = ring
        self._schedule: Schedule[Destination | Queue] = Schedule()
        self._lanes: dict[asyncio.Task[None], Lane] = {}
        self._look_ups: dict[asyncio.Task[None], Queue] = {}
        self._starving: list[Destination | Queue] = []  # in line for a place

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._lanes or self._look_ups)

    def number(self) -> int:
        """Return the number of one more session."""
        self.sessions += 1
        return self.sessions

    def queue_changed(self, queue: Queue) -> None:
        """Somebody was put into a queue."""
        destination = self._shop.ways.of(queue)
        if destination is None:
            self._look_at(queue)
        else:
            self.changed(destination)

    def changed(self, destination: Destination) -> None:
        """What a destination may do, or has to do, may be something else now."""
        for one in self._shop.ways.concerned(destination):
            self._look_at(one)

    def crowded(self, destination: Destination) -> bool:
        """Whether another destination waits for a place."""
        return len(self._lanes) >= self._places and any(
            isinstance(one, Destination) and one is not destination for one in self._starving
        )

    def next_moment(self) -> float | None:
        """Return when time alone gives something to do, or None."""
        return self._schedule.next_alarm()

    def serve(self, now: float) -> None:
        """Begin what there is to begin."""
        progress = True
        while progress:
            progress = False
            for one in self._schedule.due(now):
                progress |= self._find(one, now) if isinstance(one, Queue) else self._serve(one, now)
        self._starving = self._schedule.due(now)
        if self._starving:
            self._make_room()

    def reap(self) -> None:
        """Forget what ended; raises what one of them raised."""
        ended = [task for task in (*self._lanes, *self._look_ups) if task.done()]
        for task in ended:
            lane = self._lanes.pop(task, None)
            queue = self._look_ups.pop(task, None)
            if lane is not None:
                self.changed(lane.destination)
            if queue is not None:
                self.queue_changed(queue)
        # all are asked, else asyncio tells of those that were not; cancelled: stopped before its first step
        errors = [error for task in ended if not task.cancelled() and (error := task.exception()) is not None]
        if errors:
            raise errors[0]

    def cancel(self) -> None:
        """Ask everything under way to end; who asks sees for itself that the run is stopping."""
        for task in (*self._lanes, *self._look_ups):
            if task is not asyncio.current_task():
                task.cancel()

    async def wait(self) -> None:
        """Wait until nothing is under way any more."""
        if self.busy:
            await asyncio.wait([*self._lanes, *self._look_ups])

    def _look_at(self, one: Destination | Queue) -> None:
        self._schedule.look_at(one)
        self._ring()

    def _serve(self, destination: Destination, now: float) -> bool:
        """Begin one more session with a destination, if it wants one; return whether that was done."""
        gate, ways = destination.gate, self._shop.ways
        if destination.out:
            for queue in ways.orphans(destination):
                self._shop.desk.hold(queue, destination.out, now)
        queues = ways.served_by(destination)
        wanted = destination.ready(now, queues)
        if destination.paced and wanted:
            wanted = 1 if gate.pace.wait(now) <= 0 else 0
        if destination.idle >= wanted or not gate.allows(now, destination.sessions):
            self._schedule.done(destination, self._alarm(destination, queues, now))
            return False
        if len(self._lanes) >= self._places:
            return False  # stays in line
        self._begin(destination)
        self._schedule.to_the_end(destination)
        return True

    def _begin(self, destination: Destination) -> None:
        lane = Lane(self._shop, destination, self.number())
        task = asyncio.create_task(lane.run(), name=f"maildrill session {self.sessions}")
        task.add_done_callback(lambda _: self._ring())
        self._lanes[task] = lane

    def _alarm(self, destination: Destination, queues: Sequence[Queue], now: float) -> float | None:
        """Return when another session may be wanted by the passing of time alone, or None."""
        gate = destination.gate
        hindered = [gate.pace.wait(now) + now]
        if not gate.allows(now, destination.sessions):
            opens_at = gate.breaker.next_moment(now)
            if opens_at is None:
                return None
            hindered.append(opens_at)
        hindrance = max(hindered)
        return min((at for at in (max(moment, hindrance) for moment in next_moments(queues)) if at > now), default=None)

    def _make_room(self) -> None:
        """Take the place of one idle session whose destination is not in line itself."""
        for lane in self._lanes.values():
            if lane.leisure.waiting and lane.destination not in self._starving:
                lane.leisure.retire()
                return

    def _find(self, queue: Queue, now: float) -> bool:
        """Begin to look up the destination of a queue, if somebody is due there; return whether that was done."""
        if queue in self._look_ups.values() or not queue.agenda.ready(now):
            self._schedule.done(queue, queue.agenda.next_later())
            return False
        if len(self._look_ups) >= LOOK_UPS:
            return False  # stays in line
        task = asyncio.create_task(self._look_up(queue), name=f"maildrill look-up of {queue.name}")
        task.add_done_callback(lambda _: self._ring())
        self._look_ups[task] = queue
        self._schedule.done(queue, None)
        return True

    async def _look_up(self, queue: Queue) -> None:
        shop = self._shop
        started = shop.clock.now()
        found = await shop.ways.look_up(queue)
        if isinstance(found, Broken):
            await self._rule(queue, found, started)
        else:
            shop.desk.found()

    async def _rule(self, queue: Queue, found: Broken, started: float) -> None:
        """There is no host for the recipients of a queue: rule for all who are due."""
        shop, now = self._shop, self._shop.clock.now()
        go = Try(0, None, started, now, account="direct", host="", relay=queue.name)
        while batch := shop.desk.take(queue, now, _RULED):
            addresses = tuple(waiting.address for waiting in batch)
            rulings = judge_setup(found, addresses, direct=True, unusable_fails=shop.unusable_fails)
            await shop.desk.conclude(batch, rulings, go)
