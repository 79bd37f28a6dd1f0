"""The clock is put back between two runs: moments tell no order then, and the oracles go by what they know besides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.oracles import Breach, Evidence
from maildrill.scenarios.oracles.accounting import no_second_message
from maildrill.scenarios.oracles.retrying import permanent_is_final
from maildrill.scenarios.scenario import Scenario, listed
from maildrill.scenarios.scenario_file import scenario_of
from maildrill.smtp import Stage

ANN = "ann@x.test"
REFUSED = '[[rule]]\nat = "rcpt"\nreply = "550 5.1.1 no such user"\n'
BUSY = '[[rule]]\nat = "rcpt"\nreply = "452 try later"\n'
ROTATION = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = "a@one.example"
campaign.route.kind = "rotation"
campaign.route.account = [{ name = "first", host = "first.example" }, { name = "second", host = "second.example" }]
hosts."second.example".rule = [{ at = "rcpt", key = "rcpt", age = "<5m", reply = "451 4.7.1 come back in 300 seconds" }]
"""


def put_back(rules: str = "", *events: Event) -> Evidence:
    """Return what a drill comes to in which the clock is put back by a day, when all is over or as it is said."""
    events = events or (Event(at=3600.0, do=Deed.CLOCK, by=-86_400.0),)
    scenario = Scenario(listed=listed([ANN]), script=read_script(f"version = 1\n{rules}", "mx.toml"), events=events)
    drilled = scenario.run()

    assert drilled.summary.violations == ()
    assert drilled.evidence.turned_back
    return drilled.evidence


def named_again(evidence: Evidence) -> Evidence:
    """Return the evidence with one RCPT more, behind everything, at a moment that was before everything."""
    last = evidence.asked[-1]
    more = replace(last, at=last.at - 80_000, session=99, transaction=1, stage=Stage.RCPT, recipient=ANN, reply=None)
    return replace(evidence, asked=(*evidence.asked, more))


def found(breaches: Iterator[Breach]) -> list[str]:
    """Return whom breaches are about."""
    return [one.recipient for one in breaches]


def test_who_has_the_message_is_not_named_again() -> None:
    """I3, by the order of the server's journal."""
    evidence = put_back()

    assert found(no_second_message(evidence)) == []
    assert found(no_second_message(named_again(evidence))) == [ANN]


def test_who_was_refused_is_not_named_again() -> None:
    """I9, unless an operator has requeued somebody: when that was, nobody can say."""
    evidence = put_back(REFUSED)
    requeued = replace(evidence.events[-1], kind="recipient.requeued", fields={"recipient": ANN, "by": "requeue"})

    assert found(permanent_is_final(evidence)) == []
    assert found(permanent_is_final(named_again(evidence))) == [ANN]
    assert found(permanent_is_final(named_again(replace(evidence, events=[*evidence.events, requeued])))) == []


def test_what_a_later_run_finds_was_found_by_its_clock() -> None:
    """The wait counts from there (I11), the first run had no time to log the try (I50), no delay is negative (I18)."""
    died = Event(at=0.0, do=Deed.KILL, number=14)
    evidence = put_back(BUSY, died, Event(at=0.05, do=Deed.CLOCK, by=-86_400.0))
    (recovered,) = evidence.by_kind["recipient.recovered"]
    first = evidence.attempts_of[ANN][0]

    assert evidence.found_at(first) == recovered.at < first.ended
    assert min(float(str(event.fields["delay"])) for event in evidence.by_kind["attempt"]) == 0.0
    second = evidence.attempts_of[ANN][1]
    unsaid = replace(evidence, events=[event for event in evidence.events if event.kind != "attempt"])
    assert evidence.found_at(second) == second.ended
    assert unsaid.found_at(second) == second.ended  # no later run has found it


@pytest.mark.parametrize(
    "events",
    [
        (Event(at=0.05, do=Deed.KILL, number=4), Event(at=0.05, do=Deed.CLOCK, by=-3600.0)),
        (Event(at=0.07, do=Deed.CLOCK, by=-0.5),),
    ],
    ids=["killed", "stopped"],
)
def test_two_servers_have_one_order(events: tuple[Event, ...]) -> None:
    """What the other relay saw in the first run was before all that is seen in the second (I3, I12, I13)."""
    scenario = replace(scenario_of(read_script(ROTATION, "generated.toml")), events=events)
    drilled = scenario.run()
    asked = drilled.evidence.asked

    assert drilled.summary.violations == ()
    assert drilled.evidence.turned_back
    assert [one.at for one in asked] != sorted(one.at for one in asked)
