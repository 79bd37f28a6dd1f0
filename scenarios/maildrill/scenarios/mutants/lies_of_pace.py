"""Lies about pace and patience (I10, I13, I16 to I23): each changes one witness.

What a lie breaks is its name.
"""

from __future__ import annotations

from dataclasses import replace

from maildrill.scenarios.mutants.changes import logged, rewritten, tried
from maildrill.scenarios.mutants.lies import Lie
from maildrill.scenarios.oracles import Asked, Connected, Evidence
from maildrill.sender.attempt import Fault
from maildrill.sender.campaign import Limits, Mode
from maildrill.smtp import Reply, Stage
from maildrill.smtp.quantity import Rate


def sleeps_while_somebody_is_due(evidence: Evidence) -> Evidence:
    waits = (
        replace(e, fields={"until": 1310.0}) if e.kind == "run.waited" and e.at < 1100 else e for e in evidence.events
    )
    late = rewritten(evidence, waits)
    tries = (replace(one, started=one.started + 9) if one.started > 1300 else one for one in evidence.attempts)
    return replace(late, attempts=tuple(tries))


def comes_back_when_a_text_says_so(evidence: Evidence) -> Evidence:
    reply = Reply.of("450 4.2.1 busy, try again in 5 seconds")
    attempts = list(evidence.attempts)
    attempts[1] = replace(attempts[1], reply=reply, until=attempts[1].ended + 5)
    return replace(evidence, attempts=tuple(attempts))


def puts_off_and_comes_too_early_all_the_same(evidence: Evidence) -> Evidence:
    reply = Reply.of("450 4.2.1 wait 1 hour")
    attempts = list(evidence.attempts)
    attempts[1] = replace(attempts[1], reply=reply, until=attempts[1].ended + 1800)
    return replace(evidence, attempts=tuple(attempts))


def _connects(evidence: Evidence, times: int, at: float, every: float, last: float = 0.0) -> Evidence:
    more = (
        Connected(session=100 + n, opened=at + n * every, closed=at + n * every + last, host="mx.test")
        for n in range(times)
    )
    return replace(evidence, connected=tuple(sorted((*evidence.connected, *more), key=lambda one: one.opened)))


def storms(evidence: Evidence) -> Evidence:
    return _connects(evidence, 200, 2000.0, 0.1)


def connects_in_the_cool_down(evidence: Evidence) -> Evidence:
    return _connects(logged(evidence, 1990.0, "breaker.opened", relay="mx.test:25", until=2100.0), 1, 2020.0, 1.0)


def probes_twice_at_once(evidence: Evidence) -> Evidence:
    return _connects(logged(evidence, 1990.0, "breaker.opened", relay="mx.test:25", until=2100.0), 2, 2100.0, 0.1, 9.0)


def ends_before_it_begins(evidence: Evidence) -> Evidence:
    return tried(evidence, "ann@x.test", started=1000.6)


def is_due_before_it_is_over(evidence: Evidence) -> Evidence:
    return tried(evidence, "dan@x.test", until=900.0)


def logs_a_negative_delay(evidence: Evidence) -> Evidence:
    events = (
        replace(e, fields={**e.fields, "delay": -3.0}) if e.kind == "attempt" and e.at < 1001 else e
        for e in evidence.events
    )
    return rewritten(evidence, events)


def gives_up_waiting_too_early(evidence: Evidence) -> Evidence:
    events = (
        replace(e, fields={**e.fields, "fault": "timeout"}) if e.fields.get("fault") else e for e in evidence.events
    )
    return rewritten(tried(evidence, "eve@x.test", fault=Fault.TIMEOUT), events)


def waits_far_too_long(evidence: Evidence) -> Evidence:
    return tried(gives_up_waiting_too_early(evidence), "eve@x.test", ended=2900.0)


def opens_five_connections(evidence: Evidence) -> Evidence:
    return _connects(evidence, 5, 2000.0, 0.1, 9.0)


def hurries(evidence: Evidence) -> Evidence:
    limits = Limits(rate=Rate(1, 60.0))
    return replace(evidence, campaign=replace(evidence.campaign, limits=limits))


def overloads_a_session(evidence: Evidence) -> Evidence:
    limits = Limits(messages_per_connection=3)
    return replace(evidence, campaign=replace(evidence.campaign, limits=limits))


def overloads_a_transaction(evidence: Evidence) -> Evidence:
    one = next(one for one in evidence.asked if one.stage is Stage.RCPT)
    return replace(
        evidence, asked=(*evidence.asked, replace(one, recipient="zoe@x.test")), imported=(*evidence.imported,)
    )


def forgets_what_it_learned(evidence: Evidence) -> Evidence:
    batch = replace(evidence.campaign, mode=Mode.BATCH)
    taught = logged(
        replace(evidence, campaign=batch), 999.5, "limit.learned", relay="mx.test:25", limit="recipients", value=1
    )
    two = [Asked(at=1350.0, session=8, transaction=1, stage=Stage.MAIL, reply=Reply.of("250 ok"))]
    two += [replace(two[0], stage=Stage.RCPT, recipient=to, reply=Reply.of("450 no")) for to in ("dan@x.test", "x")]
    eighth = Connected(session=8, opened=1349.9, closed=1351.0, host="mx.test")
    return replace(taught, asked=(*taught.asked, *two), connected=(*taught.connected, eighth))


def charges_for_one_too_many(evidence: Evidence) -> Evidence:
    many = Reply.of("452 4.5.3 too many recipients")
    asked = [
        replace(one, reply=many) if one.stage is Stage.RCPT and one.recipient == "dan@x.test" else one
        for one in evidence.asked
    ]
    n = next(n for n, one in enumerate(asked) if one.reply == many)
    asked.insert(n, replace(asked[n], recipient="ann@x.test", reply=Reply.of("250 ok")))
    return replace(evidence, asked=tuple(asked), severed=frozenset())


PACE: tuple[tuple[int, Lie], ...] = (
    (10, sleeps_while_somebody_is_due),
    (13, comes_back_when_a_text_says_so),
    (13, puts_off_and_comes_too_early_all_the_same),
    (16, storms),
    (17, connects_in_the_cool_down),
    (17, probes_twice_at_once),
    (18, ends_before_it_begins),
    (18, is_due_before_it_is_over),
    (18, logs_a_negative_delay),
    (19, gives_up_waiting_too_early),
    (19, waits_far_too_long),
    (20, opens_five_connections),
    (21, hurries),
    (22, overloads_a_session),
    (22, overloads_a_transaction),
    (22, forgets_what_it_learned),
    (23, charges_for_one_too_many),
)
