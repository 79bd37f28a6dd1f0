"""The oracles of pairs of drills and of several runs: silent where all went well, and each catches its lie."""

from __future__ import annotations

import pytest

from maildrill.scenarios.mutants.changes import tried
from maildrill.scenarios.mutants.lies_of_runs import RUN_LIES, TWIN_LIES, LivesLie, PairLie, good_lives, good_pair
from maildrill.scenarios.oracles import EVERY, RUNS, TWINS, Pair, judge_lives, judge_pair
from maildrill.sender.attempt import State


def test_two_equal_drills_violate_nothing() -> None:
    """No oracle of pairs speaks where nothing differs."""
    assert judge_pair(good_pair(), range(1, 57)) == ()


def test_a_campaign_that_survives_a_crash_violates_nothing() -> None:
    """No oracle speaks where what was in doubt is called Unknown."""
    assert judge_lives(good_lives()) == ()


@pytest.mark.parametrize(("number", "lie"), TWIN_LIES, ids=lambda value: getattr(value, "__name__", f"I{value}"))
def test_the_oracle_of_pairs_catches_its_lie(number: int, lie: PairLie) -> None:
    """Two drills that differ where they must not are found, by the invariant that is asked."""
    found = judge_pair(lie(good_pair()), {number})

    assert {violation.invariant for violation in found} == {f"I{number}"}


@pytest.mark.parametrize(("number", "lie"), RUN_LIES, ids=lambda value: getattr(value, "__name__", f"I{value}"))
def test_the_oracle_of_runs_catches_its_lie(number: int, lie: LivesLie) -> None:
    """A crash that was not recovered from as it should is found."""
    assert f"I{number}" in {violation.invariant for violation in judge_lives(lie(good_lives()))}


def test_whoever_ends_otherwise_is_not_late() -> None:
    """A recipient whose end differs in the two drills is no witness of waiting."""
    pair = good_pair()
    late = tried(pair.left, "ann@x.test", ended=9000.0, account="other")

    assert judge_pair(Pair(left=late, right=pair.right), {45}) == ()


def test_each_invariant_has_an_oracle() -> None:
    """I1 to I60, each once; and every oracle of several drills has a lie."""
    assert [invariant.number for invariant in EVERY] == list(range(1, 61))
    assert {one.number for one in TWINS} == {number for number, _ in TWIN_LIES}
    assert {one.number for one in RUNS} == {number for number, _ in RUN_LIES}
    assert State.UNKNOWN in good_lives().whole.states.values()
