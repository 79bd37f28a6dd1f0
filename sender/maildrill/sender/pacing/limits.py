"""What holds for one destination now: what the campaign says, and what the destination taught us. Pure.

Rule: what the campaign says of this destination by name overrides a lesson; what it says of all is the most there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from maildrill.sender.campaign import DestinationLimits, Limits, Mode
from maildrill.sender.pacing.lessons import Kind
from maildrill.smtp.quantity import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The limits of one destination, none left open; idle in seconds."""

    connections: int
    messages: int
    recipients: int
    idle: float
    rate: Rate | None
    burst: int
    warm_up: tuple[int, ...]


def own_limits(limits: Limits, names: Iterable[str]) -> DestinationLimits:
    """Return what the campaign says of a destination with any of these names: the first pattern that fits."""
    known = [name.lower() for name in names]
    for pattern, own in limits.destinations.items():
        if any(fnmatchcase(name, pattern.lower()) for name in known):
            return own
    return DestinationLimits()


def effective(
    limits: Limits, own: DestinationLimits, learned: Mapping[Kind, float], *, mode: Mode = Mode.BATCH
) -> Effective:
    """Return what holds for a destination, given its own limits and what was learned of it (invariant I22)."""
    each = limits.each
    rate = own.rate or each.rate
    if own.rate is None and Kind.RATE in learned:
        taught = Rate(1, max(3600.0 / learned[Kind.RATE], 0.001) * limits.sharers)
        rate = taught if rate is None or rate.seconds / rate.count < taught.seconds else rate
    most = own.connections or each.connections or limits.connections
    recipients = _least(own.recipients_per_transaction, limits.recipients_per_transaction, learned.get(Kind.RECIPIENTS))
    return Effective(
        connections=min(most, limits.connections),
        messages=_least(own.messages_per_connection, limits.messages_per_connection, learned.get(Kind.MESSAGES)),
        recipients=1 if mode is Mode.MERGE else recipients,
        idle=own.idle if own.idle is not None else min(limits.idle, learned.get(Kind.IDLE, limits.idle)),
        rate=rate,
        burst=own.burst or each.burst or 1,
        warm_up=next((given for given in (own.warm_up, each.warm_up) if given is not None), ()),
    )


def _least(own: int | None, general: int, learned: float | None) -> int:
    """What is set for this destination by name; else the smaller of what is set for all and what was learned."""
    if own is not None:
        return own
    return general if learned is None else max(min(general, int(learned)), 1)
