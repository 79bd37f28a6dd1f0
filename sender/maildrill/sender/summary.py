"""What a run came to: counted from the ledger's records, as one object for programs and one page for people.

Pure. Rule: every recipient is counted in exactly one state, so that the sums always agree (invariant I51).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from maildrill.sender.attempt import State
from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger.records import AttemptRecord, Pause, RecipientRecord
from maildrill.sender.lists.rows import Reason, SetAside
from maildrill.smtp import EnhancedStatus, Reply, Stage, domain_of

#: The states of a report, in its order. `pending` counts those in flight, too: a report is made when nothing is.
STATES = (
    State.DELIVERED,
    State.FAILED,
    State.EXPIRED,
    State.UNKNOWN,
    State.DEFERRED,
    State.HELD,
    State.SUPPRESSED,
    State.PENDING,
)
MOST_REPLIES = 50  # rows in a report; how many are left out is said

_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_CHANGING = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b\d{3,}\b|\b(?=\w*\d)\w{5,}\b")


@dataclass(frozen=True, slots=True)
class Count:
    """How many recipients there are, how many are in each of STATES, and how many tries they took."""

    recipients: int
    states: Mapping[State, int]
    attempts: int

    def to_json(self) -> dict[str, int]:
        """Return one flat object: recipients, each state by its word, attempts."""
        return {
            "recipients": self.recipients,
            **{state.value: self.states[state] for state in STATES},
            "attempts": self.attempts,
        }


@dataclass(frozen=True, slots=True)
class ReplyCount:
    """How many tries a reply, or a fault instead of one, decided. What differs from mail to mail is a `*`."""

    count: int
    stage: Stage
    said: str


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something happened: when (Unix seconds), and at which stage, if at one."""

    at: float
    stage: Stage | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold: its id and name, the recipient (may be empty), what was found, and where."""

    invariant: str
    name: str
    recipient: str
    finding: str
    spot: Spot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A run in numbers. attempts are the counted ones; released: tries that were not about the recipient.

    pause: the campaign is paused. canary: how many are in each state, where only a canary was sent to.
    """

    campaign: str
    relay: str
    seed: int
    total: Count
    domains: Mapping[str, Count]
    replies: tuple[ReplyCount, ...]
    set_aside: Mapping[Reason, int]
    released: int
    connections: int
    virtual_seconds: float
    real_seconds: float
    violations: tuple[Violation, ...] = ()
    pause: Pause | None = None
    canary: Mapping[State, int] | None = None

    def to_json(self) -> dict[str, object]:
        """Return what `--json` prints; docs/commands.md has its keys."""
        return {
            "campaign": self.campaign,
            "relay": self.relay,
            "seed": self.seed,
            **self.total.to_json(),
            "released": self.released,
            "connections": self.connections,
            "set_aside": {reason.value: count for reason, count in self.set_aside.items()},
            "virtual_seconds": round(self.virtual_seconds, 3),
            "real_seconds": round(self.real_seconds, 3),
            "domains": {domain: count.to_json() for domain, count in self.domains.items()},
            "replies": [
                {"count": row.count, "stage": row.stage.value, "reply": row.said} for row in self.replies[:MOST_REPLIES]
            ],
            "replies_left_out": max(0, len(self.replies) - MOST_REPLIES),
            "paused": self.pause.to_json() if self.pause else None,
            "canary": None if self.canary is None else {state.value: count for state, count in self.canary.items()},
            "violations": [
                {"invariant": row.invariant, "name": row.name, "recipient": row.recipient, "finding": row.finding}
                for row in self.violations
            ],
        }


def summarise(  # noqa: PLR0913 - the facts that no record holds are named one by one
    campaign: Campaign,
    recipients: Iterable[RecipientRecord],
    attempts: Iterable[AttemptRecord],
    set_aside: Iterable[SetAside],
    *,
    connections: int,
    virtual_seconds: float,
    real_seconds: float,
    violations: Iterable[Violation] = (),
    pause: Pause | None = None,
    canary: Mapping[State, int] | None = None,
) -> Summary:
    """Count a ledger's records.

    connections: sessions begun in this run. virtual_seconds, real_seconds: how long it took by the sender's clock
    and by a real one. Domains come largest first, replies most frequent first.
    """
    tries = _Tries()
    for attempt in attempts:
        tries.take(attempt)
    domains: defaultdict[str, Counter[State]] = defaultdict(Counter)
    inflight, pending = State.INFLIGHT, State.PENDING
    for record in recipients:
        domains[domain_of(record.address)][pending if record.state is inflight else record.state] += 1
    order = sorted(domains, key=lambda domain: (-domains[domain].total(), domain))
    total: Counter[State] = Counter()
    for states in domains.values():
        total.update(states)
    reasons = Counter(row.reason for row in set_aside)
    return Summary(
        campaign=campaign.name,
        relay=campaign.relay,
        seed=campaign.seed,
        total=_count(total, tries.counted.total()),
        domains={domain: _count(domains[domain], tries.counted[domain]) for domain in order},
        replies=most_frequent(tries.heard),
        set_aside={reason: reasons[reason] for reason in Reason},
        released=tries.released,
        connections=connections,
        virtual_seconds=virtual_seconds,
        real_seconds=real_seconds,
        violations=tuple(violations),
        pause=pause,
        canary=canary,
    )


@lru_cache(maxsize=1024)  # most replies of a server are the same ones
def shape(reply: Reply) -> str:
    """Return a reply with all that differs from mail to mail replaced by `*`: addresses, queue ids, numbers."""
    status = EnhancedStatus.leading(reply.text)
    rest = reply.text.removeprefix(str(status or ""))
    rest = _CHANGING.sub("*", _ADDRESS.sub("*", rest))
    return f"{reply.code} {status or ''}{rest}".rstrip()


def _count(states: Counter[State], attempts: int) -> Count:
    return Count(states.total(), {state: states[state] for state in STATES}, attempts)


class _Tries:
    """Counts tries as they come by; none is kept."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()  # by domain
        self.heard: Counter[tuple[Stage, str]] = Counter()
        self.released = 0

    def take(self, one: AttemptRecord) -> None:
        said = shape(one.reply) if one.reply else str(one.fault or one.detail or "no reply")
        self.heard[one.stage, said] += 1
        if one.counted:
            self.counted[domain_of(one.recipient)] += 1
        else:
            self.released += 1


def most_frequent(heard: Mapping[tuple[Stage, str], int]) -> tuple[ReplyCount, ...]:
    """Return how often what was said at a stage, as `shape` has it; the most frequent first."""
    rows = [ReplyCount(count, stage, said) for (stage, said), count in heard.items()]
    return tuple(sorted(rows, key=lambda row: (-row.count, list(Stage).index(row.stage), row.said)))
