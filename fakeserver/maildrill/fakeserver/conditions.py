"""The words that say when a rule fires: for each whether it holds, and what it saw, in one table.

All that are said must hold. Each takes the rule and the moment; none counts or remembers anything. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from maildrill.fakeserver.counters import Tally
from maildrill.fakeserver.event import Event
from maildrill.fakeserver.memory import Place
from maildrill.fakeserver.script import Rule
from maildrill.fakeserver.script_words import Then
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
    drawn: float = 0.0  # once `chance` has been asked


class Condition(NamedTuple):
    """One word: whether it holds, and what it saw where it does not."""

    word: str
    holds: Callable[[Rule, Moment], bool]
    seen: Callable[[Rule, Moment], object]


def _attempt(rule: Rule, moment: Moment) -> bool:
    seen = moment.tally.seen
    return any([span.first <= seen <= span.last for span in rule.attempt])  # noqa: C419 - a generator takes longer


def _times(rule: Rule, moment: Moment) -> bool:
    return rule.times is None or moment.tally.fired < rule.times


def _then(rule: Rule, moment: Moment) -> bool:
    return rule.then is not Then.PASS or not rule.replies or moment.tally.fired < len(rule.replies)


def _age(rule: Rule, moment: Moment) -> bool:
    return rule.age is None or moment.event.stage is Stage.IDLE or moment.tally.age(moment.event.at) in rule.age


def _passed(rule: Rule, moment: Moment) -> int:
    return 0 if rule.over is None else moment.tally.passed_within(rule.over.seconds, moment.event.at)


def _over(rule: Rule, moment: Moment) -> bool:
    return rule.over is None or _passed(rule, moment) >= rule.over.count


def _open(rule: Rule, moment: Moment) -> bool:
    return rule.open is None or moment.keeper.open(moment) in rule.open


def _during(rule: Rule, moment: Moment) -> bool:
    return any(moment.since_start in part for part in rule.during)


def _chance(rule: Rule, moment: Moment) -> bool:
    moment.drawn = moment.keeper.draw(moment)
    return rule.chance is None or moment.drawn < rule.chance


def _state(rule: Rule, moment: Moment) -> bool:
    return moment.keeper.state(moment) in rule.state


_TABLE = (
    Condition("attempt", _attempt, lambda _rule, moment: moment.tally.seen),
    Condition("times", _times, lambda _rule, moment: moment.tally.fired),
    Condition("then", _then, lambda _rule, moment: moment.tally.fired),
    Condition("age", _age, lambda _rule, moment: moment.tally.age(moment.event.at)),
    Condition("over", _over, _passed),
    Condition("open", _open, lambda _rule, moment: moment.keeper.open(moment)),
    Condition("during", _during, lambda _rule, moment: moment.since_start),
    Condition("chance", _chance, lambda _rule, moment: moment.drawn),
    Condition("state", _state, lambda _rule, moment: moment.keeper.state(moment)),
)


def conditions(rule: Rule) -> tuple[Condition, ...]:
    """Return the conditions that this rule says, in the order of the language."""
    return tuple(one for one in _TABLE if getattr(rule, one.word) not in (None, ()) and not _idle_word(rule, one.word))


def _idle_word(rule: Rule, word: str) -> bool:
    """Whether `then` says nothing about when: only `pass` behind replies does."""
    return word == "then" and (rule.then is not Then.PASS or not rule.replies)
