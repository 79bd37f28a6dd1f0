"""Which oracle speaks about which defect: every one of them played, and every finding kept.

Rule: nothing here is written by hand; the page and the command show what was found just now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from maildrill.scenarios.mutants import ALL_LIES
from maildrill.scenarios.mutants.defects import DEFECTS, found_by_drill
from maildrill.scenarios.mutants.defects_of_pairs import PAIR_DEFECTS, found_by_pair
from maildrill.scenarios.mutants.lies_of_runs import RUN_LIES, TWIN_LIES, LivesLie, PairLie, good_lives, good_pair
from maildrill.scenarios.mutants.told import good_drill
from maildrill.scenarios.oracles import Evidence, Violation, judge_drill, judge_lives, judge_pair


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
    for name, where, number, play in _all():
        if numbers is None or number in numbers:
            yield Seen(name, where, number, play())


def _all() -> Iterator[tuple[str, str, int, Callable[[], tuple[Violation, ...]]]]:
    """Yield the name of each defect, where it is seeded, the invariant that it breaks, and what plays it."""
    for defect in DEFECTS:
        yield defect.seed.__name__, "sender", defect.number, partial(found_by_drill, defect)
    for of_pair in PAIR_DEFECTS:
        yield of_pair.seed.__name__, "sender", of_pair.number, partial(found_by_pair, of_pair)
    for number, lie in ALL_LIES:
        yield lie.__name__, "witness", number, partial(_judged, lie)
    for number, pair_lie in TWIN_LIES:
        yield pair_lie.__name__, "witness", number, partial(_judged_pair, pair_lie, number)
    for number, runs_lie in RUN_LIES:
        yield runs_lie.__name__, "witness", number, partial(_judged_lives, runs_lie)


def _judged(lie: Callable[[Evidence], Evidence]) -> tuple[Violation, ...]:
    return judge_drill(lie(good_drill()))


def _judged_pair(lie: PairLie, number: int) -> tuple[Violation, ...]:
    return judge_pair(lie(good_pair()), {number})


def _judged_lives(lie: LivesLie) -> tuple[Violation, ...]:
    return judge_lives(lie(good_lives()))
