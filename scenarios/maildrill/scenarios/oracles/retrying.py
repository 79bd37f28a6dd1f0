"""Invariants I9, I11, I12, I14, I15: what is final stays final, what is deferred waits its turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter

from maildrill.scenarios.oracles.evidence import FLIGHT, Evidence
from maildrill.scenarios.oracles.grouping import grouped
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.journaled import Asked
from maildrill.sender.attempt import Scope, State, Verdict
from maildrill.sender.campaign import RetryPolicy
from maildrill.sender.ledger.records import AttemptRecord
from maildrill.sender.summary import Spot
from maildrill.smtp import Stage, domain_of
from maildrill.smtp.quantity import format_duration

#: Two clocks agree to the microsecond; a deadline is not missed by less.
GRAIN = 1e-3
#: Stages at which whatever happens is about the host, not about a recipient.
#: A lifetime that is shorter has so long for the first try that is about the recipient (seconds).
_FIRST_CHANCE = 60.0
_HOST_STAGES = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.HELO})


def permanent_is_final(evidence: Evidence) -> Iterator[Breach]:
    """I9: set the ledger's Failed, and the journal's final replies to RCPT, against later RCPT commands."""
    evidence = evidence.straight
    ends = [(one.recipient, one.ended, one.reply) for one in evidence.with_verdict(Verdict.FAILED)]
    ends += [(one.recipient, one.at, one.reply) for one in evidence.refused_for_good if not _overridden(evidence, one)]
    for recipient, at, reply in ends:
        until = evidence.mentions.requeued_after(recipient, at)
        again = [one for one in evidence.asked_for.get(recipient, ()) if at + GRAIN < one.at < until]
        if again:
            yield Breach(recipient, f"failed for good ({reply}), and RCPT named it again", again[0].spot)


def back_off(evidence: Evidence) -> Iterator[Breach]:
    """I11: delays as the policy has them, never shorter than before, never beyond the cap."""
    policy = evidence.campaign.retry
    for attempt in evidence.with_verdict(Verdict.DEFERRED):
        if attempt.until is None or attempt.state is not State.DEFERRED:
            continue
        waited = attempt.until - evidence.found_at(attempt)
        least, most = _wanted(evidence, attempt) or band(policy, attempt.number)
        if waited > most + GRAIN or (waited < least - GRAIN and not is_last_call(evidence, attempt)):
            found = f"is to wait {format_duration(waited)} after attempt {attempt.number}"
            yield Breach(attempt.recipient, f"{found}; {format_duration(least)} to {format_duration(most)} were due")


def floor(evidence: Evidence) -> Iterator[Breach]:
    """I12: set the ledger's deferrals against the next RCPT in the journal."""
    evidence = evidence.straight
    least = band(evidence.campaign.retry, 1)[0]
    deferred = grouped(evidence.with_verdict(Verdict.DEFERRED), attrgetter("recipient"))
    for recipient, attempts in deferred.items():
        asked = [one.at for one in evidence.asked_for.get(recipient, ())]
        for attempt in attempts:
            rest = (_wanted(evidence, attempt) or (least, least))[0]
            again = (at for at in evidence.renewals.get(recipient, ()) if at >= attempt.ended)
            end = min(attempt.ended + rest, evidence.mentions.requeued_after(recipient, attempt.ended), *again)
            early = next((at for at in asked if attempt.ended + GRAIN < at < end - GRAIN), None)
            if early is not None:
                waited = format_duration(early - attempt.ended)
                found = f"was deferred, and RCPT named it {waited} later; {format_duration(rest)} is the least"
                yield Breach(recipient, found, Spot(early, Stage.RCPT))


def lifetime(evidence: Evidence) -> Iterator[Breach]:
    """I14: no try begins after the lifetime; Expired only after a counted one."""
    lifetime = evidence.campaign.retry.lifetime
    expired, late = State.EXPIRED, _begun_late(evidence)
    for record in [one for one in evidence.recipients if one.state is expired or one.address in late]:
        attempts = evidence.attempts_of.get(record.address, ())
        if record.state is expired and not any(attempt.counted for attempt in attempts):
            yield Breach(record.address, "is called expired without one counted attempt")
        for begun in late.get(record.address, ()):
            began = evidence.lifetime_began(record.address, begun)
            tried = any(began <= one.started < begun for one in attempts if one.counted)
            end = began + (lifetime if tried else max(lifetime, _FIRST_CHANCE))
            if begun > end + FLIGHT:
                found = f"was tried {format_duration(begun - end)} after its lifetime"
                yield Breach(record.address, found, Spot(begun, Stage.RCPT))


