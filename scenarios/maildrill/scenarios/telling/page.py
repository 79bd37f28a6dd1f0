"""The page about a drill that violated something: for each invariant the first breach, told whole. Pure.

Rule: what anybody said is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from maildrill.scenarios.oracles import EVERY, Evidence, Violation
from maildrill.scenarios.telling.claims import claims
from maildrill.scenarios.telling.excerpt import Excerpt, Line, excerpts
from maildrill.sender.report import render_text
from maildrill.sender.summary import Summary
from maildrill.smtp import escape, timestamp
from maildrill.smtp.quantity import format_duration

_KNOWN = {invariant.id: invariant for invariant in EVERY}
_MARK, _NO_MARK = ">>>", "   "


def drilled_page(summary: Summary, evidence: Evidence) -> str:
    """Return the report of a drill for people, and what it violated told whole."""
    told = tell(summary.violations, evidence)
    return render_text(summary) + (f"\n{told}" if told else "")


def tell(violations: Sequence[Violation], evidence: Evidence) -> str:
    """Return the page, lines with a line end each; empty where nothing was violated."""
    groups = [list(group) for _, group in groupby(violations, key=lambda one: one.invariant)]
    return "\n".join("".join(f"{line}\n" for line in _told(group, evidence)) for group in groups)


def _told(group: Sequence[Violation], evidence: Evidence) -> Iterator[str]:
    first = group[0]
    yield f"VIOLATED {first.invariant} {escape(first.name)}{_more(len(group) - 1)}"
    invariant = _KNOWN.get(first.invariant)
    if invariant is not None:
        yield f"  must hold      {invariant.statement}"
        yield f"  source         {invariant.source}"
    yield f"  found          {escape(f'{first.recipient} {first.finding}'.strip())}"
    if first.recipient:
        for who, says in claims(evidence, first.recipient):
            yield f"  {who:14} {says}"
    began = evidence.events[0].at if evidence.events else 0.0
    for one in excerpts(evidence.events, first.recipient, first.spot):
        yield f"  session {one.session}, transaction {one.transaction}; 0s is {timestamp(began)}"
        yield from _dialogue(one, began)


def _more(count: int) -> str:
    return f" ({count} more like it)" if count else ""


def _dialogue(one: Excerpt, began: float) -> Iterator[str]:
    times = ["" if line.at is None else format_duration(line.at - began) for line in one.lines]
    width = max(map(len, times), default=0)
    for line, time in zip(one.lines, times, strict=True):
        yield f"{_mark(line)} {time:>{width}}  {line.text}"


def _mark(line: Line) -> str:
    return _MARK if line.marked else _NO_MARK
