"""One stage's turn: which rules are asked there, in which order, and what comes of it.

Rule: whatever can be known before an event comes is worked out before. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from maildrill.fakeserver.answer import Shot, answer, unmatched
from maildrill.fakeserver.event import PROCEEDING, Decision, Event
from maildrill.fakeserver.gates import gate
from maildrill.fakeserver.keys import ends_message
from maildrill.fakeserver.matcher import Matcher
from maildrill.fakeserver.near_miss import Miss, NearMisses
from maildrill.fakeserver.selectors import Test
from maildrill.smtp import Stage

_BDAT = Stage.BDAT


class Asked(NamedTuple):
    """A rule that is asked. gate: None where it is always asked; miss: what it missed where the gate is closed."""

    matcher: Matcher
    gate: Test | None
    miss: Miss | None


class Turn:
    """What happens at one stage. strict: whether an event that no rule answers is refused.

    asked: by rank, then as the script has them. rules: theirs. quotas: those that must know what went through.
    """

    def __init__(self, stage: Stage, matchers: Sequence[Matcher], *, strict: bool) -> None:
        here = sorted((one for one in matchers if stage in one.rule.stages), key=lambda one: one.rule.rank)
        self.asked = tuple(_asked(one, stage) for one in here)
        self.rules = tuple(one.rule for one in here)
        self.quotas = tuple(one for one in here if one.rule.over is not None)
        self._matchers = tuple(here)
        self._strict = strict and any(rule.lot is None for rule in self.rules)
        self._known: dict[int, tuple[Decision, bool]] = {}

    def answer(
        self, event: Event, winner: Matcher | None, shot: Shot | None, added: Sequence[Shot]
    ) -> tuple[Decision, bool]:
        """Return the decision, and whether the event went through. shot: the winner's. added: of rules that pass."""
        if winner is None:
            return self._unanswered(event, added)
        if added or shot is not winner.only or event.stage is _BDAT:
            return answer(shot, added, ends=ends_message(event))
        known = self._known.get(id(winner))
        if known is None:
            known = self._known[id(winner)] = answer(shot, added, ends=ends_message(event))
        return known

    def _unanswered(self, event: Event, added: Sequence[Shot]) -> tuple[Decision, bool]:
        near = NearMisses(event, self.rules, [matcher.missed for matcher in self._matchers])
        if self._strict:
            return unmatched(event, added, near), False
        if added:
            return answer(None, added, ends=ends_message(event), near_misses=near)
        return Decision(PROCEEDING, near_misses=near), True


def _asked(matcher: Matcher, stage: Stage) -> Asked:
    found = gate(matcher.rule, stage)
    return Asked(matcher, None, None) if found is None else Asked(matcher, found.holds, found.miss)
