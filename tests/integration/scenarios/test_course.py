"""Campaigns to which something happens: stopped, killed, moved by operators, with lists that change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Drilled, rehearse
from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.scenario import Scenario, differences, listed, usual_campaign
from maildrill.scenarios.scenario_file import scenario_of
from maildrill.scenarios.scenario_writer import scenario_to_toml
from maildrill.sender.attempt import State
from maildrill.sender.campaign import UnknownPolicy
from maildrill.sender.ledger import read_ledger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.smtp import ConfigurationError

ANN, BOB, CAS = "ann@x.test", "bob@x.test", "cas@x.test"
BUSY = '[[rule]]\nname = "busy"\nat = "rcpt"\nattempt = "1-2"\nkey = "rcpt"\nreply = "450 4.2.1 busy"\n'
FULL = '[[rule]]\nname = "full"\nat = "rcpt"\ntimes = 1\nreply = "552 5.2.2 mailbox full"\n'
LOST = '[[rule]]\nname = "lost"\nat = "dot"\ntimes = 1\ncommit = {}\ncut = "before"\n'
DOWN = '[[rule]]\nname = "down"\nat = "connect"\nduring = "..2h"\ncut = "refuse"\n'
HEAD = '[scenario]\npurpose = "p"\nsource = "s"\nrecipients = "ann@x.test"\n'


def course(rules: str, *events: Event, to: tuple[str, ...] = (ANN,)) -> Drilled:
    """Play a scenario with these events, and find nothing violated in it."""
    drilled = Scenario(listed=listed(to), script=read_script(rules or "version = 1", "mx.toml"), events=events).run()

    assert [str(violation) for violation in drilled.summary.violations] == []
    return drilled


def states(drilled: Drilled) -> dict[str, State]:
    return dict(drilled.evidence.states)


def took(drilled: Drilled) -> float:
    """How long it was until the last try ended."""
    return max(attempt.ended for attempt in drilled.evidence.attempts) - drilled.evidence.events[0].at


def test_a_sender_that_is_stopped_goes_on_where_it_was() -> None:
    """Nobody is written to again, and nobody is forgotten."""
    drilled = course(BUSY, Event(at=60, do=Deed.STOP), Event(at=2000, do=Deed.STOP), to=(ANN, BOB))

    assert [life.stopped_at is not None for life in drilled.lives] == [True, True]
    assert [life.waiting for life in drilled.lives] == [2, 2]
    assert states(drilled) == {ANN: State.DELIVERED, BOB: State.DELIVERED}


@pytest.mark.parametrize("number", range(1, 24))
def test_a_sender_that_is_killed_leaves_nobody_behind(number: int) -> None:
    """Whatever it was about: nobody is lost, and whoever may have the message is not sent another one."""
    drilled = course("", Event(at=0, do=Deed.KILL, number=number), to=(ANN, BOB))

    assert [life.crashed for life in drilled.lives] == [True]
    assert set(states(drilled).values()) <= {State.DELIVERED, State.UNKNOWN}


def test_a_death_that_does_not_come_is_a_run_to_the_end() -> None:
    """There were not so many things that happened."""
    drilled = course("", Event(at=0, do=Deed.KILL, number=9999))

    assert [(life.crashed, life.waiting) for life in drilled.lives] == [(False, 0)]
    assert states(drilled) == {ANN: State.DELIVERED}


def test_retry_brings_forward_who_waits() -> None:
    """Ann is tried after a minute, and then waits again as the schedule has it."""
    drilled = course(BUSY, Event(at=60, do=Deed.RETRY))

    assert [round(attempt.started - drilled.evidence.events[0].at, -1) for attempt in drilled.evidence.attempts] == [
        0,
        60,
        1860,
    ]


def test_requeue_gives_who_failed_another_lifetime() -> None:
    """Ann failed, an operator knew better; and whom it is not about stays as it is."""
    event = Event(at=10 * 86400, do=Deed.REQUEUE, whom="ann@*")
    drilled = course(FULL.replace("times = 1", 'times = 1\nkey = "rcpt"'), event, to=(ANN, BOB))

    assert states(drilled) == {ANN: State.DELIVERED, BOB: State.FAILED}
    assert took(drilled) >= 10 * 86400


@pytest.mark.parametrize(
    ("commit", "said", "state", "copies"),
    [
        ("true", "", State.DELIVERED, 1),
        ("false", "", State.DELIVERED, 1),
        ("false", "failed", State.FAILED, 0),
        ("true", "failed", State.FAILED, 1),
        ("false", "delivered", State.DELIVERED, 0),
        ("true", "retry", State.DELIVERED, 2),
    ],
)
def test_settle_says_what_nobody_could_know(commit: str, said: str, state: State, copies: int) -> None:
    """As the server has it, or as the operator will have it."""
    drilled = course(LOST.format(commit), Event(at=60, do=Deed.SETTLE, whom=ANN, said=said))

    assert states(drilled) == {ANN: state}
    assert sum(taken.committed for taken in drilled.evidence.taken) == copies


def test_what_is_not_in_doubt_is_not_settled() -> None:
    """Neither who waits nor who is not in the list."""
    drilled = course(BUSY, *(Event(at=60, do=Deed.SETTLE, whom=whom) for whom in (ANN, BOB)))

    assert "recipient.settled" not in drilled.evidence.by_kind


def test_lists_change_between_two_runs() -> None:
    """Who is added is written to, who is taken out or suppressed is not any more; who comes back is."""
    events = [
        Event(at=60, do=Deed.ADD, whom=CAS),
        Event(at=60, do=Deed.ADD, whom="CAS@x.test"),
        Event(at=60, do=Deed.ADD, whom="nobody"),
        Event(at=60, do=Deed.REMOVE, whom=ANN),
        Event(at=120, do=Deed.SUPPRESS, whom="Bob@X.test"),
        Event(at=120, do=Deed.ADD, whom=BOB),
        Event(at=180, do=Deed.ADD, whom=ANN),
        Event(at=240, do=Deed.STOP),
    ]
    drilled = course(BUSY, *events, to=(ANN, BOB))

    assert states(drilled) == {ANN: State.DELIVERED, BOB: State.SUPPRESSED, CAS: State.DELIVERED}
    assert [one.reason.value for one in drilled.evidence.set_aside] == [
        "duplicate",
        "invalid",
        "suppressed",
        "suppressed",
    ]


def test_who_was_never_handed_out_is_nobody_s() -> None:
    """Suppressed before the first run, bob is in no ledger."""
    drilled = course("", Event(at=0, do=Deed.SUPPRESS, whom=BOB), to=(ANN, BOB))

    assert states(drilled) == {ANN: State.DELIVERED}


def test_an_operator_may_come_before_the_first_run() -> None:
    """There is nothing to retry yet, and that is no error."""
    assert states(course("", Event(at=0, do=Deed.RETRY))) == {ANN: State.DELIVERED}


@pytest.mark.parametrize("by", [86400.0, 0.5, -60.0, -86400.0])
def test_the_clock_may_be_another_one_in_the_next_run(by: float) -> None:
    """Put forward or back, nobody is lost and nobody is written to twice."""
    assert states(course(BUSY, Event(at=60, do=Deed.CLOCK, by=by))) == {ANN: State.DELIVERED}


def test_a_host_that_is_left_alone_may_be_asked_by_the_next_run() -> None:
    """A process knows only what it has met itself."""
    drilled = course(DOWN, *(Event(at=at, do=Deed.STOP) for at in (600, 601, 3600)), to=(ANN, BOB))

    assert states(drilled) == {ANN: State.DELIVERED, BOB: State.DELIVERED}


def test_the_same_events_come_to_the_same() -> None:
    """Event by event, a death included."""
    events = (Event(at=0, do=Deed.KILL, number=12), Event(at=2000, do=Deed.STOP))

    assert differences(course(BUSY, *events), course(BUSY, *events)) == ()


def test_events_are_written_and_read() -> None:
    """With each word of theirs, and no other."""
    events = (
        Event(at=0, do=Deed.KILL, number=3),
        Event(at=60, do=Deed.SETTLE, whom=ANN, said="failed"),
        Event(at=90.5, do=Deed.RETRY),
        Event(at=100, do=Deed.CLOCK, by=-3600),
        Event(at=100, do=Deed.CLOCK, by=0.5),
    )
    text = scenario_to_toml(Scenario(listed=listed([ANN]), events=events))

    assert scenario_of(read_script(text, "s.toml")).events == events
    assert '[[scenario.event]]\nat = "1m"\ndo = "settle"\nwhom = "ann@x.test"\nsaid = "failed"\n' in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ('do = "stop"', 's.toml:5: "at" is missing in [scenario.event]'),
        ('at = "1m"\ndo = "stpo"', 's.toml:7: scenario.event.do is "stpo"'),
        ('at = "1m"\ndo = "stop"\nwhom = "a@x"', 's.toml:5: an event that does "stop" has no whom'),
        ('at = "1m"\ndo = "stop"\nsaid = "x"', 's.toml:5: an event that does "stop" has no said'),
        ('at = "1m"\ndo = "add"', 's.toml:5: an event that does "add" needs whom'),
        ('at = "1m"\ndo = "stop"\nnumber = 2', 's.toml:5: an event that does "stop" has no number'),
        ('at = "1m"\ndo = "settle"\nwhom = "a@x"\nsaid = "no"', 's.toml:5: an event says "no"'),
        ('at = "1m"\ndo = "clock"', "s.toml:5: an event of the clock needs by"),
        ('at = "1m"\ndo = "clock"\nby = "-x"', 's.toml:8: scenario.event.by is "-x"'),
    ],
)
def test_an_event_that_cannot_be_is_refused(words: str, message: str) -> None:
    """With file, line and what is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        scenario_of(read_script(f"{HEAD}[[scenario.event]]\n{words}\n", "s.toml"))

    assert str(caught.value).splitlines()[0] == message


