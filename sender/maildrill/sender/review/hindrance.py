"""Why somebody who is due still waits: what the log last said of where they are to go. Pure.

Rule: only what holds in the run that is under way; a new one gives every destination a new chance.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from maildrill.sender.attempt import State
from maildrill.sender.campaign import Campaign, RouteKind
from maildrill.sender.ledger.records import AttemptRecord, RecipientRecord
from maildrill.sender.log_event import LogEvent
from maildrill.sender.route.choice import home
from maildrill.smtp import domain_of, escape, timestamp

#: Events that take back what another one said.
_OVER = {"breaker.closed": "breaker.opened", "destination.prompt": "destination.tardy"}
_WORDS: dict[str, Callable[[Mapping[str, object]], str]] = {
    "breaker.opened": lambda said: f"failed {said['failures']} times in a row, and is left alone for a while",
    "destination.tardy": lambda said: (
        f"served nobody for {said['seconds']}s: while others wait, such destinations share half of [limits] connections"
    ),
    "sessions.allowed": lambda said: f"seems to bear no more than {said['sessions']} sessions at once",
}


def destinations_of(one: RecipientRecord, tries: Iterable[AttemptRecord], campaign: Campaign | None) -> frozenset[str]:
    """Return what the log may call the destination of a recipient: that of the last try, else as the campaign says.

    Of a domain that was never tried only its own name is known, not that of its hosts.
    """
    names = {attempt.account for attempt in list(tries)[-1:] if attempt.account}
    if campaign is None:
        return frozenset(names)
    if campaign.direct:
        return frozenset(names or {domain_of(one.address)})
    members = campaign.members
    if not names:
        first = campaign.route.kind is RouteKind.FAILOVER
        names = {members[home([1] if first else [member.weight for member in members], one.key)].account.label}
    return frozenset(names | {member.account.relay for member in members if member.account.label in names})


def hindrances(one: RecipientRecord, names: Collection[str], log: Iterable[LogEvent], now: float) -> list[str]:
    """Return why a recipient that is due at `now` waits, as far as the log says it of a destination of these names."""
    if one.state not in (State.PENDING, State.DEFERRED) or one.due is None or one.due > now:
        return []
    said: dict[tuple[str, str], LogEvent] = {}
    for event in log:
        if event.kind == "run.started":
            said.clear()
        relay = str(event.fields.get("relay"))
        if relay not in names:
            continue
        if event.kind in _WORDS:
            said[event.kind, relay] = event
        else:
            said.pop((_OVER.get(event.kind, ""), relay), None)
    return [
        f"{escape(relay)} {_WORDS[kind](event.fields)} (since {timestamp(event.at)})"
        for (kind, relay), event in said.items()
    ]
