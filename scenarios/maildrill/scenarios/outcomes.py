"""Hold what a scenario says of its recipients against what the sender says of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from maildrill.fakeserver.language.scenario import Outcome
from maildrill.scenarios.oracles import Evidence
from maildrill.sender.summary import Violation


def missed(outcomes: Iterable[Outcome], evidence: Evidence) -> Iterator[Violation]:
    """Give what is not as the outcomes have it, one violation for each recipient or count that differs."""
    began = evidence.events[0].at
    for one in outcomes:
        addresses = [address for address in evidence.states if one.means(address)]
        for address, finding in (*_of_each(one, addresses, evidence, began), *_counted(one, addresses, evidence)):
            yield Violation("outcome", "as the scenario foretells", address, f"{one.where}: {finding}")


def _of_each(one: Outcome, addresses: list[str], evidence: Evidence, began: float) -> Iterator[tuple[str, str]]:
    for address in addresses:
        state, tries = evidence.states[address], evidence.attempts_of.get(address, ())
        counted = sum(attempt.counted for attempt in tries)
        rows = [row for row, _ in groupby(attempt.row for attempt in tries)]
        took = max((attempt.ended - began for attempt in tries), default=0.0)
        if one.state is not None and state != one.state:
            yield address, f"expected {one.state}, and it is {state}; ruled by {' '.join(rows) or 'no row'}"
        if one.attempts is not None and counted not in one.attempts:
            yield address, f"expected {one.attempts.text} attempts, and there were {counted}"
        for row in one.row:
            if row not in rows:
                yield address, f"expected the row {row} to rule a try; those that did are: {' '.join(rows) or 'none'}"
        if one.within is not None and took not in one.within:
            yield address, f"expected it to end within {one.within.text}, and it took {took:.3f} seconds"


def _counted(one: Outcome, addresses: list[str], evidence: Evidence) -> Iterator[tuple[str, str]]:
    found = Counter(evidence.states[address].value for address in addresses)
    for end, count in one.counts:
        if found[end] not in count:
            yield "", f"expected {count.text} to be {end}, and {found[end]} of {len(addresses)} are"
