"""Lies about words, letters and records (I26 to I55 where `lies` has none): each changes one witness.

What a lie breaks is its name.
"""

from __future__ import annotations

from dataclasses import replace

from maildrill.scenarios.mutants.changes import asked_again, logged, rewritten, tried
from maildrill.scenarios.mutants.lies import Lie
from maildrill.scenarios.mutants.told import composed
from maildrill.scenarios.oracles import Asked, Evidence
from maildrill.sender.attempt import Verdict
from maildrill.sender.lists.rows import Reason, SetAside
from maildrill.sender.override import Override, Overrides, Then
from maildrill.smtp import Reply, Stage


def skips_ehlo(evidence: Evidence) -> Evidence:
    return replace(evidence, asked=tuple(one for one in evidence.asked if one.stage is not Stage.EHLO))


def begins_in_the_middle(evidence: Evidence) -> Evidence:
    return replace(evidence, asked=tuple(one for one in evidence.asked if one.stage is not Stage.RSET))


def names_recipients_before_mail(evidence: Evidence) -> Evidence:
    rset = next(one for one in evidence.asked if one.stage is Stage.RSET)
    more = replace(rset, stage=Stage.RCPT, session=2, transaction=0, at=1302.9)
    return replace(evidence, asked=(*evidence.asked, more))


def says_data_before_rcpt(evidence: Evidence) -> Evidence:
    return replace(
        evidence,
        asked=tuple(one for one in evidence.asked if one.stage is not Stage.RCPT or one.recipient != "eve@x.test"),
    )


def uses_what_was_not_offered(evidence: Evidence) -> Evidence:
    asked = (
        replace(one, parameters=frozenset({"SIZE", "SMTPUTF8"})) if one.stage is Stage.MAIL else one
        for one in evidence.asked
    )
    return replace(evidence, asked=tuple(asked))


def starts_tls_after_helo(evidence: Evidence) -> Evidence:
    helo = Asked(at=1500.0, session=9, transaction=0, stage=Stage.HELO, reply=Reply.of("250 mx"))
    return replace(evidence, asked=(*evidence.asked, helo, replace(helo, stage=Stage.STARTTLS)))


def writes_to_a_stranger(evidence: Evidence) -> Evidence:
    return replace(evidence, imported=evidence.imported[1:], recipients=evidence.recipients[1:])


def tells_of_the_blind_copy(evidence: Evidence) -> Evidence:
    def with_bcc(address: str) -> bytes:
        return b"Bcc: boss@x.test\r\n" + composed(address)

    taken = (replace(one, content=with_bcc(one.recipients[0])) for one in evidence.taken)
    return replace(evidence, composed=with_bcc, taken=tuple(taken))


def lets_quit_decide(evidence: Evidence) -> Evidence:
    return tried(evidence, "ann@x.test", stage=Stage.QUIT)


def goes_in_clear(evidence: Evidence) -> Evidence:
    return replace(evidence, tls_required=frozenset({"mx.test"}))


def logs_in_in_clear(evidence: Evidence) -> Evidence:
    login = Asked(at=999.95, session=1, transaction=0, stage=Stage.AUTH, reply=Reply.of("235 welcome"))
    offering = tuple(
        replace(one, reply=Reply(250, ("mx.test", "PIPELINING", "AUTH PLAIN"))) if one.stage is Stage.EHLO else one
        for one in evidence.asked
    )
    return replace(evidence, asked=(offering[0], login, *offering[1:]))


def writes_a_password_to_the_log(evidence: Evidence) -> Evidence:
    open_ = logged(evidence, 999.9, "line", session=1, mark="->", text="AUTH PLAIN sesame")
    return replace(open_, secrets=("sesame",))


def writes_a_password_to_the_ledger(evidence: Evidence) -> Evidence:
    return replace(tried(evidence, "dan@x.test", detail="c2VzYW1l"), secrets=("sesame",))


def writes_a_password_within_a_response(evidence: Evidence) -> Evidence:
    open_ = logged(evidence, 999.9, "line", session=1, mark="->", text="AUTH PLAIN AGFubgBzZXNhbWU=")  # \0ann\0sesame
    return replace(open_, secrets=("sesame",))


