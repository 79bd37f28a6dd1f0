"""The clock is put to another time between two runs: put back, oracles go by one that never was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.oracles import Breach, Evidence, Lives, Taken
from maildrill.scenarios.oracles.accounting import no_second_message
from maildrill.scenarios.oracles.identity import single_writer
from maildrill.scenarios.oracles.limits import connections
from maildrill.scenarios.oracles.listing import suppressed
from maildrill.scenarios.oracles.lives import crash_anywhere
from maildrill.scenarios.oracles.retrying import floor, permanent_is_final
from maildrill.scenarios.oracles.storms import breaker
from maildrill.scenarios.oracles.timing import hint_is_a_lower_bound, transient_is_retried
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
    """Return whom breaches are about, each once."""
    return list(dict.fromkeys(one.recipient for one in breaches))


def test_who_has_the_message_is_not_named_again() -> None:
    """I3, by the order of the server's journal."""
    evidence = put_back()

    assert found(no_second_message(evidence)) == []
    assert found(no_second_message(named_again(evidence))) == [ANN]


def test_who_was_refused_is_not_named_again() -> None:
    """I9, unless an operator has requeued somebody by then, behind the setback, too."""
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


def later(evidence: Evidence, by: float) -> Evidence:
    """Return the evidence with another RCPT for somebody, so many seconds behind the last try before the setback."""
    (first, *_), last = evidence.attempts_of[ANN], evidence.asked[-1]
    back = evidence.setbacks[0].by
    at = first.ended + by - back
    more = [
        replace(last, at=at, session=99, transaction=1, stage=stage, recipient=to, reply=None)
        for stage, to in ((Stage.MAIL, ""), (Stage.RCPT, ANN))
    ]
    place = evidence.setbacks[0].asked
    return replace(evidence, asked=(*evidence.asked[:place], *more, *evidence.asked[place:]))


def test_who_is_deferred_is_left_alone_behind_the_setback_too() -> None:
    """I12: how long it was is told by a clock that never was put back."""
    evidence = put_back(BUSY, Event(at=60.0, do=Deed.CLOCK, by=-86_400.0))

    assert found(floor(evidence)) == found(floor(later(evidence, 86_400.0))) == []
    assert found(floor(later(evidence, 120.0))) == [ANN]


def test_a_hint_holds_behind_the_setback_too() -> None:
    """I13."""
    hint = '[[rule]]\nat = "rcpt"\nreply = "451 4.7.1 come back in 300 seconds"\n'
    evidence = put_back(hint, Event(at=60.0, do=Deed.CLOCK, by=-86_400.0))

    assert found(hint_is_a_lower_bound(evidence)) == []
    assert found(hint_is_a_lower_bound(later(evidence, 120.0))) == [ANN]


def test_who_is_due_by_the_new_clock_is_not_left_waiting() -> None:
    """I10: the time is one by the sender's clock, and comes when that says so for the second time."""
    evidence = put_back(BUSY, Event(at=60.0, do=Deed.CLOCK, by=-600.0))
    waits = [one for one in evidence.events if one.kind == "run.waited" and one.number > evidence.setbacks[0].event]
    until = float(str(waits[0].fields["until"]))
    asleep = replace(waits[0], fields={"until": until + 7200.0})
    events = [asleep if one.number == asleep.number else one for one in evidence.events]
    first, second, *rest = evidence.attempts
    sleepy = replace(second, started=second.started + 7200.0)

    assert until == first.until
    assert found(transient_is_retried(evidence)) == []
    assert found(transient_is_retried(replace(evidence, events=events, attempts=(first, sleepy, *rest)))) == [ANN]


def test_suppressed_is_suppressed_by_every_clock() -> None:
    """I52: what is named behind the entry is named behind it, whatever the moments say."""
    suppress = Event(at=60.0, do=Deed.SUPPRESS, whom=ANN)
    evidence = put_back(BUSY, suppress, Event(at=61.0, do=Deed.CLOCK, by=-86_400.0), Event(at=90.0, do=Deed.STOP))

    assert found(suppressed(evidence)) == []
    assert found(suppressed(later(evidence, 4000.0))) == [ANN]


