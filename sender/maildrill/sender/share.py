"""What is one process's where several send a campaign together: recipients, session numbers, limits. Pure.

Rule 1: a recipient belongs to one of them, whoever asks, in every run of so many processes (invariant I41). Rule 2:
what the campaign allows is shared out, so that all of them together never do more (I20). Rule 3: what must be known in
one place, for it holds for all messages, or for all sessions of a host, is not shared out: such a campaign is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from maildrill.sender.campaign import Campaign, DestinationLimits, Limits
from maildrill.smtp import ConfigurationError

#: A multiplier without small factors (2**32 divided by the golden ratio): neighbours in the list, who alternate between
#: accounts, go to processes in no such order.
_SCATTER = 2654435769
_BITS = 32
_HINT = "leave --processes out: one process is enough for what is slowed down on purpose"


@dataclass(frozen=True, slots=True)
class Share:
    """The share of process number `place`, from 0, of `of` processes."""

    place: int = 0
    of: int = 1

    @property
    def whole(self) -> bool:
        """Whether it is everything."""
        return self.of == 1

    def has(self, key: int) -> bool:
        """Whether the recipient with this key (of the ledger) is one of this share's."""
        return (key * _SCATTER % (1 << _BITS)) * self.of >> _BITS == self.place

    def number(self, count: int) -> int:
        """Return the number of this process's `count`-th session, from 1: no other process has the same."""
        return (count - 1) * self.of + self.place + 1

    def of_campaign(self, campaign: Campaign) -> Campaign:
        """Return the campaign with this share of its limits; see `check_shares`."""
        members = tuple(
            replace(member, limits=self._of_destination(member.limits)) for member in campaign.route.members
        )
        route = replace(campaign.route, members=members)
        return replace(campaign, limits=self._of_limits(campaign.limits), route=route)

    def _of_limits(self, limits: Limits) -> Limits:
        return replace(
            limits,
            connections=self._part(limits.connections),
            each=self._of_destination(limits.each),
            destinations={pattern: self._of_destination(own) for pattern, own in limits.destinations.items()},
            sharers=self.of,
        )

    def _of_destination(self, limits: DestinationLimits) -> DestinationLimits:
        if limits.connections is None:
            return limits
        return replace(limits, connections=self._part(limits.connections))

    def _part(self, count: int) -> int:
        """Return this share of so many; those that are left over go to the first ones."""
        return count // self.of + (self.place < count % self.of)


#: One process sends it all.
WHOLE = Share()


def check_shares(campaign: Campaign, processes: int) -> None:
    """Raise ConfigurationError where a campaign cannot be shared out to so many processes."""
    if processes == 1:
        return
    obstacle = next(_obstacles(campaign, processes), None)
    if obstacle is not None:
        what, expected, hint = obstacle
        raise ConfigurationError(
            f"{processes} processes cannot share this campaign: {what}",
            where=str(campaign.file),
            expected=expected,
            hint=hint,
        )


def _obstacles(campaign: Campaign, processes: int) -> Iterator[tuple[str, str, str]]:
    """Yield what is in the way: what it is, what is expected, what to do."""
    limits = campaign.limits
    if campaign.direct:
        yield (
            "it goes directly to the hosts of recipients' domains, and what a host bears is known in one place",
            "one relay, or accounts",
            "leave --processes out, or send by a relay",
        )
    if limits.rate is not None or limits.group:
        yield "its messages wait for one another (rate, group)", "no such limit", _HINT
    own = [limits.each, *limits.destinations.values(), *(member.limits for member in campaign.members)]
    if any(one.rate is not None or one.warm_up for one in own):
        yield "messages for a destination wait for one another (rate, warm_up)", "no such limit", _HINT
    least = min([limits.connections, *(one.connections for one in own if one.connections is not None)])
    if least < processes:
        yield (
            f"connections = {least}",
            f"a connection for each process, {processes} at least",
            "allow more connections, or fewer processes",
        )
