"""What one rule counts: the value of its key at an event, the counters of that value, and what is drawn for it.

Everything is bounded (see memory): what is forgotten begins anew. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable

from maildrill.fakeserver.engine.conditions import Moment
from maildrill.fakeserver.engine.counters import Tally, draw
from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.engine.keys import (
    ABOUT_SESSION,
    KEYED,
    LONG,
    OF_SESSION,
    compact,
    identity,
)
from maildrill.fakeserver.engine.memory import EVERYWHERE, Sessions, Shelf, States, state_of
from maildrill.fakeserver.language.script import Rule
from maildrill.fakeserver.language.script_words import Key


class Counting:
    """The counters of a rule. seed: of the draws. started: Unix seconds, what `during` counts from."""

    def __init__(self, rule: Rule, seed: int, started: float, states: States, sessions: Sessions) -> None:
        self._rule = rule
        self._seed = seed
        self._started = started
        self._sessions = sessions
        self._keyed = tuple(KEYED[word] for word in rule.key)
        self._only = self._keyed[0] if len(self._keyed) == 1 else None
        self._long = not LONG.isdisjoint(rule.key)
        self._of_session = not OF_SESSION.isdisjoint(rule.key)
        self._of_transaction = Key.TRANSACTION in rule.key
        self._sharing = sharing(rule)
        self._tallies: Shelf[Tally] = Shelf()
        self._identical: Shelf[int] | None = Shelf() if rule.chance is not None and not rule.key else None
        self._states = states.shelf(rule.key) if rule.state or rule.set is not None else None
        self._all_states = states
        self._sorted = sorted(range(len(rule.key)), key=lambda n: rule.key[n])

    def value(self, event: Event, rcpt: str) -> tuple[Hashable, ...]:
        """Return what the event counts by, for a recipient."""
        if self._only is not None:
            return (self._only(event, rcpt),)
        return tuple([word(event, rcpt) for word in self._keyed])

    def count(self, event: Event, value: tuple[Hashable, ...]) -> Moment:
        """Count an event, and return how things stand."""
        key, place = compact(value) if self._long else value, EVERYWHERE
        if self._of_session:
            place = (event.session, event.transaction if self._of_transaction else 0)
        tally = self._tallies.get(key, place)
        if tally is None:
            tally = Tally(event.at)
            self._tallies.put(key, tally, place)
        tally.seen += 1
        number = tally.seen
        if self._identical is not None:
            same = compact(identity(event))
            number = (self._identical.get(same) or 0) + 1
            self._identical.put(same, number)
        return Moment(event, value, place, tally, number, event.at - self._started, self)

    def draw(self, moment: Moment) -> float:
        """Return what is drawn for `chance`; without a key the event itself is the key.

        So neither the order nor what others do changes its lot.
        """
        value = moment.value if self._keyed else identity(moment.event)
        return draw(self._seed, self._rule.name, value, moment.number)

    def open(self, moment: Moment) -> int:
        """Return how many sessions are open that share what the rule counts by."""
        return self._sessions.count(self._sharing, moment.event)

    def state(self, moment: Moment) -> str:
        """Return the state that holds; only a rule with the word `state` asks."""
        return "" if self._states is None else state_of(self._states, self._state_key(moment), moment.place)

    def set_state(self, moment: Moment) -> None:
        """Have the rule's new state hold from the next event on, if it has one."""
        if self._states is not None and self._rule.set is not None:
            self._all_states.set(self._states, self._state_key(moment), self._rule.set, moment.place)

    def end(self, session: int) -> None:
        """Forget a session that is over."""
        if self._of_session:
            self._tallies.end(session)

    def carry(self, old: Counting) -> None:
        """Take over what the same rule has counted in another engine."""
        self._tallies, self._identical = old._tallies, old._identical

    def _state_key(self, moment: Moment) -> Hashable:
        """Return what rules share that name the same words in any order."""
        value = tuple(moment.value[n] for n in self._sorted)
        return compact(value) if self._long else value


def sharing(rule: Rule) -> tuple[Key, ...]:
    """Return what open sessions must share for the rule's `open`: the words of its key that are about a session."""
    return tuple(word for word in ABOUT_SESSION if word in rule.key)
