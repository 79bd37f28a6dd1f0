"""The tables of docs/drill.md, made from what the code holds: invariants, and the catalogue."""

from __future__ import annotations

from maildrill.scenarios import catalogue
from maildrill.scenarios.oracles import INVARIANTS


def invariants() -> str:
    """Return the table of invariants in Markdown."""
    rows = [f"| {one.id} | {one.name} | {one.statement} | {one.source} |" for one in INVARIANTS]
    return "\n".join(["| | Invariant | What must hold | Source |", "|---|---|---|---|", *rows, ""])


def scripts() -> str:
    """Return the table of bundled scripts in Markdown."""
    rows = [f"| `{name}` | {catalogue.purpose_of(name)} |" for name in catalogue.names()]
    return "\n".join(["| Script | What it does |", "|---|---|", *rows, ""])
