"""The words that say when a rule fires: for each whether it holds, and what it saw, in one table.

All that are said must hold. Each takes the rule and the moment; none counts or remembers anything. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from maildrill.fakeserver.engine.counters import Tally
from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.engine.memory import Place
from maildrill.fakeserver.language.script import Rule
from maildrill.fakeserver.language.script_words import Then
from maildrill.smtp import Stage


class Keeper(Protocol):
    """Who knows what only some words want to know."""

    def draw(self, moment: Moment) -> float:
        """Return what is drawn for `chance`, in [0, 1)."""
        ...

    def state(self, moment: Moment) -> str:
        """Return the state that holds."""
        ...

    def open(self, moment: Moment) -> int:
        """Return how many sessions are open."""
        ...


@dataclass(slots=True)
class Moment:
    """What the words are asked about: an event that is the rule's business, and its key's counters.

    number: how often what `chance` draws for has come. value: what the rule counts by. place: whose that is.
    """

    event: Event
    value: tuple[Hashable, ...]
    place: Place
    tally: Tally  # this event included
    number: int
    since_start: float
    keeper: Keeper


#: What a word says that holds.
HOLDS = object()


class Condition(NamedTuple):
    """One word: it says HOLDS, or what it saw where it does not hold."""

    word: str
    ask: Callable[[Rule, Moment], object]


def _attempt(rule: Rule, moment: Moment) -> object:
    seen = moment.tally.seen
    for span in rule.attempt:
        if span.first <= seen <= span.last:
            return HOLDS
    return seen


def _times(rule: Rule, moment: Moment) -> object:
    fired = moment.tally.fired
    return HOLDS if rule.times is None or fired < rule.times else fired


def _then(rule: Rule, moment: Moment) -> object:
    fired = moment.tally.fired
    return HOLDS if rule.then is not Then.PASS or not rule.replies or fired < len(rule.replies) else fired


def _age(rule: Rule, moment: Moment) -> object:
    age = moment.tally.age(moment.event.at)
    return HOLDS if rule.age is None or moment.event.stage is Stage.IDLE or age in rule.age else age


def _over(rule: Rule, moment: Moment) -> object:
    over = rule.over
    passed = 0 if over is None else moment.tally.passed_within(over.seconds, moment.event.at)
    return HOLDS if over is None or passed >= over.count else passed


def _open(rule: Rule, moment: Moment) -> object:
    count = moment.keeper.open(moment)
    return HOLDS if rule.open is None or count in rule.open else count


def _during(rule: Rule, moment: Moment) -> object:
    since = moment.since_start
    return HOLDS if any(since in part for part in rule.during) else since


def _chance(rule: Rule, moment: Moment) -> object:
    drawn = moment.keeper.draw(moment)
    return HOLDS if rule.chance is None or drawn < rule.chance else drawn


def _state(rule: Rule, moment: Moment) -> object:
    state = moment.keeper.state(moment)
    return HOLDS if state in rule.state else state


_TABLE = (
    Condition("attempt", _attempt),
    Condition("times", _times),
    Condition("then", _then),
    Condition("age", _age),
    Condition("over", _over),
    Condition("open", _open),
    Condition("during", _during),
    Condition("chance", _chance),
    Condition("state", _state),
)


def conditions(rule: Rule) -> tuple[Condition, ...]:
    """Return the conditions that this rule says, in the order of the language."""
    return tuple(one for one in _TABLE if getattr(rule, one.word) not in (None, ()) and not _idle_word(rule, one.word))


def _idle_word(rule: Rule, word: str) -> bool:
    """Whether `then` says nothing about when: only `pass` behind replies does."""
    return word == "then" and (rule.then is not Then.PASS or not rule.replies)