def writes_a_password_into_a_url(evidence: Evidence) -> Evidence:
    url = logged(evidence, 999.9, "run.started", relay="smtp://ann:o%2Fpen%20sesame@mx.test")
    return replace(url, secrets=("o/pen sesame",))


def writes_a_password_to_the_report(evidence: Evidence) -> Evidence:
    return replace(evidence, report={**evidence.report, "relay": "sesame@mx"}, secrets=("sesame",))


def sends_before_it_writes(evidence: Evidence) -> Evidence:
    return rewritten(evidence, (e for e in evidence.events if e.kind != "transaction.intent" or e.at > 1100))


def writes_after_it_sent(evidence: Evidence) -> Evidence:
    events = (replace(e, at=1399.0) if e.kind == "transaction.intent" and e.at < 1100 else e for e in evidence.events)
    return rewritten(evidence, events)


def tries_twice_at_once(evidence: Evidence) -> Evidence:
    attempts = list(evidence.attempts)
    attempts[1] = replace(attempts[1], ended=1302.2, until=1602.2)
    return replace(evidence, attempts=tuple(attempts))


def has_two_transactions_at_once(evidence: Evidence) -> Evidence:
    late = Asked(at=1020.0, session=1, transaction=2, stage=Stage.NOOP)
    return replace(
        asked_again(evidence, "bob@x.test", 1002.0), asked=(*asked_again(evidence, "bob@x.test", 1002.0).asked, late)
    )


def sends_another_message(evidence: Evidence) -> Evidence:
    second = replace(evidence.taken[0], content=composed("ann@x.test") + b"PS\r\n", acknowledged=False, committed=False)
    return replace(evidence, taken=(evidence.taken[0], second, *evidence.taken[1:]))


def loses_the_message_id(evidence: Evidence) -> Evidence:
    recipients = (replace(one, message_id="<other@example.com>") for one in evidence.recipients)
    return replace(evidence, recipients=tuple(recipients))


def foretells_another_message(evidence: Evidence) -> Evidence:
    recipients = (replace(one, body_hash="0" * 32) for one in evidence.recipients)
    return replace(evidence, recipients=tuple(recipients))


def logs_another_hash(evidence: Evidence) -> Evidence:
    events = (
        replace(e, fields={**e.fields, "body_hash": "0"}) if e.kind == "transaction.started" else e
        for e in evidence.events
    )
    return rewritten(evidence, events)


def loses_a_line(evidence: Evidence) -> Evidence:
    return rewritten(evidence, (e for e in evidence.events if "RCPT TO:<dan" not in str(e.fields.get("text"))))


def gives_two_sessions_one_number(evidence: Evidence) -> Evidence:
    return logged(logged(evidence, 999.9, "session.opened", session=1), 1301.9, "session.opened", session=1)


def stutters(evidence: Evidence) -> Evidence:
    return rewritten(
        evidence,
        (e for one in evidence.events for e in ((one, one) if "RCPT" in str(one.fields.get("text")) else (one,))),
    )


def jumps_back_in_the_log(evidence: Evidence) -> Evidence:
    return replace(evidence, events=(*evidence.events[:-1], replace(evidence.events[-1], at=5.0)))


def writes_to_the_suppressed(evidence: Evidence) -> Evidence:
    out = SetAside(9, "Ann <ANN@x.test>", Reason.SUPPRESSED, "complained")
    told = {**evidence.report, "set_aside": {"suppressed": 1}}
    return logged(
        replace(evidence, set_aside=(out,), report=told),
        999.0,
        "recipient.set_aside",
        reason="suppressed",
        value=out.value,
    )


def knows_one_mailbox_twice(evidence: Evidence) -> Evidence:
    twin = replace(evidence.recipients[0], address="ANN@X.TEST")
    report = {**evidence.report, "recipients": 6, "delivered": 3}
    queued = logged(evidence, 999.0, "recipient.queued", recipient="ANN@X.TEST")
    done = logged(queued, 1001.0, "recipient.recovered", recipient="ANN@X.TEST", state="delivered")
    return replace(
        done, recipients=(*evidence.recipients, twin), imported=(*evidence.imported, "ANN@X.TEST"), report=report
    )


