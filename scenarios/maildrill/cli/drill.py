"""`maildrill drill`: rehearse a campaign against scripted servers, five days in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from maildrill.cli.drill_all import drill_all
from maildrill.cli.exits import Exit
from maildrill.cli.parameters import DURATION
from maildrill.cli.progress import Progress, display
from maildrill.fakeserver.language.script import merge_scripts
from maildrill.scenarios import bundled, catalogue
from maildrill.scenarios.drill import Drilled, Plan, rehearse
from maildrill.scenarios.fake_dns import read_zone
from maildrill.scenarios.scenario_file import has_scenario, plan_of
from maildrill.scenarios.telling.page import drilled_page
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.log_sinks import JsonLines, Sink, TextFile
from maildrill.smtp import ConfigurationError

LEDGER, EVENTS, LOG, REPORT, REPORT_JSON = FILES = (
    "ledger.sqlite",
    "events.jsonl",
    "connection.log",
    "report.txt",
    "report.json",
)


@click.command()
@click.argument("campaign", required=False)
@click.option(
    "--script", "scripts", multiple=True, metavar="FILE|NAME", help="What the server says; several are joined in order."
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="HOST=FILE|NAME",
    help="What this server says instead, by name or address.",
)
@click.option(
    "--dns",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="What a direct campaign is told of domains: [dns] and [hosts].",
)
@click.option("--all", "everything", is_flag=True, help="Play the scenario of every bundled script.")
@click.option("--seed", type=int, help="Chooses every draw: of the sender, of the script, of the network.")
@click.option("--latency", type=DURATION, help="How long octets travel, one way. [the scenario's, or 10ms]")
@click.option("--jitter", type=DURATION, help="Up to so much longer, drawn for each flight. [the scenario's, or 2ms]")
@click.option("--segment", type=click.IntRange(min=0), help="So many octets arrive at once at most. [0: all]")
@click.option(
    "--canary", type=click.IntRange(min=1), metavar="N", help="Send to the first N of the list only, as `send` would."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=f"Write {', '.join(FILES)} to DIR; those of an earlier drill are replaced.",
)
def drill(  # noqa: PLR0913 - an argument for each option
    campaign: str | None,
    scripts: tuple[str, ...],
    *,
    hosts: tuple[str, ...],
    dns: Path | None,
    everything: bool,
    seed: int | None,
    latency: float | None,
    jitter: float | None,
    segment: int | None,
    canary: int | None,
    as_json: bool,
    out: Path | None,
) -> int:
    """Rehearse CAMPAIGN (a file, or a bundled one: festival, notice) against a scripted server in virtual time.

    Without arguments 1,000 festival guests meet the script "rough-week"; without CAMPAIGN a script that has a scenario
    is played with that. Exit status: 0 when no invariant is violated, 1 when one is, 2 for usage and configuration.
    """
    said = {"latency": latency, "jitter": jitter, "segment": segment}
    weather: dict[str, Any] = {word: value for word, value in said.items() if value is not None}
    if everything:
        if campaign or scripts or hosts or dns or as_json or out or canary:
            raise click.UsageError("--all plays all bundled scripts; it goes with --seed and the network alone")
        return drill_all(seed=seed, weather=weather)
    plan = _with_hosts(_plan(campaign, scripts, seed), hosts, dns)
    plan = replace(plan, network=replace(plan.network, **weather), canary=canary or 0)
    drilled = _rehearsed(plan, out)
    summary = drilled.summary
    if as_json:
        click.echo(json.dumps(summary.to_json(), ensure_ascii=False, indent=2))
    else:
        click.echo(drilled_page(summary, drilled.evidence), nl=False)
    return Exit.FAILED if summary.violations else Exit.OK


def _plan(campaign: str | None, scripts: tuple[str, ...], seed: int | None) -> Plan:
    """Return what to rehearse: a script's own scenario, or a campaign and what the server tells it."""
    name = campaign or bundled.DEFAULT_CAMPAIGN
    script = merge_scripts([catalogue.load_script(one) for one in scripts or (bundled.script_for(name),)])
    if scripts and campaign is None and has_scenario(script):
        return plan_of(script, seed=seed)
    return Plan(campaign=read_campaign(bundled.campaign_path(name)), script=script, seed=seed)


def _with_hosts(plan: Plan, given: tuple[str, ...], dns: Path | None) -> Plan:
    """Return the plan with servers of their own for some hosts, and what leads to them."""
    zone, named = read_zone(dns) if dns else ({}, {})
    beside = {host: str(dns.parent / name) if dns and name.endswith(".toml") else name for host, name in named.items()}
    for one in given:
        host, equals, name = one.partition("=")
        if not (host and equals and name):
            raise click.BadParameter(f'"{one}" is no HOST=FILE|NAME', param_hint="--host")
        beside[host] = name
    scripts = {host: catalogue.load_script(name) for host, name in beside.items()}
    return replace(plan, dns={**plan.dns, **zone}, hosts={**plan.hosts, **scripts})  # a scenario may have its own


def _rehearsed(plan: Plan, out: Path | None) -> Drilled:
    progress = Progress(display(), remarks=False)
    if out is None:
        return rehearse(plan, [progress])
    with _replacing(out) as folder:
        sinks: list[Sink] = [progress, JsonLines(folder / EVENTS), TextFile(folder / LOG)]
        drilled = rehearse(replace(plan, ledger=folder / LEDGER), sinks)
        (folder / REPORT).write_text(drilled_page(drilled.summary, drilled.evidence), encoding="utf-8")
        report = json.dumps(drilled.summary.to_json(), ensure_ascii=False, indent=2)
        (folder / REPORT_JSON).write_text(report + "\n", encoding="utf-8")
    return drilled


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """Give a folder to write to, and move its files to `out` when all of them are there: a drill is whole or not."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out, prefix=".drill-") as folder:
            yield Path(folder)
            for name in FILES:
                (Path(folder) / name).replace(out / name)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write: {error.strerror}", where=str(error.filename or out), hint="name another folder with --out"
        ) from None
