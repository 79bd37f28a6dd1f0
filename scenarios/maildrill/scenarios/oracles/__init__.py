"""Oracles: what must hold for any sender under any server, checked on the evidence of drills. Pure."""

from __future__ import annotations

from collections.abc import Container

from maildrill.scenarios.oracles.accounting import ACCOUNTING
from maildrill.scenarios.oracles.caution import CAUTION
from maildrill.scenarios.oracles.dialogue import DIALOGUE
from maildrill.scenarios.oracles.endings import ENDINGS
from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.grammar import GRAMMAR
from maildrill.scenarios.oracles.identity import IDENTITY
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.journaled import Asked, Connected, Taken
from maildrill.scenarios.oracles.keeping import KEEPING
from maildrill.scenarios.oracles.limits import LIMITS
from maildrill.scenarios.oracles.listing import LISTING
from maildrill.scenarios.oracles.lives import RUNS, Life, Lives, Torn
from maildrill.scenarios.oracles.merging import MERGING
from maildrill.scenarios.oracles.overriding import OVERRIDING
from maildrill.scenarios.oracles.retrying import RETRYING
from maildrill.scenarios.oracles.secrecy import SECRECY
from maildrill.scenarios.oracles.setbacks import Setback
from maildrill.scenarios.oracles.storms import STORMS
from maildrill.scenarios.oracles.timing import TIMING
from maildrill.scenarios.oracles.twins import TWINS, Pair
from maildrill.sender.summary import Violation

#: All invariants that are checked after each drill, by number.
INVARIANTS: tuple[Invariant[Evidence], ...] = tuple(
    sorted(
        (
            *(*ACCOUNTING, *RETRYING, *TIMING, *STORMS, *LIMITS, *DIALOGUE, *GRAMMAR),
            *(*SECRECY, *IDENTITY, *KEEPING, *LISTING, *MERGING, *OVERRIDING, *CAUTION, *ENDINGS),
        ),
        key=lambda invariant: invariant.number,
    )
)

#: All of them: after each drill, of pairs of drills, of a campaign in several runs.
EVERY: tuple[Invariant[Evidence] | Invariant[Pair] | Invariant[Lives], ...] = tuple(
    sorted((*INVARIANTS, *TWINS, *RUNS), key=lambda invariant: invariant.number)
)


def judge_pair(pair: Pair, numbers: Container[int]) -> tuple[Violation, ...]:
    """Return what differs and must not, by the invariants with these numbers."""
    return tuple(found for invariant in TWINS if invariant.number in numbers for found in invariant.violations(pair))


def judge_lives(lives: Lives) -> tuple[Violation, ...]:
    """Return all violations of a campaign in several runs: those of its whole, and those of where runs ended."""
    return (*judge_drill(lives.whole), *(found for invariant in RUNS for found in invariant.violations(lives)))


def judge_drill(evidence: Evidence) -> tuple[Violation, ...]:
    """Return all violations that the evidence shows, in order of the invariants."""
    evidence.letters.read([invariant.reading for invariant in INVARIANTS if invariant.reading is not None])
    return tuple(violation for invariant in INVARIANTS for violation in invariant.violations(evidence))


__all__ = [
    "EVERY",
    "INVARIANTS",
    "RUNS",
    "TWINS",
    "Asked",
    "Breach",
    "Connected",
    "Evidence",
    "Invariant",
    "Life",
    "Lives",
    "Pair",
    "Setback",
    "Taken",
    "Torn",
    "Violation",
    "Witness",
    "judge_drill",
    "judge_lives",
    "judge_pair",
]
