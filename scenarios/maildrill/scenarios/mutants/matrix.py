"""Which oracle speaks about which defect: every one of them played, and every finding kept.

Rule: nothing here is written by hand; the page and the command show what was found just now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from maildrill.scenarios.mutants import ALL_LIES
from maildrill.scenarios.mutants.defects import DEFECTS, found_by_drill
from maildrill.scenarios.mutants.lies_of_runs import RUN_LIES, TWIN_LIES, good_lives, good_pair
from maildrill.scenarios.mutants.told import good_drill
from maildrill.scenarios.oracles import Violation, judge_drill, judge_lives, judge_pair


@dataclass(frozen=True, slots=True)
class Seen:
    """A defect that was played. where: `sender`, or `witness` for a lie. number: of the invariant that it breaks."""

    name: str
    where: str
    number: int
    violations: tuple[Violation, ...]

    @property
    def breaks(self) -> str:
        """What it breaks, in words: its name."""
        return self.name.replace("_", " ")

    @property
    def caught_by(self) -> tuple[int, ...]:
        """The numbers of the invariants whose oracles spoke."""
        return tuple(sorted({int(violation.invariant.removeprefix("I")) for violation in self.violations}))

    @property
    def finding(self) -> str:
        """What the oracle of its own invariant said first; empty where it was silent."""
        own = (one for one in self.violations if one.invariant == f"I{self.number}")
        return next((f"{one.recipient} {one.finding}".strip() for one in own), "")


def seen(numbers: frozenset[int] | None = None) -> Iterator[Seen]:
    """Play the defects of these invariants, or all, and yield what each came to."""
    for defect in DEFECTS:
        if numbers is None or defect.number in numbers:
            yield Seen(defect.seed.__name__, "sender", defect.number, found_by_drill(defect))
    for number, lie in ALL_LIES:
        if numbers is None or number in numbers:
            yield Seen(lie.__name__, "witness", number, judge_drill(lie(good_drill())))
    for number, pair_lie in TWIN_LIES:
        if numbers is None or number in numbers:
            yield Seen(pair_lie.__name__, "witness", number, judge_pair(pair_lie(good_pair()), {number}))
    for number, runs_lie in RUN_LIES:
        if numbers is None or number in numbers:
            yield Seen(runs_lie.__name__, "witness", number, judge_lives(runs_lie(good_lives())))
