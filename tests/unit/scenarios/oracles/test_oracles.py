"""Each oracle is silent where all went well, and speaks where its seeded defect is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maildrill.scenarios.mutants import ALL_LIES, Lie
from maildrill.scenarios.mutants.changes import tried
from maildrill.scenarios.mutants.told import good_drill
from maildrill.scenarios.oracles import INVARIANTS, Asked, Evidence, judge_drill
from maildrill.scenarios.oracles.retrying import permanent_is_final
from maildrill.sender.attempt import Fault
from maildrill.sender.log_event import LogEvent
from maildrill.smtp import Stage


@pytest.fixture
def evidence() -> Evidence:
    """Evidence of a drill in which everything went as it should."""
    return good_drill()


def test_a_good_drill_violates_nothing(evidence: Evidence) -> None:
    """Where all three witnesses agree no oracle speaks."""
    assert judge_drill(evidence) == ()


@pytest.mark.parametrize(("number", "defect"), ALL_LIES, ids=lambda value: getattr(value, "__name__", f"I{value}"))
def test_the_oracle_catches_its_defect(number: int, defect: Lie, evidence: Evidence) -> None:
    """A defect that breaks an invariant is found by the oracle of that invariant."""
    violations = judge_drill(defect(evidence))

    assert f"I{number}" in {violation.invariant for violation in violations}


def test_every_invariant_has_a_seeded_defect() -> None:
    """No oracle counts that was never seen to speak."""
    assert {invariant.number for invariant in INVARIANTS} == {number for number, _ in ALL_LIES}


def test_a_server_that_takes_what_it_refuses_is_not_held_against_the_sender(evidence: Evidence) -> None:
    """A copy that the server took and refused is no duplicate of the sender's making."""
    lie = replace(evidence.taken[2], session=3, honest=False)
    found = judge_drill(replace(evidence, taken=(*evidence.taken, lie)))

    assert "I4" not in {violation.invariant for violation in found}


def test_the_last_call_may_come_early(evidence: Evidence) -> None:
    """A try that is forced at the end of the lifetime need not wait for the schedule."""
    first = evidence.attempts_of["bob@x.test"][0]
    late = replace(first, started=1001.0, ended=4400.0, until=4600.0)

    assert judge_drill(replace(evidence, attempts=(evidence.attempts[0], late))) != ()
    assert "I11" not in {
        violation.invariant for violation in judge_drill(replace(evidence, attempts=(evidence.attempts[0], late)))
    }


def test_a_message_that_the_server_cannot_take_needs_no_refusal(evidence: Evidence) -> None:
    """What EHLO had said already was not asked: that failure is no silent loss."""
    silent = replace(evidence, asked=tuple(one for one in evidence.asked if (one.session, one.transaction) != (1, 3)))
    told = tried(silent, "cyd@x.test", fault=Fault.TOO_BIG)

    assert "I5" in {violation.invariant for violation in judge_drill(silent)}
    assert "I5" not in {violation.invariant for violation in judge_drill(told)}


@pytest.mark.parametrize(("at", "final"), [(1001.0, False), (1400.0, True), (1600.0, False)])
def test_only_an_operator_makes_what_was_final_be_tried_again(evidence: Evidence, at: float, final: bool) -> None:
    """I9: requeued between the 550 and the RCPT it is fine; earlier or later it is no excuse."""
    asked = (*evidence.asked, Asked(at=1500.0, session=4, transaction=1, stage=Stage.RCPT, recipient="cyd@x.test"))
    requeued = LogEvent(99, at, "recipient.requeued", {"recipient": "cyd@x.test", "state": "pending"})
    found = permanent_is_final(replace(evidence, asked=asked, events=(*evidence.events, requeued)))

    assert ([breach.recipient for breach in found] == []) is final