def test_a_number_begins_with_one() -> None:
    """Nobody dies at nothing."""
    with pytest.raises(ConfigurationError, match="number is 0"):
        Event(at=0, do=Deed.KILL, number=0)


def test_the_ledger_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    """The one with which the last run ended."""
    plan = Scenario(listed=listed([ANN]), events=(Event(at=0, do=Deed.KILL, number=9),)).plan(tmp_path / "a.ledger")
    rehearse(plan)
    book = read_ledger(tmp_path / "a.ledger")
    runs = book.runs()
    book.close()

    assert [run.ended is None for run in runs] == [True, False]


def queues_everybody_again(patch: Patching) -> None:
    """Begin each run from the beginning."""
    enrol = SqliteLedger.enrol

    def anew(ledger: SqliteLedger, rows: tuple[Row, ...], message_id: Callable[[Row], str], at: float) -> object:
        found = enrol(ledger, rows, message_id, at)
        with ledger.writing():
            ledger.do("UPDATE recipient SET state = 'pending', due = ?", (at,))
        return found

    patch.setattr(SqliteLedger, "enrol", anew)


@pytest.mark.parametrize("event", [Event(at=1, do=Deed.STOP), Event(at=0, do=Deed.KILL, number=20)])
def test_a_defect_that_shows_only_between_two_runs_is_found(event: Event) -> None:
    """The oracles of a drill judge the whole course."""
    scenario = Scenario(listed=listed([ANN]), script=read_script("version = 1", "mx.toml"), events=(event,))
    with Patching() as patch:
        queues_everybody_again(patch)
        found = {violation.invariant for violation in scenario.run().summary.violations}

    assert found >= {"I3", "I4"}


def test_at_least_once_tries_again_after_a_death() -> None:
    """Whoever was in doubt gets the same message again, and is delivered."""
    campaign = usual_campaign()
    policy = replace(campaign.retry, unknown=UnknownPolicy.AT_LEAST_ONCE)
    scenario = Scenario(campaign=replace(campaign, retry=policy), listed=listed([ANN]))
    deaths = (replace(scenario, events=(Event(at=0, do=Deed.KILL, number=n),)).run() for n in range(1, 24))
    found = [(states(one)[ANN], one.summary.violations) for one in deaths]

    assert found == [(State.DELIVERED, ())] * 23
