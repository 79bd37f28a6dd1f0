"""Many searches at once, as long as there is time: rounds of some seconds on each worker, each with its own seed.

Rule 1: first what earlier runs have kept is played again: what holds now is removed, what is unstable is told.
Rule 2: an invariant is proved broken once; from then on others are looked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from maildrill.scenarios.failures import FOLDER, kept
from maildrill.scenarios.proving.search import BATCH, Finding, Order, Tally, search
from maildrill.scenarios.scenario import differences
from maildrill.scenarios.scenario_file import load_scenario
from maildrill.smtp import MaildrillError, escape

#: Seconds of a round.
ROUND = 10.0
#: The seeds of a round are so far from those of the next that none meet.
_APART = 1_000_003 * BATCH


@dataclass(frozen=True, slots=True)
class Again:
    """A scenario that an earlier run has kept, and what became of it."""

    file: Path
    became: str  # fixed, broken, inconclusive, or why it cannot be read
    invariants: tuple[str, ...] = ()


@dataclass(slots=True)
class Proof:
    """What came of it all. seconds: how long it took by a real clock."""

    seed: int
    again: tuple[Again, ...] = ()
    played: Tally = field(default_factory=Tally)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether nothing was found broken, and nothing inconclusive."""
        return not self.findings and all(one.became == "fixed" for one in self.again)


def prove(  # noqa: PLR0913 - each is an option of its own
    *,
    seconds: float,
    workers: int,
    seed: int = 0,
    folder: Path = FOLDER,
    first: bool = False,
    tell: Callable[[Proof], None] = lambda _: None,
) -> Proof:
    """Look for scenarios that break an invariant, for so many seconds; keep them in a folder.

    first: stop at the first that is found. tell: called after each round. The same seed draws the same scenarios; how
    many of them depends on the machine.
    """
    began = time.monotonic()
    proof = Proof(seed, tuple(_again(folder)))
    known = {name for one in proof.again for name in one.invariants}
    for tally in _rounds(began + seconds, workers, seed, folder, known):
        proof.played.add(tally)
        if tally.finding is not None and tally.finding.invariants[0] not in known:
            known.add(tally.finding.invariants[0])
            proof.findings.append(tally.finding)
        proof.seconds = time.monotonic() - began
        tell(proof)
        if first and proof.findings:
            break
    proof.seconds = time.monotonic() - began
    return proof


def _again(folder: Path) -> Iterator[Again]:
    """Play what is kept; remove what holds now."""
    for file in kept(folder):
        try:
            scenario = load_scenario(str(file))
            one, other = scenario.run(), scenario.run()
        except MaildrillError as error:
            yield Again(file, escape(str(error)))
            continue
        broken = tuple(dict.fromkeys(violation.invariant for violation in one.summary.violations))
        if differences(one, other):
            yield Again(file, "inconclusive", broken)
        elif broken:
            yield Again(file, "broken", broken)
        else:
            file.unlink()
            yield Again(file, "fixed")


def _rounds(until: float, workers: int, seed: int, folder: Path, known: set[str]) -> Iterator[Tally]:
    """Yield what each round came to, as they end."""
    number = 0

    def order() -> Order:
        nonlocal number
        number += 1
        return Order(seed + number * _APART, min(ROUND, max(until - time.monotonic(), 0.1)), frozenset(known), folder)

    if workers == 1:
        while time.monotonic() < until:
            yield search(order())
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running: set[Future[Tally]] = {pool.submit(search, order()) for _ in range(workers)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()
                if time.monotonic() < until:
                    running.add(pool.submit(search, order()))
