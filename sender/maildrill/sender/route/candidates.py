"""Which hosts take the mail of a domain, in which order: RFC 5321 section 5.1, RFC 7505. Pure.

Rule 1: what the DNS says for good is final, what it could not say now is asked again. Rule 2: order among equals is a
hash of the seed, never chance. Rule 3: no host that is ourselves, and none that is tried after us.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, zip_longest

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.route.answers import AddressAnswer, Found, Mx, MxAnswer
from maildrill.smtp import Stage

#: More are not tried in one go: RFC 5321 section 5.1 wants two at least, and a limit.
MOST_TARGETS = 6


@dataclass(frozen=True, slots=True)
class Host:
    """A host that takes mail for a domain, and where it is to be found."""

    name: str
    preference: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """The hosts of a domain, best first, and for how many seconds the DNS stands by it. secure: by DNSSEC."""

    hosts: tuple[Host, ...]
    ttl: float
    secure: bool = False

    @property
    def site(self) -> str:
        """The name of this set of hosts: domains with the same hosts are one destination."""
        return ",".join(sorted(host.name for host in self.hosts))


@dataclass(frozen=True, slots=True)
class Target:
    """One address of one host."""

    host: str
    address: str


def hosts_of(domain: str, answer: MxAnswer, own_names: Collection[str] = ()) -> tuple[Mx, ...] | Broken:
    """Return the MX records worth asking addresses for, best first, or why there is none.

    A domain without MX records is its own host (RFC 5321 section 5.1: the implicit MX). own_names: what we are
    called, in lower case; hosts that are we, or not better than we are, are left out.
    """
    match answer.found:
        case Found.NXDOMAIN:
            return _no(Fault.NXDOMAIN, answer.detail or f"domain {domain} does not exist")
        case Found.TROUBLE | Found.TIMEOUT:
            return _trouble(answer.found, f"MX of {domain}", answer.detail)
        case Found.NOTHING:
            return (Mx(0, domain),)
    if answer.records and not any(mx.host for mx in answer.records):
        return _no(Fault.NULL_MX, f"domain {domain} accepts no mail")  # RFC 7505 section 3: beside others it is none
    records = sorted((mx for mx in answer.records if mx.host), key=lambda mx: mx.preference)
    ours = min((mx.preference for mx in records if mx.host.lower().rstrip(".") in own_names), default=None)
    if ours is not None:
        records = [mx for mx in records if mx.preference < ours]
    if not records:
        return _no(Fault.LOOP, f"mail for {domain} comes back to us: the best host for it is this one")
    return tuple(records)


def course(domain: str, records: Sequence[Mx], found: Mapping[str, AddressAnswer], answer: MxAnswer) -> Course | Broken:
    """Return where mail for a domain goes, given the addresses that were found for each host of `records`."""
    hosts = tuple(Host(mx.host, mx.preference, found[mx.host].addresses) for mx in records if found[mx.host].addresses)
    if hosts:
        ttl = min([answer.ttl, *(found[host.name].ttl for host in hosts)])
        return Course(hosts, ttl, answer.secure and all(found[host.name].secure for host in hosts))
    for mx in records:
        if found[mx.host].found.temporary:
            return _trouble(found[mx.host].found, f"address of {mx.host}", found[mx.host].detail)
    if answer.found is Found.NOTHING:  # neither MX nor address
        return _no(Fault.NO_HOST, f"domain {domain} has neither MX nor address")
    named = ", ".join(mx.host for mx in records)
    return _no(Fault.UNUSABLE, f"no address is known for any host of {domain}: {named}")


def targets(
    course: Course, *, seed: int, number: int, down: Callable[[str], bool] = lambda _: False
) -> tuple[Target, ...]:
    """Return what to connect to, in order, in the `number`-th session: hosts by preference, equal ones shuffled.

    IPv6 and IPv4 take turns within a host. Hosts that are `down` come after all others, and only where nobody else is
    left are they tried at all.
    """

    def lot(host: Host) -> bytes:
        return blake2b(f"mx|{seed}|{number}|{host.name}".encode(), digest_size=8).digest()

    ordered = sorted(course.hosts, key=lambda host: (host.preference, lot(host)))
    up = [host for host in ordered if not down(host.name)] or ordered
    # the second address of the best host before the next host would spend the whole limit on one machine room
    found = [
        Target(host.name, address) for host in up for address in _taking_turns(host.addresses)[: MOST_TARGETS // 2]
    ]
    return tuple(found[:MOST_TARGETS])


def _taking_turns(addresses: Sequence[str]) -> list[str]:
    six = [address for address in addresses if ":" in address]
    four = [address for address in addresses if ":" not in address]
    return [address for address in chain.from_iterable(zip_longest(six, four)) if address]


def _trouble(found: Found, what: str, detail: str) -> Broken:
    fault = Fault.TIMEOUT if found is Found.TIMEOUT else Fault.SERVFAIL
    return Broken(Stage.DNS, fault, None, detail or f"{what}: {found}")


def _no(fault: Fault, detail: str) -> Broken:
    return Broken(Stage.DNS, fault, None, detail)