def attempt_counting(evidence: Evidence) -> Iterator[Breach]:
    """I15: the ledger's counts, recounted from its tries; nothing about the host is in them."""
    tries = [attempt for attempt in evidence.attempts if attempt.counted]
    counts = Counter([attempt.recipient for attempt in tries])
    for record in [one for one in evidence.recipients if one.attempts != counts.get(one.address, 0)]:
        counted = counts[record.address]
        yield Breach(record.address, f"has {record.attempts} attempts counted and {counted} to be counted")
    for attempt in tries:
        about_host = attempt.scope is Scope.HOST or attempt.stage in _HOST_STAGES
        gone = attempt.reply is not None and attempt.reply.code == 421 and not attempt.row.startswith("dot")
        # 521 from each host of a domain is about it
        if (about_host or gone) and domain_of(attempt.recipient) not in evidence.unroutable:
            yield Breach(attempt.recipient, f"had an attempt counted for what was said of the host ({attempt.row})")


def band(policy: RetryPolicy, attempt: int) -> tuple[float, float]:
    """Return the shortest and the longest delay (seconds) after the `attempt`-th counted attempt."""
    base = min(policy.schedule[min(max(attempt, 1), len(policy.schedule)) - 1], policy.cap)
    return base * (1 - policy.jitter), min(base * (1 + policy.jitter), policy.cap)


def is_last_call(evidence: Evidence, attempt: AttemptRecord) -> bool:
    """Whether the next try is the one that is forced at the end of the lifetime, earlier than the schedule has it."""
    policy = evidence.campaign.retry
    begun = evidence.lifetime_began(attempt.recipient, attempt.started)
    rest = begun + policy.lifetime - (attempt.until or 0.0)
    return rest <= max(60.0, policy.lifetime / 100) or rest <= band(policy, attempt.number)[1]


def _wanted(evidence: Evidence, attempt: AttemptRecord) -> tuple[float, float] | None:
    """Return the shortest and the longest delay after a try for which an override of the user's says one."""
    by = evidence.override_of(attempt)
    return None if by is None or by.after is None else (by.after, by.after)


def _begun_late(evidence: Evidence) -> Mapping[str, Sequence[float]]:
    """Return when transactions began, by their MAIL commands, that were not in the lifetime of the very first try."""
    lifetime, transactions, attempts_of = evidence.campaign.retry.lifetime, evidence.transactions, evidence.attempts_of
    found = [
        (one.recipient, begun)
        for one in evidence.by_stage.get(Stage.RCPT, ())
        if (tries := attempts_of.get(one.recipient)) is not None
        and not tries[0].started
        <= (begun := transactions[one.session, one.transaction][0].at)
        <= tries[0].started + lifetime
    ]
    return {who: [at for _, at in group] for who, group in grouped(found, itemgetter(0)).items()}


def _overridden(evidence: Evidence, asked: Asked) -> bool:
    """Whether a reply to RCPT was ruled by an override of the user's; I56 sees to those."""
    attempt = evidence.tried_at(asked.recipient, asked.at)
    return attempt is not None and evidence.override_of(attempt) is not None


RETRYING = (
    Invariant(
        9,
        "permanent is final",
        "After a final 5yz for a recipient no RCPT names it again, unless an operator requeued it.",
        "RFC 5321 section 4.2.1",
        permanent_is_final,
        (Witness.LEDGER, Witness.JOURNAL, Witness.LOG),
    ),
    Invariant(
        11,
        "back-off",
        "Each delay is the schedule's, give or take the jitter, and never beyond the cap.",
        "RFC 5321 section 4.5.4.1",
        back_off,
        (Witness.LEDGER,),
    ),
    Invariant(
        12,
        "floor",
        "After a deferral a recipient is left alone for the shortest delay at least.",
        "RFC 5321 section 4.5.4.1",
        floor,
        (Witness.LEDGER, Witness.JOURNAL),
    ),
    Invariant(
        14,
        "lifetime",
        "No try begins after the lifetime, a minute at least for a first one; Expired only after a counted one.",
        "RFC 5321 section 4.5.4.1",
        lifetime,
        (Witness.LEDGER, Witness.JOURNAL),
    ),
    Invariant(
        15,
        "attempt counting",
        "What is said of the host or the session changes no recipient's count of attempts.",
        "RFC 5321 section 3.8",
        attempt_counting,
        (Witness.LEDGER,),
    ),
)
