"""Invariant I56: what a user overrides is a refusal, it stays one, and everything else is ruled by the table."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.sender.attempt import Verdict
from maildrill.sender.disposition_table import ROWS
from maildrill.sender.ledger.records import AttemptRecord
from maildrill.sender.override import Override, Then

_REFUSALS = frozenset({Verdict.FAILED, Verdict.DEFERRED})
_MEANT = {Then.RETRY: Verdict.DEFERRED, Then.FAIL: Verdict.FAILED, Then.HOLD: Verdict.HELD}


def overrides(evidence: Evidence) -> Iterator[Breach]:
    """I56: set each try in the ledger against the table, and against the overrides of the campaign."""
    for attempt in evidence.attempts:
        finding = _misused(evidence, attempt) if attempt.override else _ruled_otherwise(evidence, attempt)
        if finding:
            yield Breach(attempt.recipient, finding)


def _misused(evidence: Evidence, attempt: AttemptRecord) -> str:
    """Return what is wrong with a try that an override decided, or nothing."""
    row, said, by = ROWS.get(attempt.row), attempt.reply, evidence.override_of(attempt)
    if said is None or said.klass not in (4, 5):
        return f"was ruled by an override, and no refusal was said but {said or attempt.fault}"
    if row is None or row.verdict not in _REFUSALS:
        return f"was ruled by an override of {attempt.row}, which is no refusal of a recipient"
    if by is None:
        return f"was ruled by an override that the campaign does not have ({attempt.override})"
    if attempt.verdict is not _MEANT[by.then]:
        return f"is {attempt.verdict} by an override that says {by.then}"
    return ""


def _ruled_otherwise(evidence: Evidence, attempt: AttemptRecord) -> str:
    """Return what is wrong with a try that the table decided, or nothing."""
    row = ROWS.get(attempt.row)
    if not evidence.campaign.overrides or row is None or attempt.verdict is Verdict.HELD:
        return ""  # without overrides other invariants see to it; and our own trouble holds whom it likes
    if attempt.verdict is not row.verdict:
        return f"is {attempt.verdict}, row {row.id} has {row.verdict}, and no override says so"
    meant = _plainly_meant(evidence, attempt) if row.verdict in _REFUSALS and attempt.stage is row.stage else None
    if meant is not None and _MEANT[meant.then] is not row.verdict:
        return f"is {attempt.verdict} by the table, and the override in line {meant.line} says {meant.then}"
    return ""


def _plainly_meant(evidence: Evidence, attempt: AttemptRecord) -> Override | None:
    """Return the override that must have decided; None too where that takes more than a code, a stage and a pattern."""
    if attempt.reply is None or "out-of-step" in attempt.row or "too-many" in attempt.row:
        return None
    names = (attempt.recipient.rpartition("@")[2].lower(), attempt.host.lower(), attempt.account.lower())
    for one in evidence.campaign.overrides.each:
        if one.category or one.status or one.text:
            return None
        fits = not one.code or any(fnmatchcase(str(attempt.reply.code), code) for code in one.code)
        fits = fits and (not one.at or attempt.stage in one.at)
        if fits and (not one.match or any(fnmatchcase(name, way.lower()) for name in names for way in one.match)):
            return one
    return None


OVERRIDING = (
    Invariant(
        56,
        "overrides refuse",
        "A user's override turns a refusal into another refusal, as the campaign says, and nothing else.",
        "maildrill",
        overrides,
        (Witness.LEDGER, Witness.LIST),
    ),
)
