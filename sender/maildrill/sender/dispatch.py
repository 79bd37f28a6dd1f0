"""The sessions of a run: begun where there is work and room for one more, and never more than allowed (I20).

Rule 1: destinations that wait for a place get one in turn, as `places` says. Rule 2: a domain is looked up when
somebody there is due, beside everything else: whoever answers slowly keeps nobody waiting (invariant I45).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from maildrill.sender.attempt import Broken
from maildrill.sender.desk import Try
from maildrill.sender.destination import Destination, next_moments
from maildrill.sender.disposition import judge_setup
from maildrill.sender.lane import Lane
from maildrill.sender.look_ups import LookUps
from maildrill.sender.places import Load, Places, Taken, load_of
from maildrill.sender.queues import Queue
from maildrill.sender.schedule import Schedule
from maildrill.sender.share import WHOLE, Share
from maildrill.sender.shop import Shop

#: Recipients ruled in one go where the DNS says that there is no host for them.
_RULED = 500


class Dispatch:
    """Begins sessions and look-ups. places: sessions at once, at most. ring: called when one of them ended.

    share: by which sessions are numbered.
    """

    def __init__(self, shop: Shop, places: int, ring: Callable[[], None], share: Share = WHOLE) -> None:
        self.sessions = 0  # begun so far
        self._share = share
        self._shop = shop
        self._places: Places[Destination] = Places(places)
        self._ring = ring
        self._schedule: Schedule[Destination | Queue] = Schedule()
        self._lanes: dict[asyncio.Task[None], Lane] = {}
        self._asking: dict[asyncio.Task[None], Queue] = {}  # the DNS
        self._look_ups = LookUps()
        self._starving: list[Destination] = []  # in line for a place
        self._counted: Load | None = None  # sessions that are late, or may be
        self._moment: float | None = None  # when one of them may get it
        self._asks_at: float | None = None  # when the next one in line may be looked up

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._lanes or self._asking)

    def number(self) -> int:
        """Return the number of one more session."""
        self.sessions += 1
        return self._share.number(self.sessions)

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
        if destination.stuck:
            self._shop.desk.balance()

    def crowded(self, lane: Lane) -> bool:
        """Whether a session had its turn, and another destination waits for its place."""
        if not self._starving:
            return False
        now = self._shop.clock.now()
        return self._places.had_its_turn(lane.stay.taken(), now, self._taken(), self._starving)

    def next_moment(self) -> float | None:
        """Return when time alone gives something to do, or None."""
        moments = (self._schedule.next_alarm(), self._moment, self._asks_at)
        return min((at for at in moments if at is not None), default=None)

    def serve(self, now: float) -> None:
        """Begin what there is to begin."""
        progress, self._counted = True, None
        while progress:
            progress = False
            line = self._schedule.due(now)
            for queue in line:
                progress |= isinstance(queue, Queue) and self._find(queue, now)
            known = False  # whether one that is known to serve may want yet another place
            for one in self._places.in_turn(_destinations(line), self._load):
                begun = self._serve(one, now, known=known)
                known |= begun and not one.stranger
                progress |= begun
        line = self._schedule.due(now)
        self._starving = _destinations(line)
        self._moment = None
        if self._starving:
            self._make_room(now)
        self._asks_at = self._look_ups.next_moment(now) if len(line) > len(self._starving) else None

    def reap(self) -> None:
        """Forget what ended; raises what one of them raised."""
        ended = [task for task in (*self._lanes, *self._asking) if task.done()]
        for task in ended:
            lane = self._lanes.pop(task, None)
            queue = self._asking.pop(task, None)
            if lane is not None:
                self._places.ended(lane.stay.taken(), self._shop.clock.now(), self._starving)
                self.changed(lane.destination)
            if queue is not None:
                self._look_ups.end(queue.name)
                self.queue_changed(queue)
        # all are asked, else asyncio tells of those that were not; cancelled: stopped before its first step
        errors = [error for task in ended if not task.cancelled() and (error := task.exception()) is not None]
        if errors:
            raise errors[0]

    def cancel(self) -> None:
        """Ask everything under way to end; who asks sees for itself that the run is stopping."""
        for task in (*self._lanes, *self._asking):
            if task is not asyncio.current_task():
                task.cancel()

    async def wait(self) -> None:
        """Wait until nothing is under way any more."""
        if self.busy:
            await asyncio.wait([*self._lanes, *self._asking])

    def _look_at(self, one: Destination | Queue) -> None:
        self._schedule.look_at(one)
        self._ring()

    def _serve(self, destination: Destination, now: float, *, known: bool) -> bool:
        """Begin one more session with a destination, if it wants one; return whether that was done.

        known: whether somebody in line is known to serve.
        """
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
        if not self._places.free_for(destination, now, len(self._lanes), self._load, known=known):
            return False  # stays in line
        self._begin(destination)
        self._schedule.to_the_end(destination)
        return True

    def _begin(self, destination: Destination) -> None:
        self._counted = None
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

    def _make_room(self, now: float) -> None:
        """Take the place of one idle session whose destination is not in line itself, else those of the tardy."""
        for lane in self._lanes.values():
            if lane.leisure.waiting and lane.destination not in self._starving:
                lane.leisure.retire()
                return
        taken = self._taken()
        leaving = {one.number for one in self._places.giving_way(now, taken, self._starving)}
        for lane, one in zip(self._lanes.values(), taken, strict=True):
            if one.number in leaving:
                lane.stay.leave()
        self._moment = self._places.next_moment(now, taken, self._starving)

    def _load(self) -> Load:
        """Return how many sessions are late, or may be; counted once while nothing begins, whoever stands in line."""
        if self._counted is None:
            self._counted = load_of(self._taken(), self._shop.clock.now())
        return self._counted

    def _taken(self) -> list[Taken[Destination]]:
        return [lane.stay.taken() for lane in self._lanes.values()]

    def _find(self, queue: Queue, now: float) -> bool:
        """Begin to look up the destination of a queue, if somebody is due there; return whether that was done."""
        if queue.name in self._look_ups or not queue.agenda.ready(now):
            self._schedule.done(queue, queue.agenda.next_later())
            return False
        if not self._look_ups.room(now):
            return False  # stays in line
        task = asyncio.create_task(self._look_up(queue), name=f"maildrill look-up of {queue.name}")
        task.add_done_callback(lambda _: self._ring())
        self._asking[task] = queue
        self._look_ups.begin(queue.name, now)
        self._schedule.done(queue, None)
        return True

    async def _look_up(self, queue: Queue) -> None:
        shop = self._shop
        started = shop.clock.now()
        found = await shop.ways.look_up(queue)
        if isinstance(found, Broken):
            await self._rule(queue, found, started)
        else:
            shop.desk.balance()

    async def _rule(self, queue: Queue, found: Broken, started: float) -> None:
        """There is no host for the recipients of a queue: rule for all who are due."""
        shop, now = self._shop, self._shop.clock.now()
        go = Try(0, None, started, now, account="direct", host="", relay=queue.name)
        while batch := shop.desk.take(queue, now, _RULED):
            addresses = tuple(waiting.address for waiting in batch)
            rulings = judge_setup(found, addresses, direct=True, unusable_fails=shop.unusable_fails)
            await shop.desk.conclude(batch, rulings, go)


def _destinations(line: Iterable[Destination | Queue]) -> list[Destination]:
    return [one for one in line if isinstance(one, Destination)]
