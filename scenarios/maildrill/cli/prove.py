"""`maildrill prove`: look for a scenario in which something does not hold."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maildrill.cli.exits import Exit
from maildrill.smtp.quantity import format_duration

if TYPE_CHECKING:
    from maildrill.scenarios.proving.search import Finding
    from maildrill.scenarios.proving.swarm import Proof
    from maildrill.scenarios.strategies.features import Features

FOLDER = ".maildrill/failures"
_SAY_EVERY = 10.0  # seconds
_SECONDS = 60.0  # where neither time nor number is said


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), help="How long to look. [60, unless --scenarios is said]")
@click.option("--scenarios", type=click.IntRange(min=1), metavar="N", help="How many scenarios to play.")
@click.option("--workers", type=click.IntRange(min=1), help="How many processes look at once. [one for each processor]")
@click.option("--seed", type=click.IntRange(min=0), help="Of all that is drawn. [the time of day]")
@click.option(
    "--features",
    metavar="WORDS",
    help='What may be unusual: "rcpt dot replies mid kill". [some in each batch, which the seed chooses]',
)
@click.option(
    "--keep",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    metavar="DIR",
    help=f"Where scenarios that break something are kept. [{FOLDER}]",
)
@click.option("--first", is_flag=True, help="Stop at the first that is found.")
@click.option(
    "--every-cell",
    is_flag=True,
    help="Draw more for answers and cuts that were never met; fail where some still are not.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def prove(  # noqa: PLR0913 - an argument for each option
    *,
    seconds: float | None,
    scenarios: int | None,
    workers: int | None,
    seed: int | None,
    features: str | None,
    folder: Path,
    first: bool,
    every_cell: bool,
    as_json: bool,
) -> int:
    """Draw scenarios, play each against the real sender, and judge it by every oracle.

    Each batch of them has some features, half of all, so that what is rare among everything is common in some. One of
    ten is played twice, and both logs are compared. One seed and one number of scenarios give the same scenarios
    again, with any number of workers.

    What breaks an invariant is made as small as it can be, told, and kept. What earlier runs have kept is played first;
    what holds now is removed. Exit status: 0 when all held, 1 when something did not, or differs from run to run, or
    with --every-cell was never met.
    """
    from maildrill.scenarios.proving import swarm  # noqa: PLC0415 - with it comes the whole world, and hypothesis
    from maildrill.scenarios.strategies.features import features_of  # noqa: PLC0415 - see above

    seed = int(time.time()) if seed is None else seed  # noqa: TID251 - chance comes in by the shell
    seconds = _SECONDS if seconds is None and scenarios is None else seconds
    wanted = None if features is None else features_of(features.split())
    click.echo(f"seed {seed}; again: {_again(seconds, scenarios, seed, features)}", err=True)
    proof = swarm.prove(
        seconds=seconds,
        scenarios=scenarios,
        workers=workers or os.cpu_count() or 1,
        seed=seed,
        features=wanted,
        folder=folder,
        first=first,
        every_cell=every_cell,
        tell=_Lines().show,
    )
    if as_json:
        click.echo(json.dumps(_json(proof), ensure_ascii=False, indent=2))
    else:
        for line in _page(proof):
            click.echo(line)
    never = _never(proof) if every_cell else ""
    if never:
        click.echo(f"--every-cell: never met: {never}", err=True)
    return Exit.FAILED if never or not proof.holds else Exit.OK


def _again(seconds: float | None, scenarios: int | None, seed: int, features: str | None) -> str:
    words = ["maildrill prove"]
    words += [] if seconds is None else [f"--seconds {seconds:g}"]
    words += [] if scenarios is None else [f"--scenarios {scenarios}"]
    words += [f"--seed {seed}"]
    words += [] if features is None else [f"--features {shlex.quote(features)}"]
    return " ".join(words)


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

    played = proof.played
    for one in proof.again:
        yield f"kept {one.file}: {' '.join([one.became, *one.invariants])}"
    for finding in proof.findings:
        yield ""
        yield from _found(finding)
    yield ""
    yield f"{format_duration(round(proof.seconds))}: {_played(proof)}"
    yield f"played twice: {played.twice:,}; {_same(proof)}"
    yield from _sets(played.sets)
    yield f"stages, answers and cuts met: {len(played.cells.keys())} of {len(CELLS)}"
    yield from table(played.cells)
    yield f"never met: {_never(proof) or 'none'}"
    yield ""
    yield "held: all invariants, in all scenarios" if proof.holds else "not all held"


def _never(proof: Proof) -> str:
    from maildrill.scenarios.proving.grid import missing  # noqa: PLC0415 - see above

    return "; ".join(missing(proof.played.cells))


def _same(proof: Proof) -> str:
    from maildrill.scenarios.proving.search import SAME  # noqa: PLC0415 - see above

    unlike = [one for one in proof.findings if one.unstable or one.invariants[0] == SAME]
    return f"of {len(unlike)} scenarios two runs differ" if unlike else "both runs were the same each time"


def _sets(sets: Mapping[Features, int]) -> Iterator[str]:
    """Yield how often each feature was on, in scenarios."""
    from maildrill.scenarios.strategies.features import ASPECTS, EVERYTHING  # noqa: PLC0415 - see above

    sizes = [len(one) for one in sets] or [0]
    many = f"{min(sizes)} to {max(sizes)}" if min(sizes) < max(sizes) else f"{sizes[0]}"
    yield f"sets of features: {len(sets):,}, each of {many} of {len(EVERYTHING)}; scenarios that might have each:"
    width = max(map(len, ASPECTS))
    for aspect, words in ASPECTS.items():
        counts = (f"{word} {sum(number for one, number in sets.items() if word in one):,}" for word in words)
        yield f"  {aspect.ljust(width)}  {'  '.join(counts)}"


def _found(finding: Finding) -> Iterator[str]:
    if finding.unstable:
        yield f"inconclusive: {finding.file} broke {finding.invariants[0]} once, and differs from run to run"
    yield from finding.page.rstrip("\n").splitlines()
    yield ""
    yield f"the smallest scenario, kept in {finding.file}:"
    yield from (f"  {line}".rstrip() for line in finding.scenario.splitlines())
    yield f"again: maildrill replay {finding.file}"


def _json(proof: Proof) -> dict[str, object]:
    from maildrill.scenarios.proving.grid import missing  # noqa: PLC0415 - see above

    return {
        "seed": proof.seed,
        "holds": proof.holds,
        "seconds": round(proof.seconds, 3),
        "scenarios": proof.played.scenarios,
        "attempts": proof.played.attempts,
        "virtual_seconds": round(proof.played.virtual_seconds, 3),
        "twice": proof.played.twice,
        "features": [
            {"on": sorted(one), "scenarios": number}
            for one, number in sorted(proof.played.sets.items(), key=lambda pair: sorted(pair[0]))
        ],
        "grid": {
            " ".join(filter(None, (stage, answer, end))): count
            for (stage, end, answer), count in sorted(proof.played.cells.items())
        },
        "never": missing(proof.played.cells),
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
