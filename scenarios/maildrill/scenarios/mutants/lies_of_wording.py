"""Lies that a witness alone would get away with (I13, I18, I19, I34, I54): another one was there.

What a lie breaks is its name.
"""

from __future__ import annotations

from dataclasses import replace

from maildrill.scenarios.mutants.changes import asked_again, logged, rewritten, tried
from maildrill.scenarios.mutants.lies import Lie
from maildrill.scenarios.mutants.told import composed
from maildrill.scenarios.oracles import Evidence
from maildrill.sender.attempt import Fault
from maildrill.smtp import Reply, Stage


def asks_early_though_the_ledger_is_patient(evidence: Evidence) -> Evidence:
    reply = Reply.of("450 4.2.1 busy, try again in 5 seconds")
    attempts = list(evidence.attempts)
    attempts[1] = replace(attempts[1], reply=reply)
    return asked_again(replace(evidence, attempts=tuple(attempts)), "bob@x.test", attempts[1].ended + 5, str(reply))


def waits_for_what_is_over(evidence: Evidence) -> Evidence:
    return logged(evidence, 1500.0, "breaker.opened", relay="mx.test:25", until=900.0)


def ends_a_lifetime_before_it_begins(evidence: Evidence) -> Evidence:
    records = (replace(one, expires_at=(one.first_at or 0.0) - 1.0) for one in evidence.recipients)
    return replace(evidence, recipients=tuple(records))


def gives_up_early_by_the_servers_clock(evidence: Evidence) -> Evidence:
    ended = 1399.95 + 600.0
    events = (
        replace(e, fields={**e.fields, "fault": "timeout"}) if e.fields.get("fault") else e for e in evidence.events
    )
    late = rewritten(tried(evidence, "eve@x.test", fault=Fault.TIMEOUT, ended=ended), events)
    connected = (replace(one, closed=ended) if one.session == 3 else one for one in late.connected)
    asked = (replace(one, at=ended - 20) if one.session == 3 and one.stage is Stage.DOT else one for one in late.asked)
    return replace(late, connected=tuple(connected), asked=tuple(asked), severed=frozenset({3}))


def takes_what_was_said_to_rset_for_the_message(evidence: Evidence) -> Evidence:
    word = Reply.of("554 5.5.1 I know no RSET")
    asked = (
        replace(one, reply=word) if one.stage is Stage.RSET and one.transaction == 3 else one for one in evidence.asked
    )
    return tried(replace(evidence, asked=tuple(asked)), "cyd@x.test", reply=word)


def fills_in_another_value(evidence: Evidence) -> Evidence:
    def greeted(address: str) -> bytes:
        return composed(address).replace(b"hello", b"Dear Bob")

    rows = {address: {"Name": "Zoe"} for address in evidence.rows}
    taken = (replace(one, content=greeted(one.recipients[0])) for one in evidence.taken)
    campaign = replace(evidence.campaign, text="Dear [Name|friend]")
    return replace(evidence, campaign=campaign, rows=rows, composed=greeted, taken=tuple(taken))


WORDING: tuple[tuple[int, Lie], ...] = (
    (13, asks_early_though_the_ledger_is_patient),
    (18, waits_for_what_is_over),
    (18, ends_a_lifetime_before_it_begins),
    (19, gives_up_early_by_the_servers_clock),
    (34, takes_what_was_said_to_rset_for_the_message),
    (54, fills_in_another_value),
)
