"""Defects that real senders have had, seeded in ours: a drill with the right script finds each of them.

Each defect replaces one function of the sender for one drill; the oracles know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.sender import dialogue, lane, standing
from maildrill.sender.attempt import Broken, Ruling, Scope, Transaction, Verdict
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, Mode, RetryPolicy
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.disposition import judge
from maildrill.sender.hearing import Hearing
from maildrill.sender.ledger import Enrolment
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import RecipientList, Row
from maildrill.sender.retry import expiry, next_attempt
from maildrill.sender.wire import Wire
from maildrill.smtp import Reply, Stage

Patch = pytest.MonkeyPatch
Judge = Callable[..., tuple[Ruling, ...]]

CAMPAIGN = Campaign(
    name="defects",
    sender=Mailbox("", "news@sender.example"),
    subject="Hello",
    account=Account(host="mx.test"),
    list_file=Path("list.csv"),
    email="Email",
    text="Hello\n.hidden\n..twice\n",
    html=None,
    attachments=(),
    retry=RetryPolicy(schedule=(600.0, 1800.0), cap=1800.0, lifetime=4 * 3600.0),
    limits=Limits(connections=1, recipients_per_transaction=2),
    mode=Mode.BATCH,
)
ROWS = [Row(n, f"{name}@example.com", {}) for n, name in enumerate(("ann", "bob", "cyd"), start=2)]


@pytest.fixture
def found() -> Callable[[str], set[str]]:
    """Return a function that drills three recipients against a script and gives the invariants that were violated."""

    def drilled(script: str) -> set[str]:
        recipients = RecipientList(tuple(ROWS), (), ("Email",))
        plan = Plan(campaign=CAMPAIGN, script=read_script("version = 1\n" + script, "mx.toml"), recipients=recipients)
        return {violation.invariant for violation in rehearse(plan).summary.violations}

    return drilled


def judging(patch: Patch, change: Callable[[Transaction, Ruling], Ruling]) -> None:
    """Make the sender rule otherwise than its table."""
    honest: Judge = judge
    patch.setattr(lane, "judge", lambda tx, **more: tuple(change(tx, ruling) for ruling in honest(tx, **more)))


def retries_what_failed(patch: Patch) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.DEFERRED) if one.verdict is Verdict.FAILED else one)


def fails_what_is_deferred(patch: Patch) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.FAILED) if one.verdict is Verdict.DEFERRED else one)


def counts_a_421(patch: Patch) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.DEFERRED) if one.verdict is Verdict.RELEASED else one)


def takes_a_lost_reply_for_a_deferral(patch: Patch) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.DEFERRED) if one.verdict is Verdict.UNKNOWN else one)


def takes_a_lost_reply_for_a_delivery(patch: Patch) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.DELIVERED) if one.verdict is Verdict.UNKNOWN else one)


def loses_refusals_when_data_fails(patch: Patch) -> None:
    def defer(tx: Transaction, one: Ruling) -> Ruling:
        late = tx.data is not None and tx.data.klass == 4
        return replace(one, verdict=Verdict.DEFERRED, stage=Stage.DATA, reply=tx.data) if late else one

    judging(patch, defer)


def loses_recipients_when_data_fails(patch: Patch) -> None:
    judging(patch, lambda tx, one: replace(one, verdict=Verdict.FAILED) if tx.data and tx.data.klass == 4 else one)


def refuses_252(patch: Patch) -> None:
    def refused(tx: Transaction, one: Ruling) -> Ruling:
        said = tx.rcpt[tx.recipients.index(one.recipient)]
        return replace(one, verdict=Verdict.FAILED) if said is not None and said.code == 252 else one

    judging(patch, refused)


def takes_the_dots_reply_for_everybodys(patch: Patch) -> None:
    def delivered(tx: Transaction, one: Ruling) -> Ruling:
        return replace(one, verdict=Verdict.DELIVERED) if tx.dot is not None and tx.dot.positive else one

    judging(patch, delivered)


def blames_recipients_for_the_host(patch: Patch) -> None:
    def failed(broken: Broken, recipients: tuple[str, ...], **_: bool) -> tuple[Ruling, ...]:
        return tuple(
            Ruling(
                recipient=to, verdict=Verdict.FAILED, scope=Scope.HOST, stage=broken.stage, row="x", fault=broken.fault
            )
            for to in recipients
        )

    patch.setattr(lane, "judge_setup", failed)


def sends_the_body_to_nobody(patch: Patch) -> None:
    patch.setattr(Hearing, "accepted", property(lambda hearing: hearing.recipients))


def talks_on_after_421(patch: Patch) -> None:
    honest = Wire.feed

    def deaf(wire: Wire, octets: bytes) -> list[Reply]:
        replies = honest(wire, octets)
        if wire.broken is not None and wire.broken.reply is not None and wire.broken.reply.code == 421:
            wire.broken = None
        return replies

    patch.setattr(Wire, "feed", deaf)


def comes_back_at_once(patch: Patch) -> None:
    patch.setattr(standing, "next_attempt", lambda *_, now, **__: now + 1.0)


def gives_up_too_late(patch: Patch) -> None:
    def twice(policy: RetryPolicy) -> RetryPolicy:
        return replace(policy, lifetime=2 * policy.lifetime)

    patch.setattr(standing, "next_attempt", lambda policy, **more: next_attempt(twice(policy), **more))
    patch.setattr(standing, "expiry", lambda policy, first_at: expiry(twice(policy), first_at))


def forgets_to_stuff_dots(patch: Patch) -> None:
    patch.setattr(dialogue, "stuffed", lambda message: message)


def forgets_what_it_heard(patch: Patch) -> None:
    async def forgetful(*_: object) -> None: ...

    patch.setattr(SqliteLedger, "record", forgetful)


def restarts_from_the_beginning(patch: Patch) -> None:
    honest = SqliteLedger.enrol

    def enrol(ledger: SqliteLedger, *facts: Any) -> Enrolment:
        enrolment = honest(ledger, *facts)
        with ledger.writing():
            ledger.do("UPDATE recipient SET state = 'pending', due = ?", (facts[-1],))
        return enrolment

    patch.setattr(SqliteLedger, "enrol", enrol)


def logs_only_what_went_well(patch: Patch) -> None:
    honest = ConnectionLog.attempt

    def selective(log: ConnectionLog, at: float, ruling: Ruling, **outcome: object) -> None:
        if ruling.verdict is Verdict.DELIVERED:
            honest(log, at, ruling, **outcome)  # type: ignore[arg-type]

    patch.setattr(ConnectionLog, "attempt", selective)


def logs_everything_twice(patch: Patch) -> None:
    honest = ConnectionLog.attempt

    def stuttering(log: ConnectionLog, at: float, ruling: Ruling, **outcome: object) -> None:
        honest(log, at, ruling, **outcome)  # type: ignore[arg-type]
        honest(log, at, ruling, **outcome)  # type: ignore[arg-type]

    patch.setattr(ConnectionLog, "attempt", stuttering)


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect, the script that brings it out, and one invariant that must be found violated."""

    seed: Callable[[Patch], None]
    script: str
    invariant: str


