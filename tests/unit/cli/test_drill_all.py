"""`maildrill drill --all`: what is not as a scenario says is told, under the script's name."""

from __future__ import annotations

from click.testing import CliRunner

from maildrill.cli.main import main


def test_a_scenario_that_ends_otherwise_is_told() -> None:
    """On a slow network some are later than they say: exit 1, and for whom, what and how."""
    result = CliRunner().invoke(main, ["drill", "--all", "--latency", "3s"])
    lines = result.stdout.splitlines()

    assert result.exit_code == 1
    assert any(line.startswith("VIOLATED  dot-2yz: 3 delivered, in ") for line in lines)
    assert any("expected it to end within <5s, and it took" in line for line in lines if line.startswith("  outcome "))
    assert lines[-1].split(" scripts, ")[1].partition(" ")[0] != "0"
