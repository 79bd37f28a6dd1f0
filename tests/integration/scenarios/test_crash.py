"""A sender that dies anywhere, and what judges it: each check finds the defect that it is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import catalogue
from maildrill.scenarios.crash import deaths_of, die_at, judge, spread, torn
from maildrill.scenarios.drill import Plan
from maildrill.scenarios.mutants.seeded_crash import marks_after_the_batch, marks_before_sending
from maildrill.scenarios.scenario_file import has_scenario, plan_of
from maildrill.sender import runner, standing
from maildrill.sender.attempt import State
from maildrill.sender.campaign import UnknownPolicy
from maildrill.sender.content import Streak
from maildrill.sender.ledger import LedgerError, read_ledger, recovery
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.letters import Letters
from maildrill.sender.lists import RecipientList, Row
from maildrill.sender.octets import Content
from maildrill.sender.watch import Watch

Patch = pytest.MonkeyPatch

NAMES = [name for name in catalogue.names() if has_scenario(catalogue.load_script(name))]

SCRIPT = """
version = 1
[[rule]]
at = "rcpt"
rcpt = "bob@*"
reply = "550 5.1.1 no such user"
[[rule]]
at = "dot"
rcpt = "cyd@*"
key = "message"
attempt = "1"
reply = "451 4.3.0 not now"
"""


@pytest.fixture
def plan() -> Plan:
    """Return a drill of three recipients: one is taken, one refused for good, one deferred once."""
    usual = plan_of(catalogue.load_script("all-good"))
    rows = tuple(Row(n, f"{name}@x.example", {}) for n, name in enumerate(("ann", "bob", "cyd"), 2))
    recipients = RecipientList(rows, (), ("address",))
    return replace(usual, script=read_script(SCRIPT, "mx.toml"), recipients=recipients, outcomes=())


def found(plan: Plan) -> set[str]:
    """Return the invariants that some death of a drill violates."""
    return {one.invariant for point in deaths_of(plan) for one in judge(die_at(plan, point))}


@pytest.mark.parametrize("policy", list(UnknownPolicy))
def test_no_death_loses_or_doubles_anybody(plan: Plan, policy: UnknownPolicy) -> None:
    """Every write of the ledger, before and after, and every landing of octets, by either policy for the Unknown."""
    retry = replace(plan.campaign.retry, unknown=policy)
    plan = replace(plan, campaign=replace(plan.campaign, retry=retry))
    points = deaths_of(plan)

    assert {"before intend", "after intend", "before record", "after ended"} <= {point.what for point in points}
    assert any(point.what.endswith("lands at the sender") for point in points)
    assert found(plan) == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_few_deaths_in_each_scenario_of_the_catalogue(name: str) -> None:
    """`tox -e crash` takes them all."""
    plan = plan_of(catalogue.load_script(name))

    assert [one for point in spread(deaths_of(plan), 2) for one in judge(die_at(plan, point))] == []


def test_a_death_is_told_as_two_lives_and_as_torn_files(plan: Plan) -> None:
    """The evidence of I38, I39 and I43: who was killed with which intents, and what is read of a torn ledger."""
    found = [die_at(plan, point).lives for point in deaths_of(plan)]
    states = [one.states for lives in found for one in lives.torn]

    assert {tuple(life.crashed for life in lives.lives) for lives in found} == {(True, False)}
    assert any(lives.lives[0].intents for lives in found)
    assert any(State.DELIVERED in one.values() for one in states)
    assert any(State.INFLIGHT in one.values() for one in states)


def test_a_death_says_where_it_was(plan: Plan) -> None:
    """The events are numbered and in words, the same in each run."""
    points = deaths_of(plan)

    assert points == deaths_of(plan)
    assert str(points[0]) == "1: before enrol"
    assert [point.number for point in spread(points, 2)] == [1, len(points)]
    assert spread(points, len(points)) == points


# Defects: each replaces one function of the sender for all lives of a drill.


def writes_no_intent(patch: Patch) -> None:
    async def intend(*_: Any) -> None:
        """Say that it is written."""

    patch.setattr(SqliteLedger, "intend", intend)


def forgets_the_doubtful(patch: Patch) -> None:
    """What was about to leave is sent again, as if it had not."""

    def recover(ledger: SqliteLedger, *_: Any) -> tuple[()]:
        ledger.do("UPDATE recipient SET state = 'pending' WHERE state = 'inflight'")
        ledger.do("DELETE FROM intent")
        return ()

    patch.setattr("maildrill.sender.ledger.opening.recover", recover)


def leaves_the_doubtful_alone(patch: Patch) -> None:
    patch.setattr("maildrill.sender.ledger.opening.recover", lambda *_: ())


def takes_the_doubtful_for_delivered(patch: Patch) -> None:
    honest = standing.after
    patch.setattr(recovery, "after", lambda *a, **k: replace(honest(*a, **k), state=State.DELIVERED, due=None))


def begins_anew(patch: Patch) -> None:
    """Whoever is in the list is to be sent to, whatever the ledger says."""
    honest = SqliteLedger.enrol

    def enrol(self: SqliteLedger, rows: Any, *rest: Any) -> Any:
        with self.writing():
            self._connection.execute("UPDATE recipient SET state = 'pending', due = 0 WHERE state != 'unknown'")
        return honest(self, rows, *rest)

    patch.setattr(SqliteLedger, "enrol", enrol)


def writes_a_new_message(patch: Patch) -> None:
    """Each life makes messages of its own."""
    lives: list[Any] = []

    def made(campaign: Any, composer: Any, *rest: Any) -> Letters:
        lives.append(campaign)
        rewriting: Any = Rewriting(composer, len(lives))
        return Letters(campaign, rewriting, *rest)

    patch.setattr(runner, "Letters", made)


class Rewriting:
    """A composer that adds a field which differs from life to life."""

    def __init__(self, composer: Any, life: int) -> None:
        self._composer = composer
        self._life = life

    def compose(self, *given: Any, **named: Any) -> Content:
        return Content((b"X-Life: %d\r\n" % self._life, *self._composer.compose(*given, **named).pieces))


def loses_one(patch: Patch) -> None:
    """The second life does not see the last of the list."""
    honest = SqliteLedger.enrol
    lives: list[Any] = []

    def enrol(self: SqliteLedger, rows: Any, *rest: Any) -> Any:
        lives.append(rows)
        return honest(self, rows[: -1 if len(lives) % 2 == 0 else None], *rest)

    patch.setattr(SqliteLedger, "enrol", enrol)


def notes_a_delivery_before_the_dot(patch: Patch) -> None:
    """Whoever is about to get the message has it."""
    honest = SqliteLedger._intend

    def intend(ledger: SqliteLedger, intent: Any) -> None:
        honest(ledger, intent)
        ledger.do("UPDATE recipient SET state = 'delivered' WHERE state = 'inflight'")
        ledger.do("DELETE FROM intent")

    patch.setattr(SqliteLedger, "_intend", intend)


def cannot_read_what_is_torn(patch: Patch) -> None:
    """Of a ledger whose last writes are gone nothing is told."""
    honest = read_ledger

    def read(path: Path) -> SqliteLedger:
        if path.parent.name == "torn":
            raise LedgerError("the ledger is damaged", where=str(path))
        return honest(path)

    patch.setattr(torn, "read_ledger", read)


@pytest.mark.parametrize(
    ("defect", "invariants"),
    [
        (writes_no_intent, {"I37"}),
        (forgets_the_doubtful, {"I38"}),
        (leaves_the_doubtful_alone, {"I1", "I38"}),
        (takes_the_doubtful_for_delivered, {"I2"}),
        (begins_anew, {"I3", "I9"}),
        (writes_a_new_message, {"I42"}),
        (loses_one, {"I1"}),
        (marks_before_sending, {"I38"}),
        (marks_after_the_batch, {"I37"}),
        (notes_a_delivery_before_the_dot, {"I2", "I39"}),
        (cannot_read_what_is_torn, {"I39"}),
    ],
)
def test_a_defect_is_found(
    plan: Plan, monkeypatch: Patch, defect: Callable[[Patch], None], invariants: set[str]
) -> None:
    """Some death shows it, and the check that is meant for it says so."""
    defect(monkeypatch)

    assert invariants <= found(plan)


@pytest.fixture
def refusing(plan: Plan) -> Plan:
    """Return a drill that is paused: the content is refused for three of six recipients, one after the other."""
    limits = replace(plan.campaign.limits, connections=1, pause_after=3)
    rows = tuple(Row(n, f"r{n}@x.example", {}) for n in range(2, 8))
    plan = replace(plan, recipients=RecipientList(rows, (), ("address",)))
    script = read_script('version = 1\n[[rule]]\nat = "dot"\nreply = "554 5.7.1 spam"\n', "mx.toml")
    return replace(plan, campaign=replace(plan.campaign, limits=limits), script=script)


def test_no_death_lifts_a_pause(refusing: Plan) -> None:
    """Wherever it dies: the refusal and the pause are there together, or neither is, and the next run knows."""
    assert found(refusing) == set()


def test_a_pause_that_is_forgotten_is_found(refusing: Plan, monkeypatch: Patch) -> None:
    """Invariant I57: the second life goes on as if nothing had been."""
    monkeypatch.setattr(Watch, "begin", lambda *_: None)

    assert "I57" in found(refusing)


def test_a_count_that_begins_anew_in_each_life_is_found(refusing: Plan, monkeypatch: Patch) -> None:
    """Invariant I57: the second life sends to as many as if nobody had been refused before."""
    monkeypatch.setattr(Streak, "left", lambda limit, _: Streak(limit))

    assert "I57" in found(refusing)


def test_who_is_sent_to_twice_is_counted(plan: Plan, monkeypatch: Patch) -> None:
    """Invariant I4: with the doubtful forgotten some death gives the server the same message twice."""
    forgets_the_doubtful(monkeypatch)

    assert "I4" in found(plan)
