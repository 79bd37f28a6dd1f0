"""Proving: what is broken is found, made small, kept and told; what was mended is forgotten. With seeded defects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import strategies as st

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.failures import keep, kept
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.mutants.seeded import (
    retries_what_failed,
    talks_on_after_421,
)
from maildrill.scenarios.proving.grid import Answer, End, unmet
from maildrill.scenarios.proving.search import SAME, Order, Tally, search
from maildrill.scenarios.proving.swarm import Proof, prove
from maildrill.scenarios.scenario import Scenario, listed
from maildrill.scenarios.scenario_file import load_scenario
from maildrill.scenarios.strategies import lists, some
from maildrill.scenarios.world import Network
from maildrill.sender.summary import Violation
from maildrill.smtp import Stage

#: Long enough on any machine: a search ends with what it finds.
LONG = 600.0
ANN = Scenario(listed=listed(["ann@x.test"]))
#: Servers that bring out the defects below, among others; all that can be drawn takes its time.
SERVERS = (
    "",
    '[[rule]]\nat = "rcpt"\nreply = "550 5.1.1 no"\n',
    '[[rule]]\nat = "dot"\ntimes = 1\nreply = "421 4.7.0 bye"\ncut = "never"\n',
    '[[rule]]\nat = "mail"\ntimes = 1\nreply = "421 4.7.0 bye"\ncut = "never"\n',
)
FEW = st.builds(
    Scenario,
    listed=lists(most=3),
    script=st.sampled_from([read_script(f"version = 1\n{rules}", "mx.toml") for rules in SERVERS]),
)


def order(folder: Path, *, known: frozenset[str] = frozenset(), scenarios: int | None = None) -> Order:
    """Return what a worker is asked for."""
    return Order(seed=1, seconds=LONG, known=known, folder=folder, scenarios=scenarios)


def found(seed: Callable[[Patching], None], folder: Path, known: frozenset[str] = frozenset()) -> Tally:
    """Return what a search comes to with a defect in the sender."""
    with Patching() as patch:
        seed(patch)
        return search(order(folder, known=known), FEW)


@pytest.mark.parametrize("defect", [retries_what_failed, talks_on_after_421], ids=lambda one: one.__name__)
def test_a_defect_is_found_and_made_small(defect: Callable[[Patching], None], tmp_path: Path) -> None:
    """A file of a few lines, with the page about it; without the defect it holds, and is the same each time."""
    tally = found(defect, tmp_path)
    finding = tally.finding

    assert finding is not None
    assert not finding.unstable
    assert finding.file.name.startswith(f"{finding.invariants[0]}-")
    assert finding.scenario.count("[[rule]]") == 1
    assert len(finding.scenario.splitlines()) <= 24
    assert f"VIOLATED {finding.invariants[0]} " in finding.page
    assert load_scenario(str(finding.file)).run().summary.violations == ()
    assert tally.scenarios > 0
    assert tally.attempts > 0


def test_what_is_known_is_not_looked_for(tmp_path: Path) -> None:
    """An invariant that is broken already hides no other."""
    before = found(retries_what_failed, tmp_path).finding
    assert before is not None
    other = found(retries_what_failed, tmp_path, known=frozenset({before.invariants[0]})).finding

    assert other is not None
    assert other.invariants[0] != before.invariants[0]


def test_what_the_product_raises_is_a_finding(tmp_path: Path) -> None:
    """A drill has no business to raise anything."""

    def fails(self: Scenario) -> None:
        raise RuntimeError(f"no {len(self.listed.splitlines())}")

    with Patching() as patch:
        patch.setattr(Scenario, "run", fails)
        finding = search(order(tmp_path), FEW).finding

    assert finding is not None
    assert finding.invariants == ("error",)
    assert "VIOLATED error: the drill raised RuntimeError: no 2" in finding.page
    assert not finding.unstable


def test_what_differs_from_run_to_run_is_inconclusive(tmp_path: Path) -> None:
    """A network that remembers the run before: what was found proves nothing."""
    flights = count()
    with Patching() as patch:
        talks_on_after_421(patch)
        patch.setattr(Network, "delays", lambda *_: (0.001 * (1 + next(flights) % 50),) * 8)
        finding = search(order(tmp_path, known=frozenset({SAME})), FEW).finding

    assert finding is not None
    assert finding.unstable


def test_two_runs_that_differ_are_a_finding_of_their_own(tmp_path: Path) -> None:
    """Though each of them holds: one of ten scenarios is played twice."""
    flights = count()
    with Patching() as patch:
        patch.setattr(Network, "delays", lambda *_: (0.001 * (1 + next(flights) % 50),) * 8)
        tally = search(order(tmp_path), FEW)
    finding = tally.finding

    assert finding is not None
    assert finding.invariants == (SAME,)
    assert "VIOLATED I48 " in finding.page
    assert not finding.unstable
    assert tally.twice == 1


def test_so_many_scenarios_are_played(tmp_path: Path) -> None:
    """One of ten of them twice; all with the features of their seed."""
    tally = search(order(tmp_path, scenarios=30))

    assert tally.finding is None
    assert tally.scenarios == 30
    assert tally.twice == 3
    assert tally.sets == {some(1): 25, some(2): 5}


def test_who_plays_them_does_not_matter(tmp_path: Path) -> None:
    """The same number of scenarios, with the same features, by one process or by two; then it is over."""
    one, two = (prove(scenarios=60, workers=workers, seed=5, folder=tmp_path) for workers in (1, 2))

    assert one.holds
    assert two.holds
    assert one.played.scenarios == two.played.scenarios == 60
    assert one.played.sets == two.played.sets
    assert len(one.played.sets) == 3


def test_cells_that_were_not_met_are_looked_for(tmp_path: Path) -> None:
    """With little but the stages that they are of, for a while; one who does not ask for them is spared that."""
    without, asked = (prove(scenarios=1, workers=1, folder=tmp_path, every_cell=every) for every in (False, True))

    assert (without.played.scenarios, asked.played.scenarios) == (1, 1 + 5 * 25)
    assert len(unmet(asked.played.cells)) < len(unmet(without.played.cells)) - 20
    assert all(
        {"rcpt", "replies"} <= one and "kill" not in one for one in asked.played.sets.keys() - without.played.sets
    )


def test_features_are_all_that_is_unusual(tmp_path: Path) -> None:
    """The rest of the grid stays empty."""
    proof = prove(scenarios=40, workers=1, folder=tmp_path, features=frozenset({"rcpt", "replies"}))

    assert proof.holds
    assert proof.played.sets == {frozenset({"rcpt", "replies"}): 40}
    assert {end for _, end, _ in proof.played.cells} <= {End.STAYS, End.BEHIND}
    assert {answer for stage, _, answer in proof.played.cells if stage is not Stage.RCPT} <= {
        Answer.DONE,
        Answer.GO_ON,
        Answer.NEVER,  # DATA, where nobody was accepted
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_found_in_what_is_right(workers: int, tmp_path: Path) -> None:
    """All rounds are counted together, and told as they end."""
    told: list[int] = []
    proof = prove(
        seconds=1.0, workers=workers, seed=3, folder=tmp_path, tell=lambda one: told.append(one.played.attempts)
    )

    assert proof.holds
    assert proof.findings == []
    assert told[-1] == proof.played.attempts > 0
    assert sum(proof.played.cells.values()) > 0
    assert proof.seconds >= 1.0


def _kept(scenario: Scenario, folder: Path) -> Path:
    return keep(scenario, [Violation("I4", "duplicate bound", "ann@x.test", "twice")], folder)


def _became(folder: Path) -> dict[str, str]:
    proof: Proof = prove(seconds=0.01, workers=1, folder=folder)
    return {one.file.name: one.became for one in proof.again}


def test_what_holds_now_is_removed(tmp_path: Path) -> None:
    """A kept scenario that all oracles are content with was mended."""
    file = _kept(ANN, tmp_path)

    assert _became(tmp_path) == {file.name: "fixed"}
    assert kept(tmp_path) == ()


def test_what_is_broken_still_stays(tmp_path: Path) -> None:
    """Its invariants are known; another proof of them is not looked for."""
    file = _kept(replace(ANN, script=read_script(f"version = 1\n{SERVERS[1]}", "mx.toml")), tmp_path)
    with Patching() as patch:
        retries_what_failed(patch)
        proof = prove(seconds=0.01, workers=1, folder=tmp_path)

    assert [(one.file, one.became, bool(one.invariants)) for one in proof.again] == [(file, "broken", True)]
    assert kept(tmp_path) == (file,)
    assert not proof.holds


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """With file and line; it stays."""
    (tmp_path / "I4-broken.toml").write_text(
        '[scenario]\npurpose = "p"\nsource = "s"\nrecipient = "a@x.test"\n', encoding="utf-8"
    )

    assert 'I4-broken.toml:4: unknown key "recipient"' in _became(tmp_path)["I4-broken.toml"]
