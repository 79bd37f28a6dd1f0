"""docs/invariants.md, and what `maildrill invariants` prints: each invariant with who is heard and what breaks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from maildrill.scenarios.mutants.matrix import Seen, seen
from maildrill.scenarios.oracles import EVERY

_HEAD = """# Invariants

What must hold for any sender under any server. Each has an oracle, which sets witnesses against each other that share
no code: the list, the sender's ledger and log, the server's journal, the report; some need a second drill (a twin),
some several runs. An oracle counts because it was seen to speak: of each defect the matrix says which ones did. A
defect of the sender is a function replaced for one drill; a lie of a witness changes what one of them says of a drill
in which all went well. [Drills](drill.md) are judged by them; `maildrill invariants show I4` shows one, with its
defects played.

This page is what `maildrill invariants --markdown` prints.
"""


def numbers() -> dict[str, int]:
    """Return the numbers of all invariants by their names `I1` to `I60`."""
    return {invariant.id: invariant.number for invariant in EVERY}


def listed() -> Iterator[str]:
    """Give a line for each invariant."""
    for invariant in EVERY:
        yield f"{invariant.id:4} {invariant.name}: {invariant.statement}"


def shown(number: int) -> Iterator[str]:
    """Give the lines that explain one invariant; its defects are played for it."""
    invariant = EVERY[number - 1]
    yield f"{invariant.id} {invariant.name}"
    yield f"  {invariant.statement}"
    yield f"  source     {invariant.source}"
    yield f"  witnesses  {', '.join(invariant.witnesses)}"
    for one in seen(frozenset({number})):
        yield f"  {one.where} that {one.breaks}:"
        yield f"    {one.finding}"
        others = [f"I{other}" for other in one.caught_by if other != number]
        yield f"    {'also caught by ' + ' '.join(others) if others else 'caught by this one alone'}"


def page() -> str:
    """Return docs/invariants.md; plays every defect."""
    found = list(seen())
    return "\n".join([_HEAD, "## Statements\n", *_statements(found), "", "## Matrix\n", *_matrix(found), ""])


def _statements(found: Iterable[Seen]) -> Iterator[str]:
    yield "| | Invariant | What must hold | Source | Witnesses | Caught alone |"
    yield "|---|---|---|---|---|---|"
    alone = {one.number for one in found if one.caught_by == (one.number,)}
    for one in EVERY:
        sole = "yes" if one.number in alone else "no"
        yield f"| {one.id} | {one.name} | {one.statement} | {one.source} | {', '.join(one.witnesses)} | {sole} |"


def _matrix(found: Iterable[Seen]) -> Iterator[str]:
    yield "| Breaks | Defect | Of | Oracles that speak |"
    yield "|---|---|---|---|"
    for one in sorted(found, key=lambda one: (one.number, one.where, one.name)):
        yield f"| I{one.number} | {one.breaks} | {one.where} | {' '.join(f'I{n}' for n in one.caught_by)} |"
