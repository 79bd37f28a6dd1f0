"""Draw scenarios, so many or for a while, and make the first that breaks something as small as it can be.

Rule 1: what breaks is one invariant, from the first finding to the smallest: a smaller scenario that breaks another one
is another finding.
Rule 2: whatever the product raises is a finding, too: a drill has no business to raise anything.
Rule 3: what is drawn depends on the seed alone, so that where the time does not end a search its findings do, too.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.strategies import SearchStrategy

from maildrill.scenarios.drill import Drilled
from maildrill.scenarios.failures import keep
from maildrill.scenarios.proving.grid import Cell, cells_of
from maildrill.scenarios.scenario import Scenario, differences
from maildrill.scenarios.scenario_writer import scenario_to_toml
from maildrill.scenarios.strategies import scenarios, some
from maildrill.scenarios.strategies.features import Features
from maildrill.scenarios.telling.page import tell
from maildrill.sender.summary import Violation

#: Scenarios that are drawn in a row with the same features, one growing out of another, before all begins anew.
BATCH = 25
#: One of so many scenarios is played twice, and both runs are compared.
TWICE = 10
#: Seconds that the smallest scenario may be looked for, once one is found.
PATIENCE = 60.0
#: The invariant that is broken where the product raises something; where two runs of one scenario differ.
ERROR, SAME = "error", "I48"


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is asked for. seed: of all draws. seconds: for how long. folder: where failures are kept.

    known: invariants that need no other proof. scenarios: how many, None for as long as there is time. features: what
    may be unusual about all of them; None: what the seed has chosen for each batch.
    """

    seed: int
    seconds: float
    known: frozenset[str]
    folder: Path
    scenarios: int | None = None
    features: Features | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A scenario that breaks something, small: its file, its TOML, the invariants, and the page about it.

    unstable: two runs of it differ, so that it proves nothing. after: how many scenarios were played until
    one broke this, which was then made small.
    """

    file: Path
    scenario: str
    invariants: tuple[str, ...]
    page: str
    unstable: bool
    after: int


@dataclass(slots=True)
class Tally:
    """What was played: scenarios, tries of the sender for recipients, seconds of virtual time, cells of the grid.

    twice: scenarios that were played twice, to compare. sets: how many scenarios each set of features had.
    """

    scenarios: int = 0
    twice: int = 0
    attempts: int = 0
    virtual_seconds: float = 0.0
    cells: Counter[Cell] = field(default_factory=Counter)
    sets: Counter[Features] = field(default_factory=Counter)
    finding: Finding | None = None

    def add(self, other: Tally) -> None:
        """Count what another one has, too."""
        self.scenarios += other.scenarios
        self.twice += other.twice
        self.attempts += other.attempts
        self.virtual_seconds += other.virtual_seconds
        self.cells.update(other.cells)
        self.sets.update(other.sets)


class _Broken(Exception):  # noqa: N818 - the name says what happened
    """Here is one."""


class _Hunt:
    """One search: what it has counted, and the smallest scenario so far that breaks what was found first."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.tally = Tally()
        self.features: Features = frozenset()
        self.until = time.monotonic() + order.seconds
        self.target = ""
        self.after = 0
        self.smallest: Scenario | None = None
        self.violations: tuple[Violation, ...] = ()
        self.page = ""

    def left(self) -> int:
        """How many scenarios may be played in the next batch."""
        return BATCH if self.order.scenarios is None else min(BATCH, self.order.scenarios - self.tally.scenarios)

    def over(self) -> bool:
        """Whether all is played, or the time is up: of the search, or of making small what was found."""
        if not self.target and self.left() <= 0:
            return True
        return time.monotonic() > self.until + (PATIENCE if self.target else 0.0)

    def play(self, scenario: Scenario) -> None:
        """Raise _Broken where the scenario breaks what is looked for."""
        if self.over() and scenario != self.smallest:
            return
        violations, page = self._violations(scenario)
        broken = {one.invariant for one in violations} - self.order.known
        if not broken or (self.target and self.target not in broken):
            return
        if not self.target:
            self.target = next(one.invariant for one in violations if one.invariant in broken)
            self.after = self.tally.scenarios
            self.until = min(self.until, time.monotonic())
        self.smallest, self.violations, self.page = scenario, violations, page
        raise _Broken

    def _violations(self, scenario: Scenario) -> tuple[tuple[Violation, ...], str]:
        try:
            drilled = scenario.run()
        except Exception as error:
            raised = Violation(ERROR, type(error).__name__, "", str(error))
            return (raised,), f"VIOLATED {ERROR}: the drill raised {type(error).__name__}: {error}\n"
        again = self._twice(scenario, drilled)
        self._count(drilled)
        violations, evidence = (*drilled.summary.violations, *again), drilled.evidence
        return violations, tell(violations, evidence) if violations else ""

    def _twice(self, scenario: Scenario, drilled: Drilled) -> tuple[Violation, ...]:
        """Return how a second run differs, where there is to be one."""
        due = self.target == SAME if self.target else self.tally.scenarios % TWICE == 0
        if not due:
            return ()
        self.tally.twice += not self.target
        return differences(drilled, scenario.run())

    def _count(self, drilled: Drilled) -> None:
        if self.target:  # to make something small is no search
            return
        tally = self.tally
        tally.scenarios += 1
        tally.sets[self.features] += 1
        tally.attempts += len(drilled.evidence.attempts)
        tally.virtual_seconds += drilled.summary.virtual_seconds
        tally.cells.update(cells_of(drilled.answered, drilled.evidence.attempts))

    def finding(self) -> Finding | None:
        """Return what was found, kept in a file, after it was played twice more."""
        if self.smallest is None:
            return None
        own = [one for one in self.violations if one.invariant == self.target]
        return Finding(
            keep(self.smallest, own, self.order.folder),
            scenario_to_toml(self.smallest),
            tuple(dict.fromkeys([self.target, *(one.invariant for one in self.violations)])),
            self.page,
            self._unstable(self.smallest),
            self.after,
        )

    def _unstable(self, scenario: Scenario) -> bool:
        try:
            one, other = scenario.run(), scenario.run()
        except Exception:
            return self.target != ERROR
        if self.target == SAME:
            return not differences(one, other)
        broken = {violation.invariant for violation in one.summary.violations}
        return bool(differences(one, other)) or self.target not in broken


def search(order: Order, drawn: SearchStrategy[Scenario] | None = None) -> Tally:
    """Play scenarios until the time is up or one breaks something; return what was played, and what was found.

    drawn: which ones, None for all of `strategies.scenarios`, a few features of them in each batch.
    """
    hunt = _Hunt(order)
    batch = 0
    while not (hunt.over() or hunt.target):
        number = order.seed + batch
        hunt.features = some(number) if order.features is None else order.features
        _draw(hunt, scenarios(hunt.features) if drawn is None else drawn, number)
        batch += 1
    hunt.tally.finding = hunt.finding()
    return hunt.tally


def _draw(hunt: _Hunt, drawn: SearchStrategy[Scenario], number: int) -> None:
    """Have hypothesis draw a batch of scenarios, and make small what breaks."""

    @seed(number)
    @settings(
        max_examples=hunt.left(),
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        verbosity=Verbosity.quiet,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(drawn)
    def look(scenario: Scenario) -> None:
        hunt.play(scenario)

    with suppress(_Broken):
        look()
