"""Whatever operators, lists and deaths do to a campaign while servers come and go: all oracles hold after each step.

The machine's state is a scenario: each step is one event more, and the whole is played again from the beginning, so
that what fails is a file of a few lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from maildrill.fakeserver.language.script import Script
from maildrill.scenarios.drill import Drilled
from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.scenario import Scenario
from maildrill.scenarios.scenario_writer import recipe
from maildrill.scenarios.strategies import campaigns, lists, outages, servers
from maildrill.scenarios.strategies.ruling import script_of_rules
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger.records import Enrolment
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.sender.operation import SAID

BRIEF = settings(
    max_examples=12,
    stateful_step_count=6,
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
PAUSES = st.sampled_from((60.0, 0.05, 600.0, 1800.0, 20_000.0, 6 * 86_400.0))
NAMES = st.sampled_from("abcdefgh")


class Operated(RuleBasedStateMachine):
    """A campaign that is operated: restarts, deaths, commands, edits of the list, outages while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.scenario: Scenario
        self.drilled: Drilled
        self.now = 0.0

    @initialize(campaign=campaigns(), listed=lists("plain", most=4), script=servers())
    def begin(self, campaign: Campaign, listed: str, script: Script) -> None:
        """Some people, and a server of some kind."""
        retry = replace(campaign.retry, lifetime=12 * 3600.0)
        short = replace(campaign, retry=retry, text="Hello,\n")
        self.scenario = Scenario(purpose="operated", campaign=short, listed=listed, script=script)
        self._play()

    @rule(pause=PAUSES)
    def restart(self, pause: float) -> None:
        """The sender is asked to stop, and begins again."""
        self._happens(Deed.STOP, pause)

    @rule(pause=PAUSES, number=st.integers(1, 60))
    def die(self, pause: float, number: int) -> None:
        """The sender dies in the midst of something, and begins again."""
        self._happens(Deed.KILL, pause, number=number)

    @rule(pause=PAUSES)
    def retry(self, pause: float) -> None:
        """Whoever waits is tried at once."""
        self._happens(Deed.RETRY, pause)

    @rule(pause=PAUSES)
    @precondition(lambda self: self._in(State.FAILED, State.EXPIRED, State.HELD))
    def requeue(self, pause: float) -> None:
        """Whoever was done with is tried again."""
        self._happens(Deed.REQUEUE, pause)

    @rule(data=st.data(), pause=PAUSES, said=st.sampled_from(("", *SAID)))
    @precondition(lambda self: self._in(State.UNKNOWN))
    def settle(self, data: st.DataObject, pause: float, said: str) -> None:
        """An operator says what became of somebody."""
        whom = data.draw(st.sampled_from(self._in(State.UNKNOWN)))
        self._happens(Deed.SETTLE, pause, whom=whom, said=said)

    @rule(pause=PAUSES, name=NAMES, do=st.sampled_from((Deed.ADD, Deed.REMOVE, Deed.SUPPRESS)))
    def edit(self, pause: float, name: str, do: Deed) -> None:
        """The list changes."""
        self._happens(do, pause, whom=f"{name}@one.example")

    @rule(pause=PAUSES, by=st.sampled_from((3600.0, -3600.0)))
    def set_the_clock(self, pause: float, by: float) -> None:
        """The next run has another time of day."""
        self._happens(Deed.CLOCK, pause, by=by)

    @rule(outage=outages())
    def fail(self, outage: dict[str, object]) -> None:
        """The server is away for some time of the run."""
        number = len(self.scenario.script.rules) + 1
        (more,) = script_of_rules([{"name": f"outage-{number}", **outage}]).rules
        script = replace(self.scenario.script, rules=(more, *self.scenario.script.rules))
        self.scenario = replace(self.scenario, script=script)
        self._play()

    def _happens(self, do: Deed, pause: float, **words: Any) -> None:
        self.now += pause
        event = Event(at=self.now, do=do, **words)
        self.scenario = replace(self.scenario, events=(*self.scenario.events, event))
        self._play()

    def _play(self) -> None:
        self.drilled = self.scenario.run()
        if self.drilled.summary.violations:
            note(f"to see it again:\n{recipe(self.scenario)}")

        assert [str(violation) for violation in self.drilled.summary.violations] == []

    def _in(self, *states: State) -> list[str]:
        return [address for address, state in self.drilled.evidence.states.items() if state in states]


def test_nothing_that_is_done_to_a_campaign_loses_anybody() -> None:
    """After each step everything holds that must hold after a drill."""
    run_state_machine_as_test(Operated, settings=BRIEF)


def sends_again_what_is_in_doubt(patch: Patching) -> None:
    """Begin a run as if whoever is Unknown had never been tried."""
    honest = SqliteLedger.enrol

    def forgetful(ledger: SqliteLedger, rows: Iterable[Row], message_id: Callable[[Row], str], at: float) -> Enrolment:
        with ledger.writing():
            ledger.do("UPDATE recipient SET state = 'pending', due = 0 WHERE state = 'unknown'")
        return honest(ledger, rows, message_id, at)

    patch.setattr(SqliteLedger, "enrol", forgetful)


def test_a_defect_that_only_another_run_shows_is_found() -> None:
    """Who is in doubt is sent the message again by the next run: the machine finds how."""
    found = settings(BRIEF, max_examples=300, phases=[Phase.generate], derandomize=True, database=None)
    with Patching() as patch:
        sends_again_what_is_in_doubt(patch)
        with pytest.raises(AssertionError, match="invariant='I"):
            run_state_machine_as_test(Operated, settings=found)
