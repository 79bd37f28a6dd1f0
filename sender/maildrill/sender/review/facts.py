"""What a campaign came to, for its report: counted from ledger and log, in the four parts of MaxBulk's report.

Pure. Memory grows with the sessions and with those who did not get the message, not with all recipients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from maildrill.sender.attempt import State, Verdict
from maildrill.sender.ledger.records import AttemptRecord, Pause, RecipientRecord, Requeued, RunRecord
from maildrill.sender.log_event import LogEvent
from maildrill.sender.summary import STATES, Count, ReplyCount, most_frequent, shape
from maildrill.smtp import Stage, domain_of

#: Who did not get the message, or may not have; in the order of the report.
TROUBLED = (State.FAILED, State.EXPIRED, State.UNKNOWN, State.HELD)
BARS = 48  # of the timeline


@dataclass(frozen=True, slots=True)
class Trouble:
    """A recipient that did not get the message, or may not have, and its tries in order.

    fields: its row of the list, where that is known.
    """

    recipient: RecipientRecord
    attempts: tuple[AttemptRecord, ...]
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bar:
    """What was ruled from a moment on, up to the next bar."""

    at: float
    verdicts: Mapping[Verdict, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that ledger and log say. most_at_once: sessions. octets: of the messages begun, least and most."""

    campaign: str
    created: float
    runs: Sequence[RunRecord]
    total: Count
    domains: Mapping[str, Count]
    replies: Sequence[ReplyCount]
    released: int
    requeued: int
    troubles: Sequence[Trouble]
    sessions: int
    most_at_once: int
    bars: Sequence[Bar]
    relays: Sequence[str]
    octets: tuple[int, int] | None
    set_aside: Mapping[str, int]
    overrides: Mapping[str, int] = field(default_factory=dict)  # tries that each of the user's overrides has changed
    pauses: Sequence[Pause] = ()

    @property
    def left(self) -> int:
        """How many are still to be sent to: MaxBulk's "pending and checked"."""
        return sum(self.total.states[state] for state in (State.PENDING, State.DEFERRED, State.HELD))

    @property
    def undelivered(self) -> int:
        """How many it is over for without the message, or without knowing."""
        return sum(self.total.states[state] for state in (State.FAILED, State.EXPIRED, State.UNKNOWN))


def gather(  # noqa: PLR0913 - each witness is named
    campaign: str,
    created: float,
    recipients: Iterable[RecipientRecord],
    attempts: Iterable[AttemptRecord],
    *,
    runs: Sequence[RunRecord] = (),
    requeues: Iterable[Requeued] = (),
    log: Iterable[LogEvent] = (),
    fields_of: Callable[[RecipientRecord], Mapping[str, str]] = lambda _: {},
    pauses: Sequence[Pause] = (),
) -> Facts:
    """Count what ledger and log hold. fields_of: the row of the list that a recipient has."""
    domains: dict[str, Counter[State]] = {}
    troubled: dict[str, RecipientRecord] = {}
    for one in recipients:
        state = State.PENDING if one.state is State.INFLIGHT else one.state
        domains.setdefault(domain_of(one.address), Counter())[state] += 1
        if one.state in TROUBLED:
            troubled[one.address] = one
    tries = _Tries(troubled)
    for attempt in attempts:
        tries.take(attempt)
    said = _Log()
    for event in log:
        said.take(event)
    order = sorted(domains, key=lambda domain: (-domains[domain].total(), domain))
    states: Counter[State] = sum(domains.values(), Counter())
    rank = {state: number for number, state in enumerate(TROUBLED)}
    return Facts(
        campaign=campaign,
        created=created,
        runs=tuple(runs),
        total=_count(states, tries.counted.total()),
        domains={domain: _count(domains[domain], tries.counted[domain]) for domain in order},
        replies=most_frequent(tries.replies),
        released=tries.released,
        requeued=sum(1 for _ in requeues),
        troubles=tuple(
            Trouble(one, tuple(tries.of[one.address]), fields_of(one))
            for one in sorted(troubled.values(), key=lambda one: (rank[one.state], one.number))
        ),
        sessions=len(tries.spans),
        most_at_once=most_at_once(tries.spans.values()),
        bars=timeline(tries.moments),
        relays=tuple(said.relays),
        octets=(min(said.octets), max(said.octets)) if said.octets else None,
        set_aside={str(reason): len(rows) for reason, rows in said.aside.items()},
        overrides=dict(sorted(tries.overrides.items())),
        pauses=tuple(pauses),
    )


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """Return how many spans (from, to) there are at most at one moment; what ends when another begins overlaps not."""
    moments = sorted((at, change) for begun, ended in spans for at, change in ((begun, 1), (ended, -1)))
    most = now = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most or (1 if moments else 0)


def timeline(moments: Mapping[tuple[float, Verdict], int]) -> tuple[Bar, ...]:
    """Return what was ruled over time, in BARS equal spans at most, from the first ruling to the last."""
    if not moments:
        return ()
    first, last = min(at for at, _ in moments), max(at for at, _ in moments)
    step = (last - first) / BARS or 1.0
    bars: list[Counter[Verdict]] = [Counter() for _ in range(min(BARS, int((last - first) / step) + 1))]
    for (at, verdict), count in moments.items():
        bars[min(len(bars) - 1, int((at - first) / step))][verdict] += count
    return tuple(Bar(first + number * step, counts) for number, counts in enumerate(bars))


def _count(states: Mapping[State, int], attempts: int) -> Count:
    return Count(sum(states.values()), {state: states.get(state, 0) for state in STATES}, attempts)


@dataclass(slots=True)
class _Tries:
    """Counts tries as they come by."""

    troubled: Mapping[str, RecipientRecord]
    counted: Counter[str] = field(default_factory=Counter)
    released: int = 0
    replies: Counter[tuple[Stage, str]] = field(default_factory=Counter)
    spans: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)
    moments: Counter[tuple[float, Verdict]] = field(default_factory=Counter)
    of: dict[str, list[AttemptRecord]] = field(default_factory=dict)
    overrides: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.of = {address: [] for address in self.troubled}

    def take(self, one: AttemptRecord) -> None:
        if one.counted:
            self.counted[domain_of(one.recipient)] += 1
        else:
            self.released += 1
        self.replies[one.stage, shape(one.reply) if one.reply else str(one.fault or one.detail or "no reply")] += 1
        if one.override:
            self.overrides[one.override] += 1
        begun, ended = self.spans.get((one.run, one.session), (one.started, one.ended))
        self.spans[one.run, one.session] = min(begun, one.started), max(ended, one.ended)
        self.moments[float(round(one.ended)), one.verdict] += 1
        if one.recipient in self.of:
            self.of[one.recipient].append(one)


@dataclass(slots=True)
class _Log:
    """Remembers of the log what the ledger does not have."""

    relays: dict[str, None] = field(default_factory=dict)
    octets: set[int] = field(default_factory=set)
    aside: dict[str, set[object]] = field(default_factory=dict)

    def take(self, event: LogEvent) -> None:
        fields = event.fields
        if event.kind in ("session.opened", "session.refused"):
            self.relays[str(fields["relay"])] = None
        elif event.kind == "transaction.started" and isinstance(fields["octets"], int):
            self.octets.add(fields["octets"])
        elif event.kind == "recipient.set_aside":
            self.aside.setdefault(str(fields["reason"]), set()).add(fields["row"])
