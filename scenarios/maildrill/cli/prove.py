"""`maildrill prove`: look for a scenario in which something does not hold."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maildrill.cli.exits import Exit
from maildrill.smtp.quantity import format_duration

if TYPE_CHECKING:
    from maildrill.scenarios.proving.search import Finding
    from maildrill.scenarios.proving.swarm import Proof

FOLDER = ".maildrill/failures"
_SAY_EVERY = 10.0  # seconds


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), default=60.0, help="How long to look. [60]")
@click.option("--workers", type=click.IntRange(min=1), help="How many processes look at once. [one for each processor]")
@click.option("--seed", type=click.IntRange(min=0), help="Of all that is drawn. [the time of day]")
@click.option(
    "--keep",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    metavar="DIR",
    help=f"Where scenarios that break something are kept. [{FOLDER}]",
)
@click.option("--first", is_flag=True, help="Stop at the first that is found.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def prove(  # noqa: PLR0913 - an argument for each option
    *, seconds: float, workers: int | None, seed: int | None, folder: Path, first: bool, as_json: bool
) -> int:
    """Draw scenarios, play each against the real sender, and judge it by every oracle.

    What breaks an invariant is made as small as it can be, told, and kept. What earlier runs have kept is played first;
    what holds now is removed. Exit status: 0 when all held, 1 when something did not, or differs from run to run.
    """
    from maildrill.scenarios.proving import swarm  # noqa: PLC0415 - with it comes the whole world, and hypothesis

    seed = int(time.time()) if seed is None else seed  # noqa: TID251 - chance comes in by the shell
    click.echo(f"seed {seed}; again: maildrill prove --seconds {seconds:g} --seed {seed}", err=True)
    proof = swarm.prove(
        seconds=seconds,
        workers=workers or os.cpu_count() or 1,
        seed=seed,
        folder=folder,
        first=first,
        tell=_Lines().show,
    )
    if as_json:
        click.echo(json.dumps(_json(proof), ensure_ascii=False, indent=2))
    else:
        for line in _page(proof):
            click.echo(line)
    return Exit.OK if proof.holds else Exit.FAILED


class _Lines:
    """A line on stderr now and then."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def show(self, proof: Proof) -> None:
        """Say how far it is, if the last line is old."""
        now = time.monotonic()
        if now - self._said >= _SAY_EVERY:
            self._said = now
            click.echo(f"{format_duration(round(proof.seconds))}: {_played(proof)}", err=True)


def _played(proof: Proof) -> str:
    played, seconds = proof.played, max(proof.seconds, 0.001)
    return (
        f"{played.scenarios:,} scenarios, {played.attempts:,} attempts ({played.attempts / seconds:,.0f} a second), "
        f"{format_duration(round(played.virtual_seconds))} of virtual time, "
        f"{len(proof.findings)} broken"
    )


def _page(proof: Proof) -> Iterator[str]:
    from maildrill.scenarios.proving.grid import CELLS, table  # noqa: PLC0415 - see above

    for one in proof.again:
        yield f"kept {one.file}: {' '.join([one.became, *one.invariants])}"
    for finding in proof.findings:
        yield ""
        yield from _found(finding)
    yield ""
    yield f"{format_duration(round(proof.seconds))}: {_played(proof)}"
    yield f"stages and answers met: {len(proof.played.cells.keys())} of {len(CELLS)}"
    yield from table(proof.played.cells)
    yield ""
    yield "held: all invariants, in all scenarios" if proof.holds else "not all held"


def _found(finding: Finding) -> Iterator[str]:
    if finding.unstable:
        yield f"inconclusive: {finding.file} broke {finding.invariants[0]} once, and differs from run to run"
    yield from finding.page.rstrip("\n").splitlines()
    yield ""
    yield f"the smallest scenario, kept in {finding.file}:"
    yield from (f"  {line}".rstrip() for line in finding.scenario.splitlines())
    yield f"again: maildrill replay {finding.file}"


def _json(proof: Proof) -> dict[str, object]:
    return {
        "seed": proof.seed,
        "holds": proof.holds,
        "seconds": round(proof.seconds, 3),
        "scenarios": proof.played.scenarios,
        "attempts": proof.played.attempts,
        "virtual_seconds": round(proof.played.virtual_seconds, 3),
        "grid": {f"{stage} {answer}": count for (stage, answer), count in sorted(proof.played.cells.items())},
        "kept": [
            {"file": str(one.file), "became": one.became, "invariants": list(one.invariants)} for one in proof.again
        ],
        "found": [
            {
                "file": str(one.file),
                "invariants": list(one.invariants),
                "inconclusive": one.unstable,
                "scenario": one.scenario,
                "page": one.page,
            }
            for one in proof.findings
        ],
    }
