"""Invariants I24, I40, I50, I51: ledger, log and report tell one story, and a finished one stays finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from operator import attrgetter, eq

from maildrill.scenarios.oracles.breaking import was_broken_off
from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.packed import Events
from maildrill.scenarios.oracles.retrying import GRAIN
from maildrill.sender.attempt import State
from maildrill.sender.fold import MOVING, replayed
from maildrill.sender.ledger.records import AttemptRecord
from maildrill.sender.summary import STATES

#: Which fields of an event that moves somebody say who that is, and where to.
_SAYING = dict.fromkeys(MOVING, ("recipient", "state")) | {"transaction.intent": ("recipients", "state")}
_ALIKE = ("recipient", "session", "transaction", "stage", "verdict", "counted")
_Key = tuple[object, ...]


def resume_is_idempotent(evidence: Evidence) -> Iterator[Breach]:
    """I24: a run on a finished ledger has nothing to do."""
    if evidence.resumed and State.HELD not in evidence.states.values():
        yield Breach("", f"a second run on the finished ledger began {evidence.resumed} sessions")


def log_folds_to_ledger(evidence: Evidence) -> Iterator[Breach]:
    """I40: replay the log and set the states against the ledger's."""
    kept = evidence.states
    alike = _last_said(evidence.log) == kept  # as most often: by a way that is shorter than to replay it
    folded = kept if alike else replayed(evidence.log.slim(MOVING, ("recipient", "recipients", "state")))
    both = () if folded == kept else sorted(folded.keys() | kept.keys())
    for address in [one for one in both if folded.get(one) is not kept.get(one)]:
        yield Breach(address, f"is {folded.get(address)} by the log and {kept.get(address)} by the ledger")


def one_outcome_each(evidence: Evidence) -> Iterator[Breach]:
    """I50: tries in the ledger against attempt events in the log, and against RCPT commands in the journal."""
    if not _said_alike(evidence):
        more = Counter(map(_of_ledger, evidence.attempts))  # in the ledger than in the log
        more.subtract(_all_of_log(evidence))
        unsaid = {_of_ledger(attempt) for attempt in evidence.attempts if _could_not_be_logged(attempt, evidence)}
        for key in (+more).elements():
            if key not in unsaid:
                yield Breach(str(key[0]), f"has a try in the ledger that is not in the log: {key[1:]}")
        for key in (-more).elements():
            yield Breach(str(key[0]), f"has a try in the log that is not in the ledger: {key[1:]}")
    severed, tried_at = evidence.severed, evidence.tried_at
    for address, asked in evidence.asked_for.items():
        for one in asked:
            known = one.session in severed or tried_at(address, one.at) is not None
            if not known and not was_broken_off(evidence, one.session, one.transaction):
                found = f"was named by RCPT in session {one.session}, and no try was written down"
                yield Breach(address, found, one.spot)


def report_adds_up(evidence: Evidence) -> Iterator[Breach]:
    """I51: the report's numbers against each other and against the ledger."""
    report = evidence.report
    total = sum(_number(report, state.value) for state in STATES)
    if total != _number(report, "recipients"):
        yield Breach("", f"the report's states add up to {total}, of {report.get('recipients')} recipients")
    states = Counter(evidence.states.values())
    for state in STATES[:-1]:  # the last one, pending, counts those in flight, too
        if _number(report, state.value) != states[state]:
            yield Breach("", f"the report says {report.get(state.value)} {state}, the ledger {states[state]}")


def _last_said(log: Events) -> dict[object, object]:
    """Return what the log said last of where each recipient stands."""
    states: dict[object, object] = {}
    for who, state in log.rows(_SAYING):
        if isinstance(who, str):
            states[who] = state or State.PENDING
        else:
            states.update(dict.fromkeys(who, State.INFLIGHT))
    return states


def _could_not_be_logged(attempt: AttemptRecord, evidence: Evidence) -> bool:
    """Whether the process died between ledger and log; a later run tells of it in words of its own."""
    found_late = evidence.found_at(attempt) != attempt.ended
    return found_late or any(0 <= death - attempt.ended <= GRAIN for death in evidence.deaths)


def _said_alike(evidence: Evidence) -> bool:
    """Whether ledger and log say the same of tries in the same order, as most often."""
    attempts, log = evidence.attempts, evidence.log
    if len(attempts) != len(log.kinds.get("attempt", ())):
        return False
    replies = [one.reply.code if one.reply else "" if one.fault is None else one.fault for one in attempts]
    told = [_said(reply, fault) for reply, fault in log.pick("attempt", "response", "fault", lacking=None)]
    rows = log.pick("attempt", *_ALIKE, lacking=None)
    return replies == told and all(map(eq, map(attrgetter(*_ALIKE), attempts), rows))


def _of_ledger(attempt: AttemptRecord) -> _Key:
    reply, fault = attempt.reply, attempt.fault
    said = reply.code if reply else str(fault or "")
    return (
        attempt.recipient,
        attempt.session,
        attempt.transaction,
        attempt.stage._value_,  # .value takes four times as long
        attempt.verdict._value_,
        said,
        attempt.counted,
    )


def _all_of_log(evidence: Evidence) -> Iterator[_Key]:
    """Yield what the log says of each try, as `_of_ledger` does of the ledger's."""
    names = ("recipient", "session", "transaction", "stage", "verdict", "response", "fault", "counted")
    picked = evidence.log.pick("attempt", *names, lacking=None)
    for to, session, transaction, stage, verdict, reply, fault, counted in picked:
        yield to, session, transaction, stage, verdict, _said(reply, fault), counted


def _said(reply: object, fault: object) -> object:
    return reply.get("code") if isinstance(reply, dict) else "" if fault is None else fault


def _number(report: Mapping[str, object], name: str) -> int:
    value = report.get(name)
    return value if isinstance(value, int) else -1


KEEPING = (
    Invariant(
        24,
        "resume is idempotent",
        "A second run on a finished campaign begins no session.",
        "maildrill",
        resume_is_idempotent,
        (Witness.LEDGER,),
    ),
    Invariant(
        40,
        "fold",
        "Replaying the log gives the ledger's states exactly.",
        "maildrill",
        log_folds_to_ledger,
        (Witness.LOG, Witness.LEDGER),
    ),
    Invariant(
        50,
        "one outcome each",
        "Each try for a recipient has exactly one outcome on record, with stage, reply and verdict.",
        "RFC 3464 section 2.3",
        one_outcome_each,
        (Witness.LEDGER, Witness.LOG, Witness.JOURNAL),
    ),
    Invariant(
        51,
        "report arithmetic",
        "The report's states add up to the recipients, and agree with the ledger.",
        "maildrill",
        report_adds_up,
        (Witness.REPORT, Witness.LEDGER),
    ),
)
