"""The servers of a drill, one for each host, and what all of them saw, told as one.

Rule: sessions of different servers have different numbers, and everything is in the order of time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TypeVar

from maildrill.fakeserver.journal.expectations import unmet
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.server import FakeServer
from maildrill.scenarios.answered import Answered
from maildrill.scenarios.drill_accounts import strict_hosts
from maildrill.scenarios.fake_dns import FakeResolver, Records, Zone
from maildrill.scenarios.gather import Witness
from maildrill.scenarios.oracles import Asked, Connected, Taken
from maildrill.sender.campaign import Campaign
from maildrill.sender.route.answers import Mx
from maildrill.sender.security import TlsMode
from maildrill.smtp import Clock

#: Session n of the k-th server is called n + k * _FAR: no server of a drill has so many.
_FAR = 10_000_000
#: Who takes all mail of a direct campaign whose drill has no DNS of its own.
EVERYBODYS_MX = "mx.drill.example"

_T = TypeVar("_T", Asked, Connected, Taken)


@dataclass(frozen=True, slots=True)
class Cast:
    """Which hosts there are, and what each says; dns: what leads to them, where the campaign asks."""

    hosts: Mapping[str, Script]
    dns: Zone = field(default_factory=dict)


def cast(campaign: Campaign, script: Script, hosts: Mapping[str, Script], dns: Zone) -> Cast:
    """Return the servers that a campaign will talk to: those that are named, and one with `script` for every other."""
    if not campaign.direct:
        return Cast({**{member.account.host: script for member in campaign.members}, **hosts})
    if hosts or dns:
        others = {mx.host for records in dns.values() for mx in records.mx if mx.host}
        return Cast({**dict.fromkeys(sorted(others), script), **hosts}, dns)
    return Cast({EVERYBODYS_MX: script}, {"*": Records(mx=(Mx(10, EVERYBODYS_MX),))})


class Servers:
    """All servers of a drill, running.

    keep: how much of it each server's own journal keeps, where its script does not expect anything of it; None: all.
    """

    def __init__(  # noqa: PLR0913 - what all of them have in common
        self,
        cast: Cast,
        campaign: Campaign,
        clock: Clock,
        seed: int | None,
        settings: Settings | None = None,
        *,
        keep: int | None = None,
    ) -> None:
        self._cast = cast
        self._keep = keep
        self._clock = clock
        self._seed = seed
        self._settings = settings
        members = [member.account for member in campaign.members]
        self._implicit = {account.host for account in members if account.security.mode is TlsMode.IMPLICIT}
        self._ports = {member.account.host: member.account.port for member in campaign.members}
        self._port = campaign.account.port
        self._campaign = campaign
        self.by_host: dict[str, FakeServer] = {}
        self._witnesses: dict[str, Witness] = {}
        self.resolver = FakeResolver(cast.dns, clock, cast.hosts) if campaign.direct else None

    async def start(self) -> None:
        """Listen: by name, and where the DNS says that the host is."""
        for host, script in self._cast.hosts.items():
            known = bool(script.expectations) or self._keep is None
            journal = Journal(keep=None if known else self._keep, folded=known)
            self._witnesses[host] = Witness(journal)
            server = self.by_host[host] = FakeServer(
                script, clock=self._clock, seed=self._seed, settings=self._settings, journal=journal
            )
            port = self._ports.get(host, self._port)
            places = [host] if self.resolver is None else self.resolver.addresses_of(host)
            for place in places:
                await server.start(place, port, tls=host in self._implicit)

    async def stop(self) -> None:
        """Stop listening and end all connections."""
        for server in self.by_host.values():
            await server.stop()

    def work(self) -> tuple[int, int, int]:
        """Return how many commands and questions for the DNS came, how many were RCPT, and most of one recipient."""
        seen = self._witnesses.values()
        commands = sum(one.commands for one in seen) + (0 if self.resolver is None else len(self.resolver.asked))
        return commands, sum(one.rcpt for one in seen), max((one.most for one in seen), default=0)

    def clock_put(self) -> None:
        """The clock is put to another time: what comes from now on is later, whatever its moment says."""
        for one in self._witnesses.values():
            one.clock_put()

    def asked(self) -> tuple[Asked, ...]:
        """Return every command in the order in which it was read."""
        return self._merged([one.asked() for one in self._witnesses.values()], lambda one: one.at)

    def taken(self) -> tuple[Taken, ...]:
        """Return every end of data, in order."""
        return self._merged([one.taken() for one in self._witnesses.values()], lambda one: one.at)

    def connected(self) -> tuple[Connected, ...]:
        """Return every connection, in the order of their beginning."""
        found = [one.connected(host) for host, one in self._witnesses.items()]
        return self._merged(found, lambda one: one.opened)

    def severed(self) -> frozenset[int]:
        """Return the sessions in which octets may have been lost on their way to the sender."""
        return frozenset(
            number + place * _FAR for place, one in enumerate(self._witnesses.values()) for number in one.severed()
        )

    def unmet(self) -> list[str]:
        """Return what scripts expected of the sender that did not come."""
        said: list[str] = []
        for host, server in self.by_host.items():
            strict = () if server.play is None else server.play.unmet()
            expectations = self._cast.hosts[host].expectations
            found = [*strict, *(map(str, unmet(expectations, server.journal)) if expectations else ())]
            said += found if len(self.by_host) == 1 else [f"{host}: {one}" for one in found]
        return said

    def unroutable(self) -> frozenset[str]:
        """Return the domains that were asked for and that the DNS, or a 521 from each host, leads nowhere."""
        if self.resolver is None:
            return frozenset()
        never = {host for host, one in self._witnesses.items() if one.takes_no_mail}
        return frozenset(name for _, kind, name in self.resolver.asked if kind == "MX") & self.resolver.dead_ends(never)

    def strict(self) -> frozenset[str]:
        """Return the hosts to which mail may not go in clear, by the accounts or by what the DNS says of them."""
        if self.resolver is None:
            return strict_hosts(self._campaign)
        everyone = frozenset(self.by_host) if self._campaign.account.security.enforced else frozenset[str]()
        return everyone | self.resolver.vouched(self._port)

    def answered(self) -> Counter[Answered]:
        """Return how often each kind of answer was given."""
        return sum((one.answered for one in self._witnesses.values()), Counter[Answered]())

    def fired(self) -> frozenset[str]:
        """Return the rules that acted."""
        return frozenset(rule for one in self._witnesses.values() for rule in one.fired)

    def _merged(self, lists: Sequence[tuple[_T, ...]], moment: Callable[[_T], float]) -> tuple[_T, ...]:
        if len(lists) == 1:
            return lists[0]
        told = [
            (witness.era(one, number), moment(one), replace(one, session=one.session + place * _FAR))
            for place, (witness, found) in enumerate(zip(self._witnesses.values(), lists, strict=True))
            for number, one in enumerate(found)
        ]
        return tuple(one for _, _, one in sorted(told, key=itemgetter(0, 1)))
