"""Each oracle is silent where all went well, and speaks where its seeded defect is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from maildrill.scenarios.mutants import ALL_LIES, Lie
from maildrill.scenarios.mutants.changes import logged, stated, tried
from maildrill.scenarios.mutants.lies_of_pace import (
    charges_for_one_too_many,
    forgets_what_it_learned,
    gives_up_waiting_too_early,
)
from maildrill.scenarios.mutants.told import good_drill
from maildrill.scenarios.oracles import INVARIANTS, Asked, Breach, Connected, Evidence, judge_drill
from maildrill.scenarios.oracles.dialogue import nothing_after_421
from maildrill.scenarios.oracles.letters import Letters, Lot, Reader
from maildrill.scenarios.oracles.listing import normal_form
from maildrill.scenarios.oracles.retrying import permanent_is_final
from maildrill.sender.attempt import Fault, State, Verdict
from maildrill.sender.campaign import DestinationLimits, Mode
from maildrill.sender.log_event import LogEvent
from maildrill.sender.summary import Spot
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


def test_a_session_that_goes_on_long_after_its_421_is_found(evidence: Evidence) -> None:
    """However much others said meanwhile; what they go on with is no concern of that."""

    def said(session: int, mark: str, text: str) -> dict[str, object]:
        return {"session": session, "mark": mark, "text": text}

    others = [said(9, "->", f"RCPT TO:<{number}@x.test>") for number in range(1500)]
    over, more = said(8, "<**", "421 4.3.2 bye"), said(8, "->", "MAIL FROM:<>")
    whole = [*others[:700], over, *others[700:], more, said(9, "->", "QUIT")]
    events = [LogEvent(number, number / 10, "line", fields) for number, fields in enumerate(whole, 1)]

    (found,) = nothing_after_421(replace(evidence, events=events))

    assert found == Breach("", 'session 8 went on after a 421 with "MAIL FROM:<>"', Spot(150.2))


def test_letters_are_read_by_all_at_once(evidence: Evidence) -> None:
    """Each of them once; who asks later reads alone."""
    shown: list[tuple[str, int]] = []

    def reading(name: str) -> Callable[[Evidence], Reader]:
        def read(lot: Lot) -> list[Breach]:
            shown.append((name, len(lot.taken)))
            return [Breach(name, f"{len(lot.contents)} letters")]

        return lambda _: read

    letters = Letters(evidence, [evidence.taken[0]] * 100)
    one, other, late = map(reading, ("one", "other", "late"))
    letters.read([one, other])
    found = [letters.found(reading) for reading in (one, other, late)]

    assert shown == [("one", 64), ("other", 64), ("one", 36), ("other", 36), ("late", 64), ("late", 36)]
    assert found[1] == [Breach("other", "64 letters"), Breach("other", "36 letters")]


def test_a_recipient_of_two_messages_is_told_once_of_each_fault(evidence: Evidence) -> None:
    """When the last of them is read: that they differ, and that one lacks its name."""
    first = next(one for one in evidence.taken if one.recipients)
    nameless = replace(first, at=first.at + 1, content=b"Subject: something else\r\n\r\n")
    found = [one.finding for one in judge_drill(replace(evidence, taken=(first, nameless))) if one.invariant == "I42"]

    assert found[0] == "was sent 2 messages that differ"
    assert len(found) == 1 + (evidence.campaign.mode is Mode.MERGE)


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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann <ANN@x.test>", "ann@x.test"),
        ("ann@b\u00fccher.test", "ann@xn--bcher-kva.test"),
        ("J\u00f6rg@x.test", "jo\u0308rg@x.test"),
        (f"\u00e9@{'x' * 70}.test", f"\u00c9@{'x' * 70}.test"),
    ],
)
def test_two_spellings_of_a_mailbox_are_one(one: str, other: str) -> None:
    """I52 and I53 compare letter case, NFC and the domain's two ways of being written; also where it is none."""
    assert normal_form(one) == normal_form(other)


def test_what_nobody_knows_was_offered_is_not_held_against_the_sender(evidence: Evidence) -> None:
    """I27: a reply to EHLO that was cut off may have offered anything."""
    cut = tuple(replace(one, reply=None) if one.stage is Stage.EHLO else one for one in evidence.asked)
    sized = tuple(replace(one, parameters=frozenset({"SIZE"})) if one.stage is Stage.MAIL else one for one in cut)

    assert judge_drill(replace(evidence, asked=sized)) == ()


def test_one_too_many_a_second_time_may_be_charged(evidence: Evidence) -> None:
    """I23: who was put back once in a session and is one too many again is deferred like anybody else."""
    many = charges_for_one_too_many(evidence)
    second = many.attempts_of["dan@x.test"][0]
    first = replace(second, started=990.0, ended=991.0, verdict=Verdict.RELEASED, counted=False)

    assert "I23" in {violation.invariant for violation in judge_drill(many)}
    assert "I23" not in {
        violation.invariant for violation in judge_drill(replace(many, attempts=(first, *many.attempts)))
    }


def test_a_cool_down_that_is_kept_is_no_breach(evidence: Evidence) -> None:
    """I17: two sessions after a cool-down, one after the other, are as it should be."""
    down = logged(evidence, 1990.0, "breaker.opened", relay="mx.test:25", until=2100.0)
    probes = tuple(Connected(session=90 + n, opened=at, closed=at + 1) for n, at in enumerate((2100.0, 2102.0)))

    assert judge_drill(replace(down, connected=(*down.connected, *probes))) == ()


def test_where_destinations_have_limits_of_their_own_lessons_are_not_held_against_them(evidence: Evidence) -> None:
    """I22: what a campaign says of a destination by name overrides what was learned."""
    own = replace(evidence.campaign.limits, destinations={"mx.*": DestinationLimits(recipients_per_transaction=9)})
    taught = forgets_what_it_learned(evidence)
    named = replace(taught, campaign=replace(taught.campaign, limits=own))

    assert "I22" not in {violation.invariant for violation in judge_drill(named)}


def test_a_timeout_at_its_deadline_is_honest(evidence: Evidence) -> None:
    """I19: ten minutes after the dot, and no sooner, it is given up."""
    late = tried(gives_up_waiting_too_early(evidence), "eve@x.test", ended=1399.95 + 600.0)

    assert "I19" not in {violation.invariant for violation in judge_drill(late)}


def test_who_cannot_be_routed_needs_no_refusal(evidence: Evidence) -> None:
    """I5: the DNS said that there is no host; nobody could say 5yz."""
    lost = replace(stated(evidence, "eve@x.test", State.FAILED), unroutable=frozenset({"x.test"}))

    assert "I5" not in {violation.invariant for violation in judge_drill(lost)}
