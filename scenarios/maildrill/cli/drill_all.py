"""`maildrill drill --all`: play the whole catalogue, and say where something came of it that should not have."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from maildrill.cli.exits import Exit
from maildrill.scenarios import catalogue
from maildrill.scenarios.scenario_file import has_scenario, plan_of
from maildrill.sender.summary import STATES, Summary
from maildrill.smtp import escape
from maildrill.smtp.quantity import format_duration


def drill_all(*, seed: int | None, weather: Mapping[str, Any]) -> int:
    """Play every script of the catalogue that has a scenario; print a line for each, return the exit status.

    weather: what the network is like instead, in the words of Network.
    """
    from maildrill.scenarios.drill import rehearse  # noqa: PLC0415 - with it comes the whole world

    begun = time.perf_counter()
    violated = played = 0
    for name in catalogue.names():
        script = catalogue.load_script(name)
        if has_scenario(script):
            plan = plan_of(script, seed=seed)
            summary = rehearse(replace(plan, network=replace(plan.network, **weather))).summary
            played += 1
            violated += bool(summary.violations)
            _tell(name, summary)
    click.echo(f"{played} scripts, {violated} with violations, {time.perf_counter() - begun:.1f} seconds")
    return Exit.FAILED if violated else Exit.OK


def _tell(name: str, summary: Summary) -> None:
    states = ", ".join(f"{summary.total.states[state]} {state}" for state in STATES if summary.total.states[state])
    took = format_duration(round(summary.virtual_seconds, 1))
    click.echo(f"{'VIOLATED' if summary.violations else 'ok'}  {name}: {states}, in {took}")
    for row in summary.violations:
        click.echo(escape(f"  {row.invariant} {row.name}: {row.recipient} {row.finding}"))
