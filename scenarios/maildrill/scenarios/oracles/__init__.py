"""Oracles: what must hold for any sender under any server, checked on the evidence of drills. Pure."""

from __future__ import annotations

from maildrill.scenarios.oracles.accounting import ACCOUNTING
from maildrill.scenarios.oracles.dialogue import DIALOGUE
from maildrill.scenarios.oracles.evidence import Asked, Connected, Evidence, Taken
from maildrill.scenarios.oracles.grammar import GRAMMAR
from maildrill.scenarios.oracles.identity import IDENTITY
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.keeping import KEEPING
from maildrill.scenarios.oracles.limits import LIMITS
from maildrill.scenarios.oracles.listing import LISTING
from maildrill.scenarios.oracles.retrying import RETRYING
from maildrill.scenarios.oracles.timing import TIMING
from maildrill.sender.summary import Violation

#: All invariants that are checked after each drill, by number.
INVARIANTS: tuple[Invariant[Evidence], ...] = tuple(
    sorted(
        (*ACCOUNTING, *RETRYING, *TIMING, *LIMITS, *DIALOGUE, *GRAMMAR, *IDENTITY, *KEEPING, *LISTING),
        key=lambda invariant: invariant.number,
    )
)


def judge_drill(evidence: Evidence) -> tuple[Violation, ...]:
    """Return all violations that the evidence shows, in order of the invariants."""
    return tuple(violation for invariant in INVARIANTS for violation in invariant.violations(evidence))


__all__ = [
    "INVARIANTS",
    "Asked",
    "Breach",
    "Connected",
    "Evidence",
    "Invariant",
    "Taken",
    "Violation",
    "Witness",
    "judge_drill",
]