def drops_a_row_in_silence(evidence: Evidence) -> Evidence:
    return replace(evidence, set_aside=(SetAside(9, "ann@x.test", Reason.DUPLICATE, "line 2"),))


def fills_a_tag_with_nothing(evidence: Evidence) -> Evidence:
    rows = {**evidence.rows, "ann@x.test": {"Name": " "}}
    return replace(evidence, campaign=replace(evidence.campaign, text="Dear [Name]"), rows=rows)


def leaves_a_tag_as_it_is(evidence: Evidence) -> Evidence:
    def greeted(address: str) -> bytes:
        return composed(address) + b"Dear [Name|friend]\r\n"

    taken = (replace(one, content=greeted(one.recipients[0])) for one in evidence.taken)
    campaign = replace(evidence.campaign, text="Dear [Name|friend]")
    return replace(evidence, campaign=campaign, composed=greeted, taken=tuple(taken))


def fails_recipients_for_our_password(evidence: Evidence) -> Evidence:
    return tried(evidence, "cyd@x.test", stage=Stage.AUTH)


def counts_a_hold(evidence: Evidence) -> Evidence:
    return tried(evidence, "dan@x.test", verdict=Verdict.HELD)


def names_an_override_that_nobody_wrote(evidence: Evidence) -> Evidence:
    return tried(evidence, "cyd@x.test", row="rcpt-5yz", override="line 9: fail")


def takes_back_a_delivery_by_an_override(evidence: Evidence) -> Evidence:
    return tried(evidence, "ann@x.test", verdict=Verdict.HELD, counted=False, override="line 1: hold")


def settles_a_doubt_by_an_override(evidence: Evidence) -> Evidence:
    return tried(evidence, "eve@x.test", verdict=Verdict.DEFERRED, override="line 1: retry")


def overrides_what_is_about_the_host(evidence: Evidence) -> Evidence:
    return tried(evidence, "cyd@x.test", row="mail-530", override="line 1: fail")


def obeys_another_override(evidence: Evidence) -> Evidence:
    campaign = replace(evidence.campaign, overrides=Overrides((Override(line=1, then=Then.HOLD, code=("550",)),)))
    return tried(replace(evidence, campaign=campaign), "cyd@x.test", row="rcpt-5yz", override="line 1: hold")


def rules_otherwise_in_silence(evidence: Evidence) -> Evidence:
    campaign = replace(evidence.campaign, overrides=Overrides((Override(line=1, then=Then.HOLD, code=("450",)),)))
    return tried(replace(evidence, campaign=campaign), "cyd@x.test", row="dot-2yz")


RECORD: tuple[tuple[int, Lie], ...] = (
    (26, skips_ehlo),
    (26, begins_in_the_middle),
    (26, names_recipients_before_mail),
    (26, says_data_before_rcpt),
    (27, uses_what_was_not_offered),
    (27, starts_tls_after_helo),
    (33, writes_to_a_stranger),
    (33, tells_of_the_blind_copy),
    (34, lets_quit_decide),
    (35, goes_in_clear),
    (35, logs_in_in_clear),
    (36, writes_a_password_to_the_log),
    (36, writes_a_password_within_a_response),
    (36, writes_a_password_into_a_url),
    (36, writes_a_password_to_the_ledger),
    (36, writes_a_password_to_the_report),
    (37, sends_before_it_writes),
    (37, writes_after_it_sent),
    (41, tries_twice_at_once),
    (41, has_two_transactions_at_once),
    (42, sends_another_message),
    (42, loses_the_message_id),
    (46, foretells_another_message),
    (46, logs_another_hash),
    (49, loses_a_line),
    (49, stutters),
    (49, gives_two_sessions_one_number),
    (49, jumps_back_in_the_log),
    (52, writes_to_the_suppressed),
    (53, knows_one_mailbox_twice),
    (53, drops_a_row_in_silence),
    (54, fills_a_tag_with_nothing),
    (54, leaves_a_tag_as_it_is),
    (55, fails_recipients_for_our_password),
    (55, counts_a_hold),
    (56, names_an_override_that_nobody_wrote),
    (56, takes_back_a_delivery_by_an_override),
    (56, settles_a_doubt_by_an_override),
    (56, overrides_what_is_about_the_host),
    (56, obeys_another_override),
    (56, rules_otherwise_in_silence),
)