def test_connections_and_cool_downs_are_counted_across_the_setback() -> None:
    """I20, I17 and I41 hold the journal's connections and the sender's tries in the order in which they were."""
    down = '[[rule]]\nat = "connect"\nduring = "..4h"\ncut = "refuse"\n'
    evidence = put_back(down, Event(at=600.0, do=Deed.CLOCK, by=-300.0))
    opened = next(one for one in evidence.by_kind["breaker.opened"] if one.number > evidence.setbacks[0].event)
    too_early = replace(evidence.connected[-1], session=99, opened=opened.at + 20.0, closed=opened.at + 20.0)
    crowd = [replace(too_early, session=99 + n, closed=opened.at + 90.0) for n in range(40)]

    assert found(breaker(evidence)) == found(connections(evidence)) == found(single_writer(evidence)) == []
    assert found(breaker(replace(evidence, connected=(*evidence.connected, too_early)))) == [""]
    assert found(connections(replace(evidence, connected=(*evidence.connected, *crowd)))) == [""]


def test_a_dot_of_a_run_that_died_is_known_to_the_ledger() -> None:
    """I38, where the clock was put back after the death."""
    died = Event(at=0.0, do=Deed.KILL, number=14)
    scenario = Scenario(listed=listed([ANN, "bob@x.test"]), events=(died, Event(at=70.0, do=Deed.CLOCK, by=-86_400.0)))
    drilled = scenario.run()
    evidence, life = drilled.evidence, drilled.lives[0]
    stray = Taken(
        at=life.ended, session=1, transaction=1, recipients=("eve@x.test",), content=b"", committed=True,
        acknowledged=False, honest=True,
    )  # fmt: skip
    before, after = evidence.taken[: evidence.setbacks[0].taken], evidence.taken[evidence.setbacks[0].taken :]
    setbacks = (replace(evidence.setbacks[0], taken=evidence.setbacks[0].taken + 1),)
    told = replace(evidence, taken=(*before, stray, *after), setbacks=setbacks)

    assert life.crashed
    assert found(crash_anywhere(Lives(lives=drilled.lives, whole=evidence))) == []
    assert found(crash_anywhere(Lives(lives=drilled.lives, whole=told))) == ["eve@x.test"]


def test_what_was_read_when_the_clock_had_been_put_forward_was_said_before() -> None:
    """I50: the transaction was broken off, though the server read it an hour later by its clock."""
    cut = '[[rule]]\nat = "rcpt"\ntimes = 1\ncut = "before"\n'
    events = (Event(at=0.05, do=Deed.CLOCK, by=3600.0),)
    drilled = Scenario(listed=listed([ANN]), script=read_script(f"version = 1\n{cut}", "mx.toml"), events=events).run()

    assert drilled.evidence.asked_for[ANN][0].at > min(drilled.evidence.ends) + 3000.0
    assert drilled.summary.violations == ()


SILENT = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = ["a@one.example", "a@two.example"]
campaign.route.kind = "rotation"
campaign.route.account = [{ name = "first", host = "first.example" }, { name = "second", host = "second.example" }]
hosts."second.example".rule = [{ at = "banner", wait = "6m", times = 3 }]

[[scenario.event]]
at = "0.12s"
do = "stop"

[[scenario.event]]
at = "10m"
do = "clock"
by = "-1h"
"""


def test_a_connection_in_which_nothing_was_said_yet_is_one_of_those_before_the_setback() -> None:
    """I20: the server had written nothing down of it when the clock was put back."""
    drilled = scenario_of(read_script(SILENT, "generated.toml")).run()
    evidence = drilled.evidence
    setback, straight = evidence.setbacks[0], evidence.straight.connected
    (open_then,) = [one for one in evidence.connected if one.session in setback.known and one.closed < one.opened]

    assert [one.session for one in straight] == [one.session for one in evidence.connected]
    assert all(one.closed >= one.opened for one in straight)
    assert open_then.opened < 300.5 + min(one.opened for one in straight)
    assert drilled.summary.violations == ()
