"""One stage's turn: which rules are asked there, in which order, and what comes of it.

Rule: whatever can be known before an event comes is worked out before. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from maildrill.fakeserver.engine.answer import Shot, answer, unmatched
from maildrill.fakeserver.engine.event import PROCEEDING, Decision, Event
from maildrill.fakeserver.engine.gates import Gate, gate, sieve
from maildrill.fakeserver.engine.keys import ends_message
from maildrill.fakeserver.engine.matcher import Matcher
from maildrill.fakeserver.engine.near_miss import Miss, Missed, NearMisses
from maildrill.fakeserver.engine.selectors import Test
from maildrill.smtp import Stage

_BDAT = Stage.BDAT


class Asked(NamedTuple):
    """A rule that is asked. gate: None where it is always asked; miss: what it missed where the gate is closed."""

    matcher: Matcher
    gate: Test | None
    miss: Miss | None


class Turn:
    """What happens at one stage. strict: whether an event that no rule answers is refused.

    asked: by rank, then as the script has them. rules: theirs. quotas: those that must know what went through. sieve:
    says of addresses that all gates which look at them are closed, so that only the `unsifted` must be asked.
    """

    def __init__(self, stage: Stage, matchers: Sequence[Matcher], *, strict: bool) -> None:
        here = sorted((one for one in matchers if stage in one.rule.stages), key=lambda one: one.rule.rank)
        gates = [gate(one.rule, stage) for one in here]
        self.asked = tuple(_asked(one, found) for one, found in zip(here, gates, strict=True))
        self.rules = tuple(one.rule for one in here)
        self.quotas = tuple(one for one in here if one.rule.over is not None)
        self.sieve = sieve(found for found in gates if found is not None)
        self.unsifted = tuple(asked for asked, found in zip(self.asked, gates, strict=True) if not _sifted(found))
        self._misses = tuple(
            (one, found.miss if found and _sifted(found) else None) for one, found in zip(here, gates, strict=True)
        )
        self._all_sifted = tuple(miss for _, miss in self._misses)
        self.strict = strict and any(rule.lot is None for rule in self.rules)
        self._known: dict[int, tuple[Decision, bool]] = {}

    def answer(
        self,
        event: Event,
        asked: Sequence[Asked],
        winner: Matcher | None,
        shot: Shot | None,
        added: Sequence[Shot],
    ) -> tuple[Decision, bool]:
        """Return the decision, and whether the event went through.

        asked: all, or only the unsifted. shot: the winner's. added: of rules that pass.
        """
        if winner is not None:
            return self._answered(event, winner, shot, added)
        misses: Sequence[Missed | None]
        if not asked:
            misses = self._all_sifted
        elif asked is self.asked:
            misses = [matcher.missed for matcher, _ in self._misses]
        else:
            misses = [miss or matcher.missed for matcher, miss in self._misses]
        near = NearMisses(event, self.rules, misses)
        if self.strict:
            return unmatched(event, added, near), False
        if added:
            return answer(None, added, ends=ends_message(event), near_misses=near)
        return Decision(PROCEEDING, "", near), True

    def _answered(
        self, event: Event, winner: Matcher, shot: Shot | None, added: Sequence[Shot]
    ) -> tuple[Decision, bool]:
        if added or shot is not winner.only or event.stage is _BDAT:
            return answer(shot, added, ends=ends_message(event))
        known = self._known.get(id(winner))
        if known is None:
            known = self._known[id(winner)] = answer(shot, added, ends=ends_message(event))
        return known


def _sifted(found: Gate | None) -> bool:
    """Whether the sieve does what this gate does."""
    return found is not None and (found.rcpt or found.path) is not None


def _asked(matcher: Matcher, found: Gate | None) -> Asked:
    return Asked(matcher, None, None) if found is None else Asked(matcher, found.holds, found.miss)
