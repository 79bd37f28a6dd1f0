"""`maildrill prove`: what it prints, and its exit status."""

from __future__ import annotations

import json
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
    result = CliRunner().invoke(main, ["prove", "--seconds", "1", "--workers", "1", "--seed", "7"])

    assert result.exit_code == 0
    assert "seed 7; again: maildrill prove --seconds 1 --seed 7\n" in result.stderr
    assert "stages and answers met: " in result.stdout
    assert "\nrcpt  " in result.stdout
    assert result.stdout.endswith("held: all invariants, in all scenarios\n")
    assert not Path(".maildrill").exists()


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
    assert told["scenarios"] > 0
    assert not file.exists()
