"""Gates: for each rule at each stage one test that is cheap, and fails wherever most of its events fail.

Rule: an event that does not get through a gate is not the rule's business; one that does may still not be. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from maildrill.fakeserver.near_miss import Miss
from maildrill.fakeserver.pattern import Pattern, meant_by, simple
from maildrill.fakeserver.script import Rule
from maildrill.fakeserver.selectors import Test, View, selectors
from maildrill.smtp import Stage

#: Where a rule takes note of events that are not its business after all.
_REMEMBERED = (Stage.IDLE, Stage.BODY)


class Gate(NamedTuple):
    """A test, and what a rule missed where it fails."""

    holds: Test
    miss: Miss


def gate(rule: Rule, stage: Stage) -> Gate | None:
    """Return the gate of a rule at a stage, None where there is no test that is cheap."""
    words = selectors(rule)
    cheap = [one for one in words if one.seen is None]
    if cheap:
        return Gate(cheap[0].holds, Miss(0, cheap[0].word))
    if stage is not Stage.RCPT and (words or stage in _REMEMBERED):
        return None
    if rule.rcpt:
        return Gate(_address(rule.rcpt), Miss(0, "rcpt"))
    if rule.domain:
        return Gate(_domain(rule.domain), Miss(0, "domain"))
    return None


def _address(patterns: Sequence[Pattern]) -> Test:
    texts = None if any(pattern.negated for pattern in patterns) else simple(patterns)
    fits = meant_by(patterns)

    def any_way(view: View) -> bool:
        return any(map(fits, view.rcpts))

    return any_way if texts is None else _quick(texts.exact, texts.heads, texts.tails, any_way)


def _domain(patterns: Sequence[Pattern]) -> Test:
    """What a domain ends with its address ends with; an `@` in front makes it the whole domain."""
    texts = None if any(pattern.negated for pattern in patterns) else simple(patterns)
    fits = meant_by(patterns)

    def any_way(view: View) -> bool:
        return any(map(fits, view.domains))

    if texts is None or texts.heads or any("@" in text or not text for text in (*texts.exact, *texts.tails)):
        return any_way
    return _quick(frozenset(), (), (*(f"@{text}" for text in texts.exact), *texts.tails), any_way)


def _quick(exact: frozenset[str], heads: tuple[str, ...], tails: tuple[str, ...], otherwise: Test) -> Test:
    """Return a test of the address in lower case; where there is none, of the address as it is."""
    if not exact and not tails:
        return lambda view: view.lower.startswith(heads) if view.lower else otherwise(view)
    if not exact and not heads:
        return lambda view: view.lower.endswith(tails) if view.lower else otherwise(view)

    def any_of(view: View) -> bool:
        lower = view.lower
        if not lower:
            return otherwise(view)
        return lower in exact or lower.startswith(heads) or lower.endswith(tails)

    return any_of
