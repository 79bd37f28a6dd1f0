"""Which destinations there were, at which hosts, and how much the campaign lets each of them bear. Pure.

Campaign and log speak of destinations, the journal of hosts: the log says who is where. Rule: where several
destinations share a host they are judged together, as leniently as any of them may be treated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import inf

from maildrill.sender.campaign import Campaign, DestinationLimits, Limits
from maildrill.sender.ledger.records import AttemptRecord
from maildrill.sender.log_event import LogEvent
from maildrill.smtp import domain_of
from maildrill.smtp.quantity import Rate


@dataclass(frozen=True, slots=True)
class Place:
    """A destination. label, relay: as the log calls it. owns: what the campaign may say of it; one of them holds."""

    label: str
    relay: str
    hosts: frozenset[str]
    owns: tuple[DestinationLimits, ...]

    def most(self, pick: Callable[[DestinationLimits], int | None], general: float) -> float:
        """Return the most that may be allowed here; general: where nothing is said of it by name."""
        said = map(pick, self.owns)
        return max(general if value is None else value for value in said)


@dataclass(frozen=True, slots=True)
class District:
    """Destinations that share hosts, and the hosts of all of them."""

    places: tuple[Place, ...]
    hosts: frozenset[str]

    @property
    def name(self) -> str:
        """What it is called in findings."""
        return " and ".join(place.label for place in self.places)


def places_of(
    campaign: Campaign, attempts: Iterable[AttemptRecord], events: Mapping[str, Sequence[LogEvent]]
) -> list[Place]:
    """Return the destinations of a campaign; attempts say which domain is where; events: the log's, by kind."""
    if not campaign.direct:
        return list(_accounts(campaign))
    met: dict[str, set[str]] = {}
    for event in (*events.get("session.opened", ()), *events.get("session.refused", ())):
        label = str(event.fields.get("account", ""))
        met.setdefault(label, set(label.split(","))).add(str(event.fields.get("host") or label))
    domains: dict[str, set[str]] = {}
    for attempt in attempts:
        domains.setdefault(attempt.account, set()).add(domain_of(attempt.recipient))
    return [
        Place(label, label, frozenset(hosts), tuple(_own(campaign.limits, (one, *hosts)) for one in served))
        for label, hosts in met.items()
        if (served := sorted(domains.get(label, ())))
    ]


def districts(places: Iterable[Place]) -> list[District]:
    """Return the places, those together that have a host in common."""
    found: list[District] = []
    for place in places:
        near = [one for one in found if one.hosts & place.hosts]
        found = [one for one in found if one not in near]
        together = (*(other for one in near for other in one.places), place)
        found.append(District(together, frozenset(host for one in together for host in one.hosts)))
    return found


def _accounts(campaign: Campaign) -> Iterator[Place]:
    for member in campaign.members:
        account = member.account
        named = _own(campaign.limits, (account.label, account.relay))
        own = member.limits if named == DestinationLimits() else named
        yield Place(account.label, account.relay, frozenset({account.host}), (own,))


def _own(limits: Limits, names: Iterable[str]) -> DestinationLimits:
    """Return what the first pattern that fits one of the names says."""
    known = [name.lower() for name in names]
    fitting = (
        own for pattern, own in limits.destinations.items() if any(fnmatchcase(one, pattern.lower()) for one in known)
    )
    return next(fitting, DestinationLimits())


def connections_at(place: Place, limits: Limits) -> float:
    """Return how many connections there may be at once."""
    each = limits.each.connections
    most = place.most(lambda own: own.connections, limits.connections if each is None else each)
    return min(most, limits.connections)


def messages_at(place: Place, limits: Limits, learned: float = inf) -> float:
    """Return how many messages a session may have."""
    return place.most(lambda own: own.messages_per_connection, min(limits.messages_per_connection, learned))


def recipients_at(place: Place, limits: Limits, learned: float = inf) -> float:
    """Return how many recipients a transaction may have."""
    return place.most(lambda own: own.recipients_per_transaction, min(limits.recipients_per_transaction, learned))


def pace_at(place: Place, limits: Limits) -> tuple[Rate | None, int]:
    """Return the rate of a destination, and how many messages there may begin at once; None: nobody knows of one."""
    if len(set(place.owns)) != 1:
        return None, 1
    own, each = place.owns[0], limits.each
    return own.rate or each.rate, own.burst or each.burst or 1