REFUSED = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nreply = "550 5.1.1 no"\n'
BUSY = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nkey = "rcpt"\nattempt = "1-2"\nreply = "450 4.2.1 busy"\n'
LATE = '[[rule]]\nat = "data"\nattempt = "1"\nreply = "451 4.3.0 later"\n'
QUOTA = '[[rule]]\nat = "mail"\nattempt = "1-2"\nreply = "421 4.7.0 bye"\n'
LINGERING = '[[rule]]\nat = "dot"\nattempt = "1"\nreply = "421 4.7.0 bye"\ncut = "never"\n'
LOST = '[[rule]]\nat = "dot"\nattempt = "1"\ncommit = true\ncut = "before"\n'
GONE = '[[rule]]\nat = "dot"\nattempt = "1"\ncut = "before"\n'
VAGUE = '[[rule]]\nat = "rcpt"\nreply = "252 2.1.5 will try"\n'
DOWN = '[[rule]]\nat = "connect"\nattempt = "1-2"\ncut = "refuse"\n'
NOBODY = """
[[rule]]\nat = "rcpt"\nreply = "450 4.2.1 not now"
[[rule]]\nat = "data"\nreply = "354 go on"
[[rule]]\nat = "dot"\nreply = "250 ok"
"""

DEFECTS = [
    Defect(retries_what_failed, REFUSED, "I7"),
    Defect(retries_what_failed, REFUSED, "I9"),
    Defect(fails_what_is_deferred, BUSY, "I5"),
    Defect(counts_a_421, QUOTA, "I15"),
    Defect(takes_a_lost_reply_for_a_deferral, LOST, "I4"),
    Defect(takes_a_lost_reply_for_a_delivery, GONE, "I2"),
    Defect(loses_refusals_when_data_fails, REFUSED + LATE, "I7"),
    Defect(loses_recipients_when_data_fails, LATE, "I5"),
    Defect(refuses_252, VAGUE, "I6"),
    Defect(takes_the_dots_reply_for_everybodys, BUSY, "I2"),
    Defect(blames_recipients_for_the_host, DOWN, "I5"),
    Defect(sends_the_body_to_nobody, NOBODY, "I8"),
    Defect(talks_on_after_421, LINGERING, "I25"),
    Defect(comes_back_at_once, BUSY, "I11"),
    Defect(comes_back_at_once, BUSY, "I12"),
    Defect(gives_up_too_late, NOBODY, "I14"),
    Defect(forgets_to_stuff_dots, "", "I32"),
    Defect(forgets_what_it_heard, "", "I1"),
    Defect(restarts_from_the_beginning, "", "I24"),
    Defect(forgets_what_it_heard, "", "I40"),
    Defect(logs_only_what_went_well, REFUSED, "I40"),
    Defect(logs_everything_twice, REFUSED, "I50"),
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: f"{one.seed.__name__}-{one.invariant}")
def test_a_drill_finds_the_defect(defect: Defect, found: Callable[[str], set[str]], monkeypatch: Patch) -> None:
    """With the defect the invariant is violated in a drill against the script."""
    defect.seed(monkeypatch)

    assert defect.invariant in found(defect.script)


@pytest.mark.parametrize("script", sorted({defect.script for defect in DEFECTS}))
def test_without_a_defect_the_same_drill_is_clean(script: str, found: Callable[[str], set[str]]) -> None:
    """What the drills above find is the defect, not the script."""
    assert found(script) == set()
