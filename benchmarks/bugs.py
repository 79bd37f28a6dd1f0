"""Reintroduce ten bugs that public senders have had, one after the other, and look for each with drawn scenarios.

Prints a page: which oracle found it, after how many scenarios, and the smallest scenario that shows it. It takes
minutes; `python benchmarks/bugs.py NAME …` looks for some of them alone.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.mutants import seeded, seeded_crash
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.oracles import EVERY
from maildrill.scenarios.proving.search import Finding, Order, search
from maildrill.scenarios.scenario import Scenario
from maildrill.scenarios.strategies import scenarios
from maildrill.scenarios.strategies.features import Features, features_of

SECONDS = 900.0
SEED = 1
_NAMES = {invariant.id: invariant.name for invariant in EVERY}

_HEAD = """# Ten bugs, reintroduced

Bugs that public senders have had, put into maildrill's sender one after the other, for as long as the search lasts. For
each: the oracle that spoke first, the others that spoke of the same scenario, after how many drawn scenarios that was,
and the smallest scenario that was made of it. [Invariants](invariants.md) has all seeded defects with the
oracles that see them; [`maildrill prove`](commands.md#maildrill-prove) is the search. Where features are named
(`maildrill prove --features`) nothing else was drawn: what wants several things at once is rarely met among everything.

This page is what `python benchmarks/bugs.py` prints.
"""


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug: in a sentence, and what puts it into the sender.

    dying: it shows in a sender that dies. features: what alone is drawn, for a bug that wants too much at once to be
    met among everything; None: half of everything in each batch, as the search has it.
    """

    said: str
    seed: Callable[[Patching], None]
    dying: bool = False
    features: Features | None = None


BUGS = (
    Bug("5yz is tried again", seeded.retries_what_failed),
    Bug("a 421 counts as an attempt", seeded.counts_a_421),
    Bug("a cut after the final dot is taken for a 4yz", seeded.takes_a_lost_reply_for_a_deferral),
    Bug(
        "the 550 of one recipient is lost when DATA fails",
        seeded.loses_refusals_when_data_fails,
        features=features_of(("rcpt", "data", "replies", "times", "plain", "batch")),
    ),
    Bug("252 is taken for a refusal", seeded.refuses_252),
    Bug("the body is sent though all RCPT failed", seeded.sends_the_body_to_nobody),
    Bug("the connection is used after 421", seeded.talks_on_after_421),
    Bug("a restart begins with everybody again", seeded.restarts_from_the_beginning, dying=True),
    Bug("recipients are marked before the message is sent", seeded_crash.marks_before_sending, dying=True),
    Bug("recipients are marked after the whole batch", seeded_crash.marks_after_the_batch, dying=True),
)


def dying() -> SearchStrategy[Scenario]:
    """Scenarios in which the sender dies once."""
    kills = st.builds(Event, at=st.just(0.0), do=st.just(Deed.KILL), number=st.integers(1, 40))
    return st.builds(lambda scenario, kill: replace(scenario, events=(kill,)), scenarios(), kills)


def look_for(bug: Bug) -> Finding | None:
    """Return the smallest scenario that shows a bug, None where none was found in the time."""
    with tempfile.TemporaryDirectory() as folder, Patching() as patch:
        bug.seed(patch)
        order = Order(seed=SEED, seconds=SECONDS, known=frozenset(), folder=Path(folder), features=bug.features)
        return search(order, dying() if bug.dying else None).finding


def page(bugs: tuple[Bug, ...]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield _HEAD
    yield "| | Bug | Found by | And by | After scenarios |"
    yield "|---|---|---|---|---|"
    found = []
    for number, bug in enumerate(bugs, start=1):
        print(bug.said, file=sys.stderr)
        finding = look_for(bug)
        found.append(finding)
        if finding is None:
            yield f"| {number} | {bug.said} | not found in {SECONDS:g} seconds | | |"
            continue
        first, *others = finding.invariants
        after = f"{finding.after} of `{' '.join(sorted(bug.features))}` alone" if bug.features else str(finding.after)
        yield f"| {number} | {bug.said} | {first} {_NAMES.get(first, '')} | {' '.join(others)} | {after} |"
    for number, (bug, one) in enumerate(zip(bugs, found, strict=True), start=1):
        if one is not None:
            yield f"\n## {number}. {bug.said[0].upper()}{bug.said[1:]}\n\n```toml\n{one.scenario}```"


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for line in page(tuple(bug for bug in BUGS if not wanted or bug.seed.__name__ in wanted)):
        print(line, flush=True)
