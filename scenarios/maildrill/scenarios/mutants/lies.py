"""Lies about who got what and when (I1 to I9, I11 to I15, I24, I25, I32, I40, I50, I51); each changes one witness.

What a lie breaks is its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from maildrill.scenarios.mutants.changes import asked_again, logged, rewritten, stated, tried
from maildrill.scenarios.oracles import Asked, Evidence
from maildrill.sender.attempt import Scope, State, Verdict
from maildrill.sender.campaign import UnknownPolicy
from maildrill.smtp import Reply, Stage

Lie = Callable[[Evidence], Evidence]


def forgets_a_recipient(evidence: Evidence) -> Evidence:
    return replace(evidence, recipients=evidence.recipients[1:])


def invents_a_recipient(evidence: Evidence) -> Evidence:
    return replace(evidence, recipients=(*evidence.recipients, evidence.recipients[0]))


def stops_half_way(evidence: Evidence) -> Evidence:
    return stated(evidence, "bob@x.test", State.DEFERRED)


def calls_a_deferral_delivered(evidence: Evidence) -> Evidence:
    return stated(evidence, "dan@x.test", State.DELIVERED)


def delivers_through_a_refused_rcpt(evidence: Evidence) -> Evidence:
    refused = (
        replace(one, reply=Reply.of("450 no")) if one.stage is Stage.RCPT and one.recipient == "ann@x.test" else one
        for one in evidence.asked
    )
    return replace(evidence, asked=tuple(refused))


def sends_twice(evidence: Evidence) -> Evidence:
    return asked_again(evidence, "ann@x.test", 1500.0)


def doubles_a_message(evidence: Evidence) -> Evidence:
    return replace(evidence, taken=(*evidence.taken, replace(evidence.taken[2], at=1600.0)))


def doubles_more_than_it_doubts(evidence: Evidence) -> Evidence:
    policy = replace(evidence.campaign.retry, unknown=UnknownPolicy.AT_LEAST_ONCE)
    twice = (*evidence.taken, evidence.taken[2], evidence.taken[2])
    return replace(evidence, campaign=replace(evidence.campaign, retry=policy), taken=twice)


def fails_without_a_reply(evidence: Evidence) -> Evidence:
    return stated(evidence, "eve@x.test", State.FAILED)


def expires_in_silence(evidence: Evidence) -> Evidence:
    events = (
        one for one in evidence.events if one.kind != "recipient.expired" and one.fields.get("state") != "expired"
    )
    return rewritten(evidence, events)


def blames_a_recipient_for_the_host(evidence: Evidence) -> Evidence:
    return tried(evidence, "cyd@x.test", scope=Scope.HOST)


def denies_a_delivery(evidence: Evidence) -> Evidence:
    return stated(evidence, "bob@x.test", State.FAILED)


def denies_an_unread_delivery(evidence: Evidence) -> Evidence:
    acknowledged = (*evidence.taken[:2], replace(evidence.taken[2], acknowledged=True))
    return stated(replace(evidence, taken=acknowledged), "eve@x.test", State.EXPIRED)


def forgets_a_refusal(evidence: Evidence) -> Evidence:
    return tried(evidence, "cyd@x.test", verdict=Verdict.DEFERRED)


def loses_the_try_of_a_refusal(evidence: Evidence) -> Evidence:
    return replace(evidence, attempts=tuple(one for one in evidence.attempts if one.recipient != "cyd@x.test"))


def _empty_transaction(evidence: Evidence, content: bytes) -> Evidence:
    """The server let a transaction with no recipient go on to the dot."""
    taken = replace(evidence.taken[0], session=1, transaction=3, recipients=(), content=content, at=1002.4)
    return replace(evidence, taken=(*evidence.taken, taken))


def sends_a_body_for_nobody(evidence: Evidence) -> Evidence:
    return _empty_transaction(evidence, b"Subject: x\r\n\r\n")


def delivers_to_nobody(evidence: Evidence) -> Evidence:
    return tried(_empty_transaction(evidence, b""), "cyd@x.test", verdict=Verdict.DELIVERED)


def retries_a_failure(evidence: Evidence) -> Evidence:
    return asked_again(evidence, "cyd@x.test", 1500.0)


def comes_back_too_early(evidence: Evidence) -> Evidence:
    return tried(evidence, "bob@x.test", until=1002.0)


def comes_back_too_late(evidence: Evidence) -> Evidence:
    return tried(evidence, "bob@x.test", until=2302.0)


def hammers(evidence: Evidence) -> Evidence:
    return asked_again(evidence, "bob@x.test", 1010.0)


def expires_untried(evidence: Evidence) -> Evidence:
    return tried(evidence, "dan@x.test", counted=False)


def outlives_the_lifetime(evidence: Evidence) -> Evidence:
    return asked_again(evidence, "dan@x.test", 9000.0)


def miscounts(evidence: Evidence) -> Evidence:
    return replace(evidence, recipients=tuple(replace(one, attempts=7) for one in evidence.recipients))


def counts_a_421(evidence: Evidence) -> Evidence:
    return tried(evidence, "dan@x.test", reply=Reply.of("421 bye"))


def counts_a_refused_connection(evidence: Evidence) -> Evidence:
    return tried(evidence, "dan@x.test", stage=Stage.CONNECT)


def sends_again_when_done(evidence: Evidence) -> Evidence:
    return replace(evidence, resumed=1)


def talks_on_after_421(evidence: Evidence) -> Evidence:
    return logged(evidence, 1005.0, "line", session=1, mark="->", text="RSET")


def begins_anew_after_421(evidence: Evidence) -> Evidence:
    end = Asked(at=1004.5, session=1, transaction=4, stage=Stage.NOOP, reply=Reply.of("421 bye"))
    mail = Asked(at=1005.0, session=1, transaction=5, stage=Stage.MAIL, reply=Reply.of("250 ok"))
    return replace(evidence, asked=(*evidence.asked, end, mail))


def garbles_a_message(evidence: Evidence) -> Evidence:
    return replace(evidence, taken=(replace(evidence.taken[0], content=b"hello\r\n"), *evidence.taken[1:]))


def sends_a_bare_newline(evidence: Evidence) -> Evidence:
    return replace(evidence, composed=lambda _: b"a\nb\r\n", taken=(replace(evidence.taken[0], content=b"a\nb\r\n"),))


def logs_another_story(evidence: Evidence) -> Evidence:
    events = [one for one in evidence.events if one.kind != "attempt" or one.fields["recipient"] != "eve@x.test"]
    return rewritten(evidence, events)


def drops_an_outcome(evidence: Evidence) -> Evidence:
    return replace(evidence, attempts=evidence.attempts[:-1])


def logs_an_outcome_twice(evidence: Evidence) -> Evidence:
    twice = next(event for event in evidence.events if event.kind == "attempt")
    return rewritten(evidence, (*evidence.events, twice))


def names_someone_off_the_record(evidence: Evidence) -> Evidence:
    return replace(asked_again(evidence, "ann@x.test", 990.0), severed=frozenset())


def adds_wrongly(evidence: Evidence) -> Evidence:
    return replace(evidence, report={**evidence.report, "recipients": 6})


def reports_another_ledger(evidence: Evidence) -> Evidence:
    return replace(evidence, report={**evidence.report, "delivered": 1, "failed": 2})


def reports_no_number(evidence: Evidence) -> Evidence:
    return replace(evidence, report={**evidence.report, "delivered": "two"})


LIES: tuple[tuple[int, Lie], ...] = (
    (1, forgets_a_recipient),
    (1, invents_a_recipient),
    (1, stops_half_way),
    (2, calls_a_deferral_delivered),
    (2, delivers_through_a_refused_rcpt),
    (3, sends_twice),
    (4, doubles_a_message),
    (4, doubles_more_than_it_doubts),
    (5, fails_without_a_reply),
    (5, expires_in_silence),
    (5, blames_a_recipient_for_the_host),
    (6, denies_a_delivery),
    (6, denies_an_unread_delivery),
    (7, forgets_a_refusal),
    (7, loses_the_try_of_a_refusal),
    (8, sends_a_body_for_nobody),
    (8, delivers_to_nobody),
    (9, retries_a_failure),
    (11, comes_back_too_early),
    (11, comes_back_too_late),
    (12, hammers),
    (14, expires_untried),
    (14, outlives_the_lifetime),
    (15, miscounts),
    (15, counts_a_421),
    (15, counts_a_refused_connection),
    (24, sends_again_when_done),
    (25, talks_on_after_421),
    (25, begins_anew_after_421),
    (32, garbles_a_message),
    (32, sends_a_bare_newline),
    (40, logs_another_story),
    (50, drops_an_outcome),
    (50, logs_an_outcome_twice),
    (50, names_someone_off_the_record),
    (51, adds_wrongly),
    (51, reports_another_ledger),
    (51, reports_no_number),
)
