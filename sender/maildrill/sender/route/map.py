"""Make the ways of a run from its campaign: destinations, with their limits and what was learned of them."""

from __future__ import annotations

from collections.abc import Callable

from maildrill.sender.campaign import Campaign, DestinationLimits
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.destination import Destination, House
from maildrill.sender.ledger import Ledger
from maildrill.sender.pacing.hours import midnight_before
from maildrill.sender.pacing.lessons import Kind, Lesson
from maildrill.sender.pacing.limits import own_limits
from maildrill.sender.pacing.pace import Groups, Pace, Throttle, Together
from maildrill.sender.queues import Queues
from maildrill.sender.route.direct import Direct
from maildrill.sender.route.resolver import Resolver
from maildrill.sender.route.ways import Accounts, Open, Ways
from maildrill.sender.setup.published import Fetcher, Published
from maildrill.smtp import Clock


def ways_of(  # noqa: PLR0913 - everything that a run touches is given
    campaign: Campaign,
    queues: Queues,
    ledger: Ledger,
    log: ConnectionLog,
    *,
    open_session: Open,
    resolver: Resolver | None,
    fetcher: Fetcher | None,
    clock: Clock,
    own_names: frozenset[str],
    changed: Callable[[Destination], None],
) -> Ways:
    """Return the ways that the campaign's route describes."""
    maker = _Maker(campaign, ledger, log, clock.now(), changed)
    if campaign.direct:
        if resolver is None:
            from maildrill.sender.route.dns_resolver import DnsResolver  # noqa: PLC0415 - dnspython, where it is needed
            from maildrill.sender.setup.https import HttpsFetcher  # noqa: PLC0415 - likewise

            resolver = DnsResolver(campaign.route.resolvers)
            fetcher = fetcher or HttpsFetcher(resolver)
        published = Published(resolver, fetcher)  # a drill has no web
        return Direct(
            campaign, maker.make, open_session, resolver, clock=clock, own_names=own_names, published=published
        )
    return Accounts(
        campaign, queues, lambda label, relay, own: maker.make(label, relay, own, (label, relay)), open_session
    )


class _Maker:
    """Makes destinations."""

    def __init__(
        self,
        campaign: Campaign,
        ledger: Ledger,
        log: ConnectionLog,
        now: float,
        changed: Callable[[Destination], None],
    ) -> None:
        limits = campaign.limits
        self._limits = limits
        self._lessons: dict[str, dict[Kind, Lesson]] = {}
        for lesson in ledger.lessons():
            self._lessons.setdefault(lesson.destination, {})[lesson.kind] = lesson
        self._campaign = campaign
        self._ledger = ledger
        self._midnight = midnight_before(now, limits.opening.zone)
        self._used: dict[str, int] | None = None
        self._house = House(
            limits=limits,
            mode=campaign.mode,
            log=log,
            pace=_common(campaign),
            now=now,
            first=ledger.created,
            used=self._used_today,
            changed=changed,
            several=len(campaign.members) != 1,
        )

    def make(
        self, label: str, relay: str, own: DestinationLimits, names: tuple[str, ...], *, direct: bool = False
    ) -> Destination:
        """Return a new destination; names: what the campaign's patterns may call it."""
        named = own_limits(self._limits, names)
        return Destination(
            label=label,
            relay=relay,
            house=self._house,
            own=own if named == DestinationLimits() else named,
            lessons=dict(self._lessons.get(label, {})),
            direct=direct,
        )

    def _used_today(self, label: str) -> int:
        if self._used is None:
            self._used = dict(self._ledger.sent_since(self._midnight))
        return self._used.get(label, 0)


def _common(campaign: Campaign) -> Throttle:
    """Return what all messages of a run wait for together."""
    limits = campaign.limits
    throttles: list[Throttle] = []
    if limits.opening.hours:
        throttles.append(limits.opening)
    if limits.rate is not None:
        throttles.append(Pace(limits.rate, limits.burst))
    if limits.group:
        throttles.append(Groups(limits.group, limits.interval))
    return Together(*throttles)
