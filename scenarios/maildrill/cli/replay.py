"""`maildrill replay`: play a scenario that was saved, twice, and say what every oracle says of it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from maildrill.cli.exits import Exit
from maildrill.sender.summary import Violation
from maildrill.smtp import escape


@click.command()
@click.argument("scenario", metavar="FILE|ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--export", type=click.Choice(["pytest"]), help="Print it as a test that stands alone; nothing is played."
)
def replay(scenario: str, *, as_json: bool, export: str | None) -> int:
    """Play the scenario in FILE again, or the one that is kept in .maildrill/failures as ID; the beginning will do.

    It is played twice, in virtual time. Exit status: 0 when no invariant is violated and both runs are the same, event
    by event; 1 when one is violated, or when the outcome is unstable; 2 for usage and configuration.
    """
    # with these comes the whole world
    from maildrill.scenarios.failures import find  # noqa: PLC0415
    from maildrill.scenarios.oracles import INVARIANTS  # noqa: PLC0415
    from maildrill.scenarios.scenario import differences  # noqa: PLC0415
    from maildrill.scenarios.scenario_file import load_scenario  # noqa: PLC0415
    from maildrill.scenarios.telling.page import drilled_page  # noqa: PLC0415

    file = scenario if Path(scenario).is_file() else str(find(scenario))
    saved = load_scenario(file)
    if export:
        from maildrill.scenarios.scenario_writer import scenario_to_toml  # noqa: PLC0415
        from maildrill.scenarios.telling.export import pytest_module  # noqa: PLC0415

        click.echo(pytest_module(saved.purpose, scenario_to_toml(saved)), nl=False)
        return Exit.OK
    first, second = saved.run(), saved.run()
    unstable, violations = differences(first, second), first.summary.violations
    if as_json:
        told = {"file": file, "stable": not unstable, "unstable": list(map(_words, unstable))}
        click.echo(json.dumps(told | {"report": first.summary.to_json()}, ensure_ascii=False, indent=2))
    else:
        click.echo(drilled_page(first.summary, first.evidence))
        broken = {one.invariant for one in violations}
        click.echo(_verdict(broken, len(INVARIANTS)))
        click.echo("stable: two runs, one log" if not unstable else "unstable: two runs differ, so it proves nothing")
        for one in unstable:
            click.echo(f"  {_words(one)}")
    return Exit.FAILED if violations or unstable else Exit.OK


def _verdict(broken: set[str], count: int) -> str:
    if not broken:
        return f"held: all {count} invariants, and what the scenario expects"
    return f"violated: {' '.join(sorted(broken, key=_number))}"


def _number(invariant: str) -> tuple[int, str]:
    digits = invariant.removeprefix("I")
    return (int(digits), "") if digits.isdigit() else (10**9, invariant)


def _words(one: Violation) -> str:
    return escape(f"{one.invariant} {one.name}: {one.finding}")
