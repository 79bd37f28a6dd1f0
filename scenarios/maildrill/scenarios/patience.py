"""How much may happen in a drill before it is taken for one that has no end, and is broken off.

Rule 1: no honest drill comes near: whatever a sender may do without end is paid for by time, or by what became of
somebody. Rule 2: only what happens is counted, never real time: the same drill ends at the same place on any machine.
BUGS: a call-back that never returns is a hang all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import TypeVar

from maildrill.scenarios.oracles.packed import Events
from maildrill.scenarios.servers import Servers
from maildrill.scenarios.world import World
from maildrill.scenarios.world.trouble import Livelock
from maildrill.sender.attempt import Verdict
from maildrill.sender.campaign import Campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.retry import floor
from maildrill.smtp.quantity import format_duration

_T = TypeVar("_T")

_MINUTE, _DAY = 60.0, 86_400.0
#: How often one recipient may be named before anything became of anybody; in each minute, as whoever was told 421
#: stands aside for one; and for each other that was served meanwhile, for a host that serves is not left alone.
_NAMED, _NAMED_A_MINUTE, _NAMED_FOR_OTHERS = 1000, 4, 10
#: Commands, questions and connections that go with one RCPT, and with one failure of a host: TLS and AUTH, and twice.
_WITH_RCPT, _WITH_FAILURE = 20, 16
#: The same for anything that became of somebody, at each host that was tried for it; and before anything did.
_WITH_END, _BEFORE = 100, 5000
#: Timers that may run out between two commands: a server may drip a long reply, octet by octet, into each connection.
_SILENT, _DRIPPED = 1_000_000, 100_000
#: What a slow host may take besides; what opening hours may, which may be one hour in a week.
_SLOW, _OPENING = 2 * _DAY, 15 * _DAY
#: Looks that a sender may take to end once it is cancelled.
_LOOKS = 1024
#: Octets of a message that may take a deadline of their own on their way.
_BLOCK, _BLOCK_TAKES = 16_384, 180.0


@dataclass(slots=True)
class Patience:
    """Looks at a drill now and then, and ends it where it has no end; `said` is then why, in words.

    people: how many recipients there may be. lives: how often somebody may have them tried anew.
    """

    campaign: Campaign
    world: World
    servers: Servers
    events: Events
    log: ConnectionLog
    people: int
    lives: int
    said: str = ""
    _ends: int = 0  # what had become of people when it was counted last
    _since: float = 0.0  # when that was, at which count
    _ends_then: int = 0
    _moved: int = 0  # commands and connections when one came last, and how many timers had run out by then
    _fired: int = 0
    _patient: int = _LOOKS
    _borne: asyncio.Task[object] | None = None
    _span: float = field(init=False)

    def __post_init__(self) -> None:
        self._span = _span(self.campaign)
        self.world.loop.look = self.look

    def begin(self) -> None:
        """A run begins: that nothing happened before it does not count."""
        self._since, self._ends_then = self.world.loop.instant, self._count()

    async def bear(self, what: Callable[[], Awaitable[_T]]) -> _T | None:
        """Await something, and return what it gives; None where there was no end to it, or to something before it."""
        if self._over():
            return None
        self._borne = current = asyncio.current_task()
        try:
            return await what()
        except asyncio.CancelledError:
            if not self._over():
                raise
            assert current is not None  # noqa: S101 - it was cancelled
            current.uncancel()
            return None
        finally:
            self._borne = None

    def _over(self) -> bool:
        return bool(self.said)

    def look(self) -> None:
        """Cancel what is borne where there has been too much. Raises Livelock where it then goes on all the same."""
        if self.said:
            self._patient -= 1
            if self._patient <= 0:
                raise Livelock("the drill has no end, and the sender does not end when it is cancelled", hint=self.said)
            return
        for what, found, most in self._measured():
            if found > most:
                took = format_duration(round(self.world.loop.instant))
                self.said = f"no end after {took}: {what.format(found=found, most=most)}"
                if self._borne is not None:
                    self.log.emit("run.stopping", self.world.clock.now(), reason="no end")
                    self._borne.cancel()
                return

    def _measured(self) -> Iterator[tuple[str, int, int]]:
        """Yield what is bounded: what is said of it, how often it was, and how often it may be."""
        loop = self.world.loop
        if self._work() != self._moved:
            self._moved, self._fired = self._work(), loop.fired
        most = _SILENT + _DRIPPED * self.campaign.limits.connections
        yield "{found:,} timers ran out and nothing was said; {most:,} is the most", loop.fired - self._fired, most
        yield from self._paid_for()
        if loop.instant - self._since > self._span:
            before = self._ends_then
            self.begin()
            if self._ends == before:
                yield f"nothing came of anything for {format_duration(round(self._span))}", 1, 0
            most = self.lives * self.people * _tries(self.campaign)
            yield "{found:,} tries, and their lifetimes have room for {most:,}", self._ends, most

    def _paid_for(self) -> Iterator[tuple[str, int, int]]:
        """Yield what time pays for, and what becomes of people: that is counted only where it is looked for."""
        hosts, minutes = len(self.servers.by_host), self.world.loop.instant / _MINUTE
        places = hosts + (self.people if self.campaign.direct else 0)
        commands, rcpt, named = self.servers.work()
        other = commands - rcpt + self.world.loop.switchboard.placed
        failures = ceil(1 + minutes) * _WITH_FAILURE * (self.campaign.limits.connections + 5) * places
        enough = _BEFORE + _WITH_RCPT * rcpt + failures
        for what, found, free, each in (
            (
                "one recipient was named {found:,} times; {most:,} is the most",
                named,
                _NAMED + ceil(minutes * _NAMED_A_MINUTE),
                _NAMED_FOR_OTHERS,
            ),
            (
                "{found:,} connections, commands and questions; {most:,} is the most",
                other,
                enough,
                _WITH_END * (1 + hosts),
            ),
        ):
            if found > free + each * self._ends:
                self._count()
            yield what, found, free + each * self._ends

    def _count(self) -> int:
        """Count what became of people: tries that were about them, and ends without one."""
        released = Verdict.RELEASED.value
        tries = sum(verdict != released for (verdict,) in self.events.pick("attempt", "verdict"))
        ends = (len(self.events.kinds.get(kind, ())) for kind in ("recipient.expired", "recipient.held"))
        self._ends = tries + sum(ends)
        return self._ends

    def _work(self) -> int:
        return self.servers.work()[0] + self.world.loop.switchboard.placed


def _tries(campaign: Campaign) -> int:
    """Return how many tries a lifetime may have room for."""
    policy = campaign.retry
    afters = [one.after for one in campaign.overrides.each if one.after is not None]
    return ceil(policy.lifetime / min([floor(policy), *afters])) + 2


def _span(campaign: Campaign) -> float:
    """Return for how long nothing may become of anybody (seconds): a host is down, closed or slow, then a life ends."""
    limits = campaign.limits
    each = [limits.each, *limits.destinations.values(), *(member.limits for member in campaign.members)]
    rates = [limits.rate, *(one.rate for one in each)]
    pace = max([limits.interval, *(rate.seconds / rate.count for rate in rates if rate is not None)])
    days = max(len(one.warm_up or ()) for one in each) * _DAY
    octets = sum(file.stat().st_size for file in campaign.attachments)
    opening = _OPENING if limits.opening.hours else 0.0
    return 2 * (campaign.retry.lifetime + pace) + _SLOW + days + opening + octets / _BLOCK * _BLOCK_TAKES
