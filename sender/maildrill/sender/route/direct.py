"""Deliver to the hosts that recipients' domains name: RFC 5321 section 5.1.

Rule 1: domains whose mail goes to the same hosts are one destination: it counts our sessions, whoever they are for.
Rule 2: the next host is tried for what a host said of itself, never for what was said of a message (and so never
after an Unknown). Rule 3: hosts that fail are passed over for a while; the best one is asked again first.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.campaign import Account, Campaign, DestinationLimits
from maildrill.sender.destination import Destination
from maildrill.sender.pacing.breaker import Breaker
from maildrill.sender.plan import Waiting
from maildrill.sender.queues import Queue, Site, Unknown
from maildrill.sender.route.candidates import Course, Target, course, hosts_of, targets
from maildrill.sender.route.resolver import Resolver
from maildrill.sender.route.ways import Met, Open, Passed
from maildrill.sender.security import Security
from maildrill.sender.setup.published import Published
from maildrill.smtp import Clock, OnSaid, Stage, domain_of

#: So many failures in a row, and a host is passed over for a while.
HOST_FAILURES = 2
#: Domains of a destination that are looked at at once: those whose turn is next.
MOST_SERVED = 8

Make = Callable[..., Destination]


class Hosts:
    """What is known of single hosts."""

    def __init__(self) -> None:
        self._breakers: dict[str, Breaker] = {}
        self._never: set[str] = set()  # 521: takes no mail at all (RFC 7504)

    def down(self, host: str, now: float) -> bool:
        """Whether a host is to be passed over now."""
        breaker = self._breakers.get(host)
        return host in self._never or (breaker is not None and not breaker.allows(now))

    def failed(self, host: str, now: float, broken: Broken) -> None:
        """Note that no session came about with a host."""
        if broken.stage is Stage.BANNER and broken.reply is not None and broken.reply.code == 521:
            self._never.add(host)
            return
        breaker = self._breakers.get(host, Breaker(threshold=HOST_FAILURES))
        self._breakers[host] = breaker.failed(now, probe=breaker.tripped)

    def answered(self, host: str) -> None:
        """Note that a session came about."""
        self._breakers.pop(host, None)


class Direct:
    """The hosts of recipients' domains."""

    def __init__(  # noqa: PLR0913 - what it asks, whom it calls, and what it makes
        self,
        campaign: Campaign,
        make: Make,
        open_session: Open,
        resolver: Resolver,
        *,
        clock: Clock,
        own_names: frozenset[str],
        published: Published | None = None,
    ) -> None:
        self._campaign = campaign
        self._published = published
        self._make = make
        self._open = open_session
        self._resolver = resolver
        self._clock = clock
        self._own_names = own_names
        self._sites: dict[str, Destination] = {}
        self._home: dict[str, Destination] = {}
        self._courses: dict[str, tuple[float, Course]] = {}
        self._hosts = Hosts()
        self._turns: dict[str, list[tuple[float, str]]] = {}  # of each site: when which domain is due, a heap

    @property
    def destinations(self) -> Iterable[Destination]:
        """One for each set of hosts that was found."""
        return self._sites.values()

    def name_of(self, waiting: Waiting) -> str:
        """Return the domain of a recipient."""
        return domain_of(waiting.address)

    def of(self, queue: Queue) -> Destination | None:
        """Return the hosts that take mail for a domain, if they are known."""
        site = self._home.get(queue.name)
        if site is not None:
            self._remember(site, queue)
        return site

    def site_of(self, queue: Queue) -> Site:
        """Return the destination of a domain; one that was not looked up yet is a site by itself."""
        return self._home.get(queue.name) or Unknown(queue.name, {queue.name: queue})

    @property
    def turns_of(self) -> None:
        """Queues are domains."""

    def served_by(self, destination: Destination) -> Sequence[Queue]:
        """Return the domains of a destination, those whose turn is next, the longest due in front."""
        if destination.out:
            return ()
        turns, found = self._turns.setdefault(destination.label, []), dict[str, tuple[float, Queue]]()
        while turns and len(found) < MOST_SERVED:
            due, name = heapq.heappop(turns)
            queue = destination.queues.get(name)
            now_due = None if queue is None else queue.agenda.next_due()
            if queue is None or now_due is None or name in found:
                continue  # moved, empty, or there already
            if now_due > due:  # whoever was due has been taken: in its new place
                heapq.heappush(turns, (now_due, name))
            else:
                found[name] = (now_due, queue)
        for name, (due, _) in found.items():
            heapq.heappush(turns, (due, name))
        return [queue for _, queue in found.values()]

    def _remember(self, site: Destination, queue: Queue) -> None:
        """Give a domain its place among those of a site, by when somebody there is due."""
        due = queue.agenda.next_due()
        if due is not None:
            heapq.heappush(self._turns.setdefault(site.label, []), (due, queue.name))

    def orphans(self, destination: Destination) -> Iterable[Queue]:
        """Return the domains of a destination that is out."""
        return destination.queues.values()

    def concerned(self, destination: Destination) -> Iterable[Destination]:
        """Nobody stands in for anybody."""
        return (destination,)

    async def look_up(self, queue: Queue) -> Destination | Broken:
        """Find the hosts of a domain, and the destination that they are."""
        found = await self._course(queue.name)
        if isinstance(found, Broken):
            return found
        site = self._sites.get(found.site)
        if site is None:
            names = (queue.name, *(host.name for host in found.hosts))
            site = self._make(found.site, found.site, DestinationLimits(), names, direct=True)
            self._sites[found.site] = site
        before = self._home.get(queue.name)
        if before is not None and before is not site:
            before.queues.pop(queue.name, None)
        site.queues[queue.name] = queue
        self._home[queue.name] = site
        self._remember(site, queue)
        return site

    async def connect(self, destination: Destination, number: int, on_said: OnSaid, passed: Passed) -> Met:
        """Try the hosts of the domain that is due next, one after the other, until one takes us."""
        met = Met(Broken(Stage.CONNECT, Fault.REFUSED, None, "no host left"), "", destination.relay)
        queues = self.served_by(destination)
        if not queues:
            return replace(met, found=Broken(Stage.CONNECT, Fault.STOPPED))
        road = await self._course(queues[0].name)
        if isinstance(road, Broken):
            return replace(met, found=road)
        if road.site != destination.label:  # the DNS has other hosts now
            await self.look_up(queues[0])
            return replace(met, found=Broken(Stage.CONNECT, Fault.STOPPED))
        now = self._clock.now()
        ordered = targets(road, seed=self._campaign.seed, number=number, down=lambda host: self._hosts.down(host, now))
        refusals: list[Met] = []
        for target in ordered:
            if refusals:
                passed(refusals[-1])
            met = await self._meet(target, on_said, destination.queues, secure=road.secure)
            if not isinstance(met.found, Broken) or met.found.fault is Fault.STOPPED:
                return met
            refusals.append(met)
        # one host takes no mail at all; what another said may be otherwise tomorrow
        return next((one for one in reversed(refusals) if not _never(one.found)), met)

    async def _meet(self, target: Target, on_said: OnSaid, domains: Iterable[str], *, secure: bool) -> Met:
        account = replace(self._campaign.account, host=target.host, address=target.address)
        security = await self._security(account, domains, secure=secure)
        if isinstance(security, Broken):  # not now: the host is not to blame, nor to be passed over
            return Met(security, target.host, account.relay)
        account = replace(account, security=security)
        found = await self._open(account, on_said)
        if not isinstance(found, Broken):
            self._hosts.answered(target.host)
        elif found.fault is not Fault.STOPPED:
            self._hosts.failed(target.host, self._clock.now(), found)
        return Met(found, target.host, account.relay)

    async def _security(self, account: Account, domains: Iterable[str], *, secure: bool) -> Security | Broken:
        """Return how the session must be secured: as strictly as any domain that it may be for has published."""
        if self._published is None:
            return account.security
        return await self._published.security(
            account.security, account.host, account.port, domains=domains, secure=secure, now=self._clock.now()
        )

    async def _course(self, domain: str) -> Course | Broken:
        """Return the hosts of a domain, from memory as long as the DNS stands by them."""
        now = self._clock.now()
        known = self._courses.get(domain)
        if known is not None and now < known[0]:
            return known[1]
        answer = await self._resolver.mx(domain)
        records = hosts_of(domain, answer, self._own_names)
        if isinstance(records, Broken):
            return records
        found = await asyncio.gather(*(self._resolver.addresses(mx.host) for mx in records))
        road = course(domain, records, dict(zip((mx.host for mx in records), found, strict=True)), answer)
        if isinstance(road, Course):
            self._courses[domain] = (now + road.ttl, road)
        return road


def _never(found: object) -> bool:
    return (
        isinstance(found, Broken)
        and found.stage is Stage.BANNER
        and found.reply is not None
        and found.reply.code == 521
    )
