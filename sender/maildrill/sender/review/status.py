"""Where a campaign stands: counted from the ledger in one pass, with what the log's end says of its hosts.

Pure: whoever calls gives the time. Memory does not grow with the number of recipients, only with that of domains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from maildrill.sender.attempt import State, Verdict
from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger.records import AttemptRecord, Pause, RecipientRecord, RunRecord
from maildrill.sender.log_event import LogEvent
from maildrill.sender.pacing.lessons import Lesson
from maildrill.smtp import domain_of

#: The states that a later try may change; in flight they are, or were when a sender died.
LEFT = (State.PENDING, State.INFLIGHT, State.DEFERRED, State.HELD)
MOST_DOUBTS = 10  # recipients whose evidence is shown


@dataclass(frozen=True, slots=True)
class Rest:
    """A host that is left alone until a moment, after so many failures in a row (the breaker)."""

    relay: str
    failures: int
    until: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """A recipient that may or may not have the message, and the try after which nobody could know."""

    recipient: RecipientRecord
    attempt: AttemptRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a campaign stands at `now`; times in Unix seconds.

    running: the numbers of the runs that are alive. due_now: may be tried at once. next_due: when the next one may be,
    if nobody may now. untried: recipients whose lifetime has not begun. over_by: no try begins later, if all untried
    begin now; None where nothing is left to try, or where that takes the campaign's file. held: how many for each
    reason. pause: the campaign is paused.
    """

    campaign: str
    now: float
    created: float
    runs: Sequence[RunRecord]
    running: Sequence[int]
    states: Mapping[State, int]
    domains: Mapping[str, Mapping[State, int]]
    attempts: int
    due_now: int
    next_due: float | None
    untried: int
    over_by: float | None
    held: Mapping[str, int]
    lessons: Sequence[Lesson]
    rests: Sequence[Rest]
    doubts: Sequence[Doubt]
    pause: Pause | None = None

    @property
    def sending(self) -> bool:
        """Whether any run is alive."""
        return bool(self.running)

    @property
    def recipients(self) -> int:
        """How many recipients there are."""
        return sum(self.states.values())

    @property
    def left(self) -> int:
        """How many are still to be sent to: MaxBulk's "pending and checked"."""
        return sum(self.states[state] for state in LEFT)


def take_stock(  # noqa: PLR0913 - each witness is named
    name: str,
    created: float,
    recipients: Iterable[RecipientRecord],
    tries: Callable[[RecipientRecord], Iterable[AttemptRecord]],
    *,
    now: float,
    runs: Sequence[RunRecord] = (),
    running: Sequence[int] = (),
    lessons: Sequence[Lesson] = (),
    log: Iterable[LogEvent] = (),
    campaign: Campaign | None = None,
    pause: Pause | None = None,
) -> Status:
    """Count a ledger's recipients.

    tries: gives those for one recipient. log: its end is enough. campaign: for its lifetime, where it is at hand.
    """
    domains: dict[str, Counter[State]] = {}
    held: Counter[str] = Counter()
    doubts: list[Doubt] = []
    attempts = due_now = untried = 0
    dues, ends = _Least(), _Most()
    for one in recipients:
        domains.setdefault(domain_of(one.address), Counter())[one.state] += 1
        attempts += one.attempts
        if one.due is not None and one.state in (State.PENDING, State.DEFERRED):
            due_now += one.due <= now
            dues.take(one.due)
            untried += one.expires_at is None
            ends.take(one.expires_at)
        elif one.state is State.HELD:
            held[why(one)] += 1
        elif one.state is State.UNKNOWN and len(doubts) < MOST_DOUBTS:
            doubts.append(Doubt(one, _doubtful(tries(one))))
    order = sorted(domains, key=lambda domain: (-domains[domain].total(), domain))
    return Status(
        campaign=name,
        now=now,
        created=created,
        runs=tuple(runs),
        running=tuple(running),
        states={state: sum(counts[state] for counts in domains.values()) for state in State},
        domains={domain: domains[domain] for domain in order},
        attempts=attempts,
        due_now=due_now,
        next_due=None if due_now else dues.value,
        untried=untried,
        over_by=_over_by(ends.value, untried, campaign, now),
        held=dict(held.most_common()),
        lessons=tuple(lessons),
        rests=rests(log, now),
        doubts=tuple(doubts),
        pause=pause,
    )


def why(one: RecipientRecord) -> str:
    """Return why a recipient is where it is: the reason in words, else the reply or fault of its last try."""
    return one.reason or (str(one.reply) if one.reply else str(one.fault or "not tried yet"))


def rests(log: Iterable[LogEvent], now: float) -> tuple[Rest, ...]:
    """Return the hosts that are left alone at `now`, by the events of a log's end."""
    found: dict[str, Rest] = {}
    for event in log:
        if event.kind == "breaker.opened":
            relay, until = str(event.fields["relay"]), event.fields["until"]
            failures = event.fields["failures"]
            if isinstance(until, int | float) and isinstance(failures, int):
                found[relay] = Rest(relay, failures, until)
        elif event.kind == "breaker.closed":
            found.pop(str(event.fields["relay"]), None)
        elif event.kind == "run.started":  # a new run gives every host a new chance
            found.clear()
    return tuple(rest for rest in found.values() if rest.until > now)


def _doubtful(tries: Iterable[AttemptRecord]) -> AttemptRecord | None:
    return max((one for one in tries if one.verdict is Verdict.UNKNOWN), key=lambda one: one.ended, default=None)


def _over_by(last: float | None, untried: int, campaign: Campaign | None, now: float) -> float | None:
    if not untried:
        return last
    if campaign is None:
        return None
    rate = campaign.limits.rate
    turns = untried * rate.seconds / rate.count if rate else 0.0
    return max(now + turns + campaign.retry.lifetime, last or 0.0)


class _Least:
    """The least value that was taken."""

    def __init__(self) -> None:
        self.value: float | None = None

    def take(self, value: float) -> None:
        if self.value is None or value < self.value:
            self.value = value


class _Most:
    """The greatest value that was taken, None apart."""

    def __init__(self) -> None:
        self.value: float | None = None

    def take(self, value: float | None) -> None:
        if value is not None and (self.value is None or value > self.value):
            self.value = value
