"""Gates: for each rule at each stage one test that is cheap, and fails wherever most of its events fail.

Rule: an event that does not get through a gate is not the rule's business; one that does may still not be. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from maildrill.fakeserver.engine.near_miss import Miss
from maildrill.fakeserver.engine.selectors import Test, View, selectors
from maildrill.fakeserver.language.pattern import Pattern, Simple, meant_by, simple
from maildrill.fakeserver.language.script import Rule
from maildrill.smtp import Stage

#: Where a rule takes note of events that are not its business after all.
_REMEMBERED = (Stage.IDLE, Stage.BODY)


class Gate(NamedTuple):
    """A test, and what a rule missed where it fails.

    rcpt, path: where the test is no more than that the recipient, or the reverse-path, is one of these texts.
    """

    holds: Test
    miss: Miss
    rcpt: Simple | None = None
    path: Simple | None = None


def gate(rule: Rule, stage: Stage) -> Gate | None:
    """Return the gate of a rule at a stage, None where there is no test that is cheap."""
    words = selectors(rule)
    cheap = [one for one in words if one.seen is None]
    if cheap:
        path = _texts(rule.reverse_path) if cheap[0].word == "from" else None
        return Gate(cheap[0].holds, Miss(0, cheap[0].word), path=path)
    if stage is not Stage.RCPT and (words or stage in _REMEMBERED):
        return None
    if rule.rcpt:
        return _rcpt(rule.rcpt)
    if rule.domain:
        return _domain(rule.domain)
    return None


def sieve(gates: Iterable[Gate]) -> Test | None:
    """Return one test in the place of many: whether all gates are closed that look at texts, None where none does.

    It asks for all texts at once, and where it cannot tell it says no.
    """
    gates = tuple(gates)
    by_rcpt = [gate.rcpt for gate in gates if gate.rcpt is not None]
    by_path = [gate.path for gate in gates if gate.path is not None]
    any_rcpt, any_path = Simple.union(by_rcpt).test(), Simple.union(by_path).test()

    def no_rcpt(view: View) -> bool:
        lower = view.lower
        return lower != "" and not any_rcpt(lower)

    def no_path(view: View) -> bool:
        path = view.event.reverse_path
        return path is not None and path.isascii() and not any_path(path.lower())

    if by_rcpt and by_path:
        return lambda view: no_rcpt(view) and no_path(view)
    return no_rcpt if by_rcpt else no_path if by_path else None


def _texts(patterns: Sequence[Pattern]) -> Simple | None:
    return None if any(pattern.negated for pattern in patterns) else simple(patterns)


def _rcpt(patterns: Sequence[Pattern]) -> Gate:
    texts, fits = _texts(patterns), meant_by(patterns)
    return _quick(Miss(0, "rcpt"), texts, lambda view: any(map(fits, view.rcpts)))


def _domain(patterns: Sequence[Pattern]) -> Gate:
    """What a domain ends with its address ends with; an `@` in front makes it the whole domain."""
    texts, fits = _texts(patterns), meant_by(patterns)
    if texts is not None and (texts.heads or any("@" in text or not text for text in (*texts.exact, *texts.tails))):
        texts = None
    if texts is not None:
        texts = Simple(frozenset(), (), (*(f"@{text}" for text in texts.exact), *texts.tails))
    return _quick(Miss(0, "domain"), texts, lambda view: any(map(fits, view.domains)))


def _quick(miss: Miss, texts: Simple | None, otherwise: Test) -> Gate:
    """Return a gate that looks at the address in lower case; where there is none, at the address as it is."""
    if texts is None:
        return Gate(otherwise, miss)
    fits = texts.test()
    return Gate(lambda view: fits(view.lower) if view.lower else otherwise(view), miss, rcpt=texts)
