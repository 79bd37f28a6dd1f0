"""`maildrill prove`: what it prints, and its exit status."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.mutants.seeded_pace import writes_no_intent


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_holds_is_said_with_0_and_the_grid() -> None:
    """And how it can be run again, on stderr."""
    result = CliRunner().invoke(main, ["prove", "--scenarios", "30", "--workers", "1", "--seed", "7"])

    assert result.exit_code == 0
    assert "seed 7; again: maildrill prove --scenarios 30 --seed 7\n" in result.stderr
    assert ": 30 scenarios, " in result.stdout
    assert "\nplayed twice: 4; both runs were the same each time\n" in result.stdout
    assert "\nsets of features: 2, each of " in result.stdout
    assert "\n  stages      rcpt " in result.stdout
    assert "\nstages, answers and cuts met: " in result.stdout
    assert re.search(r"\nnever met: \w+ \w+[^;\n]*; \w+", result.stdout)
    assert "\nrcpt  " in result.stdout
    assert result.stdout.endswith("held: all invariants, in all scenarios\n")
    assert not Path(".maildrill").exists()


def test_features_are_said_and_kept_for_the_next_time() -> None:
    """A word that is none is refused, before anything is drawn."""
    features = ["--features", "rcpt replies"]
    result = CliRunner().invoke(main, ["prove", "--seconds", "1", "--workers", "1", "--seed", "7", *features])
    wrong = CliRunner().invoke(main, ["prove", "--features", "rcpt repiles"])

    assert result.exit_code == 0
    assert "again: maildrill prove --seconds 1 --seed 7 --features 'rcpt replies'\n" in result.stderr
    assert "\nsets of features: 1, each of 2 of " in result.stdout
    assert wrong.exit_code == 2
    assert 'did you mean "replies"?' in wrong.stderr


def test_what_was_never_met_can_be_a_failure() -> None:
    """Few scenarios do not meet every cell: 1 where that was asked for, though all held, and the cells on stderr."""
    result = CliRunner().invoke(main, ["prove", "--scenarios", "1", "--workers", "1", "--seed", "7", "--every-cell"])

    assert result.exit_code == 1
    assert re.search(r"\n--every-cell: never met: \w+ \w+[^;\n]*; \w+", result.stderr)
    assert result.stdout.endswith("held: all invariants, in all scenarios\n")


def test_what_is_broken_is_told_and_kept_with_1() -> None:
    """The page, the scenario, and the command that plays it again; the next run without the defect removes it."""
    with Patching() as patch:
        writes_no_intent(patch)
        result = CliRunner().invoke(main, ["prove", "--seconds", "600", "--first", "--workers", "1", "--seed", "7"])
    (file,) = Path(".maildrill/failures").iterdir()

    assert result.exit_code == 1
    assert f"VIOLATED {file.name.partition('-')[0]} " in result.stdout
    assert f"\nagain: maildrill replay {file}\n" in result.stdout
    assert "\n  [scenario]\n" in result.stdout
    assert result.stdout.endswith("not all held\n")

    mended = CliRunner().invoke(main, ["prove", "--seconds", "1", "--workers", "1", "--seed", "7", "--json"])
    told = json.loads(mended.stdout)
    assert mended.exit_code == 0
    assert told["kept"] == [{"file": str(file), "became": "fixed", "invariants": []}]
    assert told["holds"]
    assert told["found"] == []
    assert told["scenarios"] == sum(one["scenarios"] for one in told["features"]) > 0
    assert told["twice"] > 0
    assert "rcpt 2yz" in told["grid"]
    assert told["never"]
    assert not file.exists()
