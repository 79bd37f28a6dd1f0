"""An attempt as the event log holds it."""

from __future__ import annotations

from dataclasses import replace

from maildrill.sender.attempt import Fault, Ruling, Scope, State, Verdict
from maildrill.sender.log_attempt import Outcome, attempt
from maildrill.sender.log_schema import KINDS
from maildrill.smtp import Reply, Stage

TAKEN = Ruling(
    recipient="ann@x.test",
    verdict=Verdict.DELIVERED,
    scope=Scope.RECIPIENT,
    stage=Stage.DOT,
    row="dot-2yz",
    reply=Reply.of("250 2.0.0 taken"),
)
OUTCOME: Outcome = {
    "session": 3,
    "transaction": None,
    "relay": "mx.test:25",
    "number": 1,
    "state": State.DELIVERED,
    "delay": 1.5,
}


def test_who_got_the_same_reply_has_all_else_of_its_own() -> None:
    """What one event holds stays, whatever is logged after it; nothing of the other is in it."""
    first = attempt(TAKEN, OUTCOME)
    before = dict(first)
    second = attempt(replace(TAKEN, recipient="ben@x.test"), {**OUTCOME, "number": 2, "until": 9.0, "host": "mx"})

    assert first == before
    differ = {name for name in second if second[name] != first.get(name)}
    assert differ == {"recipient", "num_attempts", "until", "host"}


def test_rulings_that_differ_in_anything_are_told_apart() -> None:
    """Each part of a ruling has its part in the words."""
    others = [
        replace(TAKEN, verdict=Verdict.FAILED),
        replace(TAKEN, scope=Scope.MESSAGE),
        replace(TAKEN, stage=Stage.RCPT),
        replace(TAKEN, row="rcpt-2yz"),
        replace(TAKEN, reply=Reply.of("250 2.1.0 taken")),
        replace(TAKEN, reply=None, fault=Fault.EOF),
        replace(TAKEN, detail="odd"),
        replace(TAKEN, override="rule 1"),
    ]
    events = [attempt(one, OUTCOME) for one in (TAKEN, *others)]

    assert all(one not in events[:place] for place, one in enumerate(events))


def test_an_event_may_have_every_field_of_the_schema() -> None:
    """And no other one."""
    whole = replace(TAKEN, fault=Fault.EOF, detail="odd", override="rule 1")
    fields = attempt(whole, {**OUTCOME, "transaction": 1, "until": 9.0, "account": "a", "host": "mx"})

    assert fields.keys() == {field.name for field in KINDS["attempt"].fields}
