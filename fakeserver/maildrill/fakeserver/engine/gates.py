"""Gates: for each rule at each stage one test that is cheap, and fails wherever most of its events fail.

Rule: an event that does not get through a gate is not the rule's business; one that does may still not be. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from maildrill.fakeserver.engine.near_miss import Miss
from maildrill.fakeserver.engine.selectors import MESSAGE_ENDED, Test, selectors
from maildrill.fakeserver.language.pattern import Pattern, Simple, Sought, meant_by, sought, union
from maildrill.fakeserver.language.script import Rule
from maildrill.smtp import Stage

#: Takes whom an event is about, and its reverse-path.
Sieve = Callable[[Sequence[str], str | None], bool]
#: Where a rule takes note of events that are not its business after all.
_REMEMBERED = (Stage.IDLE, Stage.BODY)


class Gate(NamedTuple):
    """A test, and what a rule missed where it fails.

    rcpt, path: where the test is no more than that the recipient, or the reverse-path, is one of these.
    """

    holds: Test
    miss: Miss
    rcpt: Sought | None = None
    path: Sought | None = None


def gate(rule: Rule, stage: Stage) -> Gate | None:
    """Return the gate of a rule at a stage, None where there is no test that is cheap."""
    every = selectors(rule)
    words = [one for one in every if not (one is MESSAGE_ENDED and stage is Stage.DOT)]  # there it holds always
    held = len(every) - len(words)
    cheap = [one for one in words if one.seen is None]
    if cheap:
        path = sought(rule.reverse_path) if cheap[0].word == "from" else None
        return Gate(cheap[0].holds, Miss(held, cheap[0].word), path=path)
    if stage is not Stage.RCPT and (words or stage in _REMEMBERED):
        return None
    if rule.rcpt:
        return _rcpt(rule.rcpt, held)
    if rule.domain:
        return _domain(rule.domain, held)
    return None


def sieve(gates: Iterable[Gate]) -> Sieve | None:
    """Return one test in the place of many: whether all gates are closed that look at addresses, None where none does.

    It asks for all addresses at once, and where it cannot tell it says no.
    """
    gates = tuple(gates)
    by_rcpt = [gate.rcpt for gate in gates if gate.rcpt is not None]
    by_path = [gate.path for gate in gates if gate.path is not None]
    if not by_rcpt and not by_path:
        return None
    any_rcpt, any_path = union(by_rcpt), union(by_path)

    def no_rcpt(rcpts: Sequence[str], _path: str | None) -> bool:
        return len(rcpts) == 1 and rcpts[0].isascii() and "@" in rcpts[0] and not any_rcpt(rcpts[0])

    def no_path(_rcpts: Sequence[str], path: str | None) -> bool:
        return path is not None and path.isascii() and not any_path(path)

    if by_rcpt and by_path:
        return lambda rcpts, path: no_rcpt(rcpts, path) and no_path(rcpts, path)
    return no_rcpt if by_rcpt else no_path


def _rcpt(patterns: Sequence[Pattern], held: int) -> Gate:
    fits, found = meant_by(patterns), sought(patterns)
    test = _quick(found, lambda view: any(map(fits, view.rcpts)))
    return Gate(test, Miss(held, "rcpt"), rcpt=found)


def _domain(patterns: Sequence[Pattern], held: int) -> Gate:
    """What a domain ends with its address ends with; an `@` in front makes it the whole domain."""
    fits, found = meant_by(patterns), sought(patterns)
    if found is not None:
        exact, heads, tails = found.texts
        odd = any("@" in text or not text for text in (*exact, *tails))
        texts = Simple(frozenset(), (), (*(f"@{text}" for text in exact), *tails))
        found = None if odd or heads or found.searches else Sought(texts, ())
    return Gate(_quick(found, lambda view: any(map(fits, view.domains))), Miss(held, "domain"), rcpt=found)


def _quick(found: Sought | None, otherwise: Test) -> Test:
    """Return a test that looks at the address in lower case; where there is none, at the address as it is."""
    if found is None or found.searches:
        return otherwise
    fits = found.texts.test()
    return lambda view: fits(view.lower) if view.lower else otherwise(view)
