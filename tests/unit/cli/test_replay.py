"""`maildrill replay`: what is violated, what is unstable, and the exit status."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maildrill.cli.main import main
from maildrill.scenarios.failures import keep
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.oracles import INVARIANTS
from maildrill.scenarios.scenario import Scenario, listed
from maildrill.scenarios.world import Network
from maildrill.sender.summary import Violation

Run = Callable[..., Result]
SAVED = '[scenario]\npurpose = "p"\nsource = "s"\nrecipients = "ann@x.test"\n'
WRONG = SAVED + '[[scenario.outcome]]\nstate = "failed"\n'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `maildrill replay` with these arguments, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["replay", *arguments])


@pytest.fixture
def unstable() -> Iterator[None]:
    """A network that remembers the run before."""
    flights = count()
    with Patching() as patch:
        patch.setattr(Network, "delays", lambda *_: (0.001 * (1 + next(flights)),) * 8)
        yield


def test_what_holds_is_said_with_0(run: Run) -> None:
    """All invariants, and that it comes to the same twice."""
    Path("s.toml").write_text(SAVED, encoding="utf-8")
    result = run("s.toml")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-2:] == [
        f"held: all {len(INVARIANTS)} invariants, and what the scenario expects",
        "stable: two runs, one log",
    ]


def test_what_is_violated_is_said_with_1(run: Run) -> None:
    """Be it an invariant or what the scenario foretells."""
    Path("s.toml").write_text(WRONG, encoding="utf-8")
    result = run("s.toml")

    assert result.exit_code == 1
    assert "violated: outcome" in result.stdout
    assert "s.toml:5: expected failed, and it is delivered" in result.stdout


def test_a_scenario_that_is_kept_is_found(run: Run) -> None:
    """By the beginning of its name."""
    keep(Scenario(listed=listed(["ann@x.test"])), [Violation("I4", "duplicate bound", "", "twice")])
    result = run("I4", "--json")
    told = json.loads(result.stdout)

    assert result.exit_code == 0
    assert told["file"].startswith(".maildrill/failures/I4-")
    assert told["stable"]
    assert told["report"]["delivered"] == 1


@pytest.mark.usefixtures("unstable")
def test_an_outcome_that_differs_is_called_unstable(run: Run) -> None:
    """It proves nothing, and the first event that differs is named."""
    Path("s.toml").write_text(SAVED, encoding="utf-8")
    result = run("s.toml")

    assert result.exit_code == 1
    assert "unstable: two runs differ, so it proves nothing\n  I48 determinism: event " in result.stdout


def test_a_broken_file_is_said_with_2(run: Run) -> None:
    """With file, line, what was expected and what was meant."""
    Path("s.toml").write_text(SAVED + "network.latancy = '1s'\n", encoding="utf-8")
    result = run("s.toml")

    assert result.exit_code == 2
    assert 's.toml:5: unknown key "latancy" in [scenario.network]' in result.stderr
    assert 'did you mean "latency"?' in result.stderr
