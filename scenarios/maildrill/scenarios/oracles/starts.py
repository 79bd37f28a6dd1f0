"""When a recipient was given a new start, by the log: whoever was done with, or out of the list, and is tried again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from math import inf

from maildrill.scenarios.oracles.packed import Events
from maildrill.sender.attempt import State
from maildrill.sender.log_event import LogEvent

#: From these the list brings back whoever is in it.
_AWAY = frozenset({State.HELD.value, State.SUPPRESSED.value})

#: Only these can be a new start.
_STARTS = frozenset({"recipient.requeued", "recipient.settled", "recipient.restored"})

#: Whether the lifetime of a recipient that began after one moment was over at another.
RanOut = Callable[[str, float, float], bool]


def renewals(log: Events, ran_out: RanOut) -> Mapping[str, tuple[float, ...]]:
    """Return the moments of all new starts of each recipient that had any, in order."""
    if _STARTS.isdisjoint(log.kinds):
        return {}
    found: dict[str, list[float]] = defaultdict(list)
    states: dict[str, object] = {}
    for event in log.without("line"):
        fields = event.fields
        if "recipient" not in fields or "state" not in fields:
            continue
        who = str(fields["recipient"])
        since = found[who][-1] if who in found else -inf
        if _is_new_start(event, states.get(who)) or (_is_retry(event) and ran_out(who, since, event.at)):
            found[who].append(event.at)
        states[who] = fields["state"]
    return {who: tuple(moments) for who, moments in found.items()}


def _is_new_start(event: LogEvent, before: object) -> bool:
    fields = event.fields
    match event.kind:
        case "recipient.requeued":
            return fields["by"] == "requeue" or fields["before"] == State.HELD.value
        case "recipient.settled" | "recipient.restored":
            back = event.kind == "recipient.settled" or before in _AWAY
            return fields["state"] == State.PENDING.value and back
    return False


def _is_retry(event: LogEvent) -> bool:
    return event.kind == "recipient.requeued" and event.fields["by"] == "retry"
