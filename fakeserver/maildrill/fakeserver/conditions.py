"""The words that say when a rule fires: one function for each, in one table.

All that are said must hold. Each takes the rule and the moment; none counts or remembers anything. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from maildrill.fakeserver.counters import Tally
from maildrill.fakeserver.script import Rule


@dataclass(frozen=True, slots=True)
class Moment:
    """What the words are asked about: an event that is the rule's business, and its key's counters."""

    at: float  # Unix seconds
    since_start: float
    tally: Tally  # this event included
    lot: float  # what was drawn for `chance`, in [0, 1)
    idle: bool  # whether this is silence: then age has been looked at before


Condition = Callable[[Rule, Moment], bool]


def _attempt(rule: Rule, moment: Moment) -> bool:
    return any(moment.tally.seen in span for span in rule.attempt)


def _times(rule: Rule, moment: Moment) -> bool:
    return rule.times is None or moment.tally.fired < rule.times


def _age(rule: Rule, moment: Moment) -> bool:
    return rule.age is None or moment.idle or moment.tally.age(moment.at) in rule.age


def _over(rule: Rule, moment: Moment) -> bool:
    return rule.over is None or moment.tally.passed_within(rule.over.seconds, moment.at) >= rule.over.count


def _during(rule: Rule, moment: Moment) -> bool:
    return any(moment.since_start in part for part in rule.during)


def _chance(rule: Rule, moment: Moment) -> bool:
    return rule.chance is None or moment.lot < rule.chance


_TABLE: dict[str, Condition] = {
    "attempt": _attempt,
    "times": _times,
    "age": _age,
    "over": _over,
    "during": _during,
    "chance": _chance,
}


def conditions(rule: Rule) -> tuple[tuple[str, Condition], ...]:
    """Return the words that this rule says, each with its condition, in the order of the language."""
    return tuple((word, holds) for word, holds in _TABLE.items() if getattr(rule, word) not in (None, ()))
