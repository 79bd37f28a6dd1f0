"""Defects that real senders have had, seeded in ours; each replaces one function of the sender for one drill.

What a defect breaks is its name. The oracles know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from maildrill.scenarios.mutants.patching import Patching
from maildrill.sender import dialogue, lane, standing
from maildrill.sender.attempt import Broken, Ruling, Scope, Transaction, Verdict
from maildrill.sender.campaign import RetryPolicy
from maildrill.sender.capabilities import NOTHING
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.disposition import judge
from maildrill.sender.hearing import Hearing
from maildrill.sender.ledger import Enrolment
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.retry import expiry, next_attempt
from maildrill.sender.setup import opening
from maildrill.sender.wire import Wire
from maildrill.smtp import Reply, Stage

Judge = Callable[..., tuple[Ruling, ...]]


def judging(patch: Patching, change: Callable[[Transaction, Ruling], Ruling]) -> None:
    """Make the sender rule otherwise than its table."""
    honest: Judge = judge
    patch.setattr(lane, "judge", lambda tx, **more: tuple(change(tx, ruling) for ruling in honest(tx, **more)))


def retries_what_failed(patch: Patching) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.DEFERRED) if one.verdict is Verdict.FAILED else one)


def fails_what_is_deferred(patch: Patching) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.FAILED) if one.verdict is Verdict.DEFERRED else one)


def counts_a_421(patch: Patching) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.DEFERRED) if one.verdict is Verdict.RELEASED else one)


def takes_a_lost_reply_for_a_deferral(patch: Patching) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.DEFERRED) if one.verdict is Verdict.UNKNOWN else one)


def takes_a_lost_reply_for_a_delivery(patch: Patching) -> None:
    judging(patch, lambda _, one: replace(one, verdict=Verdict.DELIVERED) if one.verdict is Verdict.UNKNOWN else one)


def loses_refusals_when_data_fails(patch: Patching) -> None:
    def defer(tx: Transaction, one: Ruling) -> Ruling:
        late = one.verdict is Verdict.FAILED and tx.data is not None and tx.data.klass == 4
        return replace(one, verdict=Verdict.DEFERRED, stage=Stage.DATA, reply=tx.data) if late else one

    judging(patch, defer)


def loses_recipients_when_data_fails(patch: Patching) -> None:
    judging(patch, lambda tx, one: replace(one, verdict=Verdict.FAILED) if tx.data and tx.data.klass == 4 else one)


def refuses_252(patch: Patching) -> None:
    def refused(tx: Transaction, one: Ruling) -> Ruling:
        said = tx.rcpt[tx.recipients.index(one.recipient)]
        return replace(one, verdict=Verdict.FAILED) if said is not None and said.code == 252 else one

    judging(patch, refused)


def takes_the_dots_reply_for_everybodys(patch: Patching) -> None:
    def delivered(tx: Transaction, one: Ruling) -> Ruling:
        return replace(one, verdict=Verdict.DELIVERED) if tx.dot is not None and tx.dot.positive else one

    judging(patch, delivered)


def blames_recipients_for_the_host(patch: Patching) -> None:
    def failed(broken: Broken, recipients: tuple[str, ...], **_: bool) -> tuple[Ruling, ...]:
        return tuple(
            Ruling(
                recipient=to, verdict=Verdict.FAILED, scope=Scope.HOST, stage=broken.stage, row="x", fault=broken.fault
            )
            for to in recipients
        )

    patch.setattr(lane, "judge_setup", failed)


def takes_silence_at_ehlo_for_a_refusal(patch: Patching) -> None:
    patch.setattr(opening, "UNTOLD", NOTHING)


def sends_the_body_to_nobody(patch: Patching) -> None:
    patch.setattr(Hearing, "accepted", property(lambda hearing: hearing.recipients))


def talks_on_after_421(patch: Patching) -> None:
    honest = Wire.feed

    def deaf(wire: Wire, octets: bytes) -> list[Reply]:
        replies = honest(wire, octets)
        if wire.broken is not None and wire.broken.reply is not None and wire.broken.reply.code == 421:
            wire.broken = None
        return replies

    patch.setattr(Wire, "feed", deaf)


def comes_back_at_once(patch: Patching) -> None:
    patch.setattr(standing, "next_attempt", lambda *_, now, **__: now + 1.0)


def gives_up_too_late(patch: Patching) -> None:
    def twice(policy: RetryPolicy) -> RetryPolicy:
        return replace(policy, lifetime=2 * policy.lifetime)

    patch.setattr(standing, "next_attempt", lambda policy, **more: next_attempt(twice(policy), **more))
    patch.setattr(standing, "expiry", lambda policy, first_at: expiry(twice(policy), first_at))


def forgets_to_stuff_dots(patch: Patching) -> None:
    patch.setattr(dialogue, "stuffed", lambda message: message)


def forgets_what_it_heard(patch: Patching) -> None:
    async def forgetful(*_: object) -> None: ...

    patch.setattr(SqliteLedger, "record", forgetful)


def restarts_from_the_beginning(patch: Patching) -> None:
    honest = SqliteLedger.enrol

    def enrol(ledger: SqliteLedger, *facts: Any) -> Enrolment:
        enrolment = honest(ledger, *facts)
        with ledger.writing():
            ledger.do("UPDATE recipient SET state = 'pending', due = ?", (facts[-1],))
        return enrolment

    patch.setattr(SqliteLedger, "enrol", enrol)


def logs_only_what_went_well(patch: Patching) -> None:
    honest = ConnectionLog.attempt

    def selective(log: ConnectionLog, at: float, ruling: Ruling, **outcome: object) -> None:
        if ruling.verdict is Verdict.DELIVERED:
            honest(log, at, ruling, **outcome)  # type: ignore[arg-type]

    patch.setattr(ConnectionLog, "attempt", selective)


def logs_everything_twice(patch: Patching) -> None:
    honest = ConnectionLog.attempt

    def stuttering(log: ConnectionLog, at: float, ruling: Ruling, **outcome: object) -> None:
        honest(log, at, ruling, **outcome)  # type: ignore[arg-type]
        honest(log, at, ruling, **outcome)  # type: ignore[arg-type]

    patch.setattr(ConnectionLog, "attempt", stuttering)
