"""Oracles: what must hold for any sender under any server, checked on the evidence of a drill. Pure."""

from __future__ import annotations

from maildrill.scenarios.oracles.accounting import ACCOUNTING
from maildrill.scenarios.oracles.dialogue import DIALOGUE
from maildrill.scenarios.oracles.evidence import Asked, Evidence, Taken
from maildrill.scenarios.oracles.invariant import Breach, Invariant
from maildrill.scenarios.oracles.keeping import KEEPING
from maildrill.scenarios.oracles.retrying import RETRYING
from maildrill.sender.summary import Violation

#: All invariants that are checked after each drill, by number.
INVARIANTS: tuple[Invariant, ...] = tuple(
    sorted((*ACCOUNTING, *RETRYING, *DIALOGUE, *KEEPING), key=lambda invariant: invariant.number)
)


def judge_drill(evidence: Evidence) -> tuple[Violation, ...]:
    """Return all violations that the evidence shows, in order of the invariants."""
    return tuple(violation for invariant in INVARIANTS for violation in invariant.violations(evidence))


__all__ = ["INVARIANTS", "Asked", "Breach", "Evidence", "Invariant", "Taken", "Violation", "judge_drill"]
