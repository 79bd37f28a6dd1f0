"""How a run finds its destinations: accounts, or the hosts of recipients' domains. A protocol, and the accounts.

Rule 1: a queue is served by its own destination while that works, else by whoever stands in for it. Rule 2: a session
of a destination is opened by its way: only that knows whom to talk to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from maildrill.sender.attempt import Broken
from maildrill.sender.campaign import Account, Campaign, DestinationLimits, RouteKind
from maildrill.sender.destination import Destination
from maildrill.sender.opener import OpenSession
from maildrill.sender.plan import ALL, Turns, Waiting
from maildrill.sender.queues import Queue, Queues, Site
from maildrill.sender.route.choice import home, stand_in, turns_of
from maildrill.smtp import OnSaid


@dataclass(frozen=True, slots=True)
class Met:
    """Who was met: the session, or why there is none; and who that was, also as `host:port`."""

    found: OpenSession | Broken
    host: str
    relay: str


#: Hears of a host that would not have us, when another one is tried instead.
Passed = Callable[[Met], None]


class Open(Protocol):
    """Opens a session with an account."""

    async def __call__(self, account: Account, on_said: OnSaid) -> OpenSession | Broken:
        """Return a session, or why there is none."""
        ...


class Ways(Protocol):
    """Which destination serves whom."""

    @property
    def destinations(self) -> Iterable[Destination]:
        """All destinations that are known so far."""
        ...

    def name_of(self, waiting: Waiting) -> str:
        """Return the name of the queue in which a recipient waits."""
        ...

    def of(self, queue: Queue) -> Destination | None:
        """Return the destination that a queue belongs to, or None: that must be looked up first."""
        ...

    @property
    def site_of(self) -> Callable[[Queue], Site] | None:
        """Which queues share the hosts of a queue, as far as is known; None where there is one queue."""
        ...

    @property
    def turns_of(self) -> Callable[[Collection[str]], Turns] | None:
        """Who takes part when queues of these names are left out; None where the names are domains."""
        ...

    def served_by(self, destination: Destination) -> Sequence[Queue]:
        """Return the queues that a destination serves now, its own first."""
        ...

    def orphans(self, destination: Destination) -> Iterable[Queue]:
        """Return the queues that nobody serves in this run any more, given that a destination is out."""
        ...

    def concerned(self, destination: Destination) -> Iterable[Destination]:
        """Return who may have something to do, or nothing any more, when a destination's fortune changes."""
        ...

    async def connect(self, destination: Destination, number: int, on_said: OnSaid, passed: Passed) -> Met:
        """Open the `number`-th session of the run, with a destination; `passed` gets who would not, before the next."""
        ...

    async def look_up(self, queue: Queue) -> Destination | Broken:
        """Return the destination of a queue that has none, or why it has none."""
        ...


class Accounts:
    """Accounts in rotation or in failover."""

    def __init__(
        self,
        campaign: Campaign,
        queues: Queues,
        make: Callable[[str, str, DestinationLimits], Destination],
        open_session: Open,
    ) -> None:
        self._members = campaign.members
        first = campaign.route.kind is RouteKind.FAILOVER
        self._weights = (1,) if first else tuple(member.weight for member in self._members)
        self._labels = [member.account.label for member in self._members]
        self._open = open_session
        self._queues = queues
        self._all: list[Destination] = []
        self._accounts: dict[str, Account] = {}
        self._by_label: dict[str, Destination] = {}
        for member in self._members:
            destination = make(member.account.label, member.account.relay, member.limits)
            if member.account.auth is not None:
                destination.gate.knock()
            queue = queues[destination.label]
            destination.queues[queue.name] = queue
            self._all.append(destination)
            self._by_label.setdefault(destination.label, destination)
            self._accounts[destination.label] = member.account

    @property
    def destinations(self) -> Iterable[Destination]:
        """One for each account."""
        return self._all

    @property
    def site_of(self) -> Callable[[Queue], Site] | None:
        """Every account by itself, where several have recipients of their own."""
        return self.of if len(self._weights) > 1 else None

    @property
    def turns_of(self) -> Callable[[Collection[str]], Turns]:
        """The ledger knows no accounts; but whose turn it was."""
        return self._turns_of

    def _turns_of(self, names: Collection[str]) -> Turns:
        places = [place for place, one in enumerate(self._all) if one.label in names]
        return Turns(*turns_of(self._weights, places)) if places else ALL

    def name_of(self, waiting: Waiting) -> str:
        """Return the label of the account that a recipient belongs to."""
        return self._labels[home(self._weights, waiting.key)]

    def of(self, queue: Queue) -> Destination:
        """Return the account of a queue."""
        return self._by_label[queue.name]

    def served_by(self, destination: Destination) -> Sequence[Queue]:
        """Return the account's own queue, unless it is out, and those of accounts that it stands in for."""
        if len(self._all) == 1:
            return [] if destination.out else [*destination.queues.values()]
        working = [one.working for one in self._all]
        if not any(working):  # an account that is out must not wait for one that will come back, and get none
            working = [not one.out for one in self._all]
        place = self._all.index(destination)
        others = [
            self._queues[one.label]
            for at, one in enumerate(self._all)
            if at != place and not working[at] and stand_in(working, at) == place
        ]
        own = [] if destination.out else [self._queues[destination.label]]
        return [*own, *others]

    def orphans(self, destination: Destination) -> Iterable[Queue]:  # noqa: ARG002 - Ways has it
        """Return all queues where all accounts are out."""
        return list(self._queues) if all(one.out for one in self._all) else ()

    def concerned(self, destination: Destination) -> Iterable[Destination]:  # noqa: ARG002 - Ways has it
        """Return all accounts: whoever stands in, or need not any more."""
        return self._all

    async def connect(
        self,
        destination: Destination,
        number: int,  # noqa: ARG002 - Ways has it
        on_said: OnSaid,
        passed: Passed,  # noqa: ARG002 - Ways has it
    ) -> Met:
        """Open a session with the account."""
        account = self._accounts[destination.label]
        return Met(await self._open(account, on_said), account.host, account.relay)

    async def look_up(self, queue: Queue) -> Destination | Broken:
        """Every queue is an account's."""
        raise LookupError(queue.name)
