"""Many searches at once, so many scenarios or as long as there is time: batches, each with a seed and features.

Rule 1: first what earlier runs have kept is played again: what holds now is removed, what is unstable is told.
Rule 2: an invariant is proved broken once; from then on others are looked for.
Rule 3: which scenarios are played depends on seed and number alone, whoever plays them, as long as all hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path

from maildrill.scenarios.failures import FOLDER, kept
from maildrill.scenarios.proving.grid import unmet
from maildrill.scenarios.proving.search import BATCH, ERROR, Finding, Order, Tally, search
from maildrill.scenarios.scenario import differences
from maildrill.scenarios.scenario_file import load_scenario
from maildrill.scenarios.strategies.features import ASPECTS, Features
from maildrill.smtp import MaildrillError, escape

#: The seeds of a batch are so far from those of the next that none meet.
_APART = 1_000_003
#: For what was not met: so many rounds, each of a tenth of the scenarios, with little but the stages that it takes.
_ROUNDS, _TENTH = 5, 10
_LITTLE: Features = frozenset({*ASPECTS["answers"], "rcpt", "times", "chunks", "plain"})
#: More seconds than anybody waits.
_FOR_EVER = 365 * 86_400.0


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
    workers: int,
    seconds: float | None = None,
    scenarios: int | None = None,
    seed: int = 0,
    features: Features | None = None,
    folder: Path = FOLDER,
    first: bool = False,
    every_cell: bool = False,
    tell: Callable[[Proof], None] = lambda _: None,
) -> Proof:
    """Look for scenarios that break an invariant; keep them in a folder.

    seconds: for how long. scenarios: how many. Whichever comes first ends it; neither: never. features: what may be
    unusual, None for some in each batch, which the seed chooses. first: stop at the first that is found. every_cell:
    of the grid; for those that were not met by so many scenarios more are drawn, half as many at most. tell: called
    after each batch. The same seed draws the same scenarios; how many in a time depends on the machine.
    """
    began = time.monotonic()
    proof = Proof(seed, tuple(_again(folder)))
    known = {name for one in proof.again for name in one.invariants}
    until = began + (_FOR_EVER if seconds is None else seconds)
    orders = _Orders(until, scenarios, seed, features, folder, known)
    more = _more(orders, proof) if every_cell else ()
    for tally in chain(_played(orders, workers), chain.from_iterable(_played(one, workers) for one in more)):
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
        except MaildrillError as error:
            yield Again(file, escape(str(error)))
            continue
        try:
            one, other = scenario.run(), scenario.run()
        except Exception:
            yield Again(file, "broken", (ERROR,))
            continue
        broken = tuple(dict.fromkeys(violation.invariant for violation in one.summary.violations))
        if differences(one, other):
            yield Again(file, "inconclusive", broken)
        elif broken:
            yield Again(file, "broken", broken)
        else:
            file.unlink()
            yield Again(file, "fixed")


def _more(orders: _Orders, proof: Proof) -> Iterator[_Orders]:
    """Yield orders for the cells that are not met by then, as long as there are any."""
    for extra in range(1, _ROUNDS + 1):
        stages = frozenset(stage.value for stage, _, _ in unmet(proof.played.cells))
        if not stages or orders.scenarios is None:
            return
        few = max(BATCH, orders.scenarios // _TENTH)
        yield replace(orders, scenarios=few, seed=orders.seed + extra, features=stages | _LITTLE, number=0)


@dataclass(slots=True)
class _Orders:
    """What workers are asked for, batch by batch. known: grows as findings come in."""

    until: float
    scenarios: int | None
    seed: int
    features: Features | None
    folder: Path
    known: set[str]
    number: int = 0

    def __iter__(self) -> _Orders:
        return self

    def __next__(self) -> Order:
        """Return the next one. Raises StopIteration where there is no more to do."""
        rest = BATCH if self.scenarios is None else min(BATCH, self.scenarios - self.number * BATCH)
        seconds = self.until - time.monotonic()
        if rest <= 0 or seconds <= 0:
            raise StopIteration
        self.number += 1
        return Order(
            seed=self.seed + self.number * _APART,
            seconds=seconds,
            known=frozenset(self.known),
            folder=self.folder,
            scenarios=rest,
            features=self.features,
        )


def _played(orders: _Orders, workers: int) -> Iterator[Tally]:
    """Yield what each batch came to, as they end."""
    if workers == 1:
        yield from map(search, orders)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running: set[Future[Tally]] = {pool.submit(search, order) for order in islice(orders, workers)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()
                running |= {pool.submit(search, order) for order in islice(orders, 1)}
