"""One rule at play: is this event its business, has its moment come, and what has it counted so far.

Where and who decide what is counted; when (see conditions) decides what fires. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from maildrill.fakeserver.answer import Shot
from maildrill.fakeserver.conditions import Moment, conditions
from maildrill.fakeserver.counters import Tally, draw
from maildrill.fakeserver.event import Event
from maildrill.fakeserver.keys import ABOUT_SESSION, KEYED, OF_SESSION, about_rcpt, compact, held, identity
from maildrill.fakeserver.lots import Draws
from maildrill.fakeserver.memory import EVERYWHERE, Place, Sessions, Shelf, States, state_of
from maildrill.fakeserver.near_miss import Miss
from maildrill.fakeserver.pattern import tester
from maildrill.fakeserver.script import Rule
from maildrill.fakeserver.script_words import Key
from maildrill.fakeserver.selectors import View, selectors
from maildrill.fakeserver.shots import Shooter, UnsaidError
from maildrill.smtp import Stage

_TICK = 0.001  # seconds that a timer may be early, and still the silence has lasted as long as the rule says
_NOTHING: Mapping[Hashable, Tally] = {}


@dataclass(frozen=True, slots=True)
class Play:
    """What the rules of one engine share. marks: whether some rule acts in the middle of a message."""

    seed: int
    started: float
    hostname: str
    draws: Draws
    states: States
    sessions: Sessions
    marks: bool


class Matcher:
    """A rule with its memory."""

    def __init__(self, rule: Rule, play: Play) -> None:
        self.rule = rule
        self.fired = 0
        self.missed: Miss | None = None  # what kept the rule from firing at the last event that it was asked about
        self._play = play
        self._tests = tuple((one.holds, Miss(n, one.word), one.seen) for n, one in enumerate(selectors(rule)))
        self._rcpt = tester(rule.rcpt) if rule.rcpt else None
        self._domain = tester(rule.domain) if rule.domain else None
        self._who = len(self._tests) + bool(rule.rcpt) + bool(rule.domain)
        drawn = rule.lot is not None and not rule.lot.by_session
        self._by_rcpt = bool(rule.rcpt or rule.domain or about_rcpt(rule.key) or drawn)
        self._keyed = tuple(KEYED[word] for word in rule.key)
        self._conditions = conditions(rule)
        self._shooter = Shooter(rule, play.seed, play.hostname)
        self._sharing = sharing(rule)
        self._states = play.states.shelf(rule.key) if rule.state or rule.set is not None else None
        self._sorted = sorted(range(len(rule.key)), key=lambda n: rule.key[n])
        self._tallies: Shelf[Tally] = Shelf()
        self._touched: Mapping[Hashable, Tally] = _NOTHING  # what the last event counted for
        self._lots: Shelf[int] = Shelf()  # without a key: how often this very event has come
        self._begun: dict[int, tuple[float, float]] = {}  # by session: the silence, or the message, last acted upon
        #: Whether the rule must see events that another rule has answered.
        self.counts = bool(self._conditions or self._shooter.counts)
        remembers = self.counts or len(rule.replies) > 1 or rule.set is not None
        self._forgetful = not remembers

    def ask(self, view: View, *, decided: bool) -> Shot | None:
        """Count the event if it is the rule's business; return the shot if it fires (never once `decided`)."""
        self._touched = _NOTHING
        for holds, miss, seen in self._tests:
            if not holds(view):
                self.missed = miss if seen is None else Miss(miss.held, miss.word, seen(view))
                return None
        stage = view.event.stage
        if (stage is Stage.IDLE or stage is Stage.BODY) and not self._acts_now(view.event):
            return None
        rcpts: Sequence[str] = view.rcpts
        if self._by_rcpt:
            rcpts = self._meant(view)
        elif len(rcpts) != 1:
            rcpts = (rcpts[0] if rcpts else "",)
        if self.rule.lot is not None:
            rcpts = self._drawn(rcpts, view.event.session)
        if not rcpts:
            return None
        return self._fire_plainly(view, rcpts[0]) if self._forgetful else self._count(view, rcpts, decided=decided)

    def settle(self, event: Event, *, went_through: bool) -> None:
        """Note for `over` that the last event, as far as it was the rule's business, went through or not."""
        if went_through and self.rule.over is not None:
            for tally in self._touched.values():
                tally.passed(event.at, self.rule.over.count)

    def end(self, session: int) -> None:
        """Forget a session that is over."""
        self._begun.pop(session, None)
        if not OF_SESSION.isdisjoint(self.rule.key):
            self._tallies.end(session)

    def carry(self, old: Matcher) -> None:
        """Take over what the same rule has counted in another engine."""
        self.fired = old.fired
        self._tallies, self._lots, self._begun = old._tallies, old._lots, old._begun

    def draw(self, moment: Moment) -> float:
        """Return what is drawn for `chance`; without a key the event itself is the key.

        So neither the order nor what others do changes its lot.
        """
        value = moment.value if self.rule.key else identity(moment.event)
        return draw(self._play.seed, self.rule.name, value, moment.number)

    def state(self, moment: Moment) -> str:
        """Return the state that holds; only a rule with the word `state` asks."""
        return "" if self._states is None else state_of(self._states, self._state_key(moment), moment.place)

    def open(self, moment: Moment) -> int:
        """Return how many sessions are open that share what the rule counts by."""
        return self._play.sessions.count(self._sharing, moment.event)

    def _meant(self, view: View) -> Sequence[str]:
        """Return the recipients that `rcpt` and `domain` mean."""
        rcpt, domain = self._rcpt, self._domain
        word, found = "rcpt" if rcpt is not None else "domain" if domain is not None else "key", []
        for n, address in enumerate(view.rcpts):
            if rcpt is not None and not rcpt(address):
                continue
            if domain is not None and not domain(view.domains[n]):
                word = "domain"
                continue
            found.append(address)
        if not found:
            behind = word == "domain" and rcpt is not None
            self.missed = Miss(len(self._tests) + behind, word, "there is no recipient yet" if word == "key" else None)
        return found

    def _drawn(self, rcpts: Sequence[str], session: int) -> Sequence[str]:
        """Return the recipients that have drawn what the rule needs, or for whom their session has."""
        lot, draws = self.rule.lot, self._play.draws
        found = [rcpt for rcpt in rcpts if lot is None or draws.holds(lot, session, rcpt)]
        if rcpts and not found:
            self.missed = Miss(self._who, "lot", "another lot was drawn")
        return found

    def _acts_now(self, event: Event) -> bool:
        """Whether a silence, or a message that comes in, is where the rule says, and has not been acted upon yet."""
        if event.stage is Stage.IDLE:
            return self._new_silence(event)
        if not self._play.marks:
            return True
        size, after = event.size or 0, self.rule.after
        if after is not None and size < after.octets:
            self.missed = Miss(self._who, "after")
            return False
        transaction, acted = self._begun.get(event.session, (-1, 0.0))
        self._begun[event.session] = (event.transaction, size)
        if transaction == event.transaction and acted <= size:
            self.missed = Miss(self._who, "at", "of this message it has been asked")
            return False
        return True

    def _new_silence(self, event: Event) -> bool:
        age = self.rule.age
        if age is None or event.idle + _TICK < age.least or event.idle > age.most:
            self.missed = Miss(self._who, "age")
            return False
        began = event.at - event.idle
        known, _ = self._begun.get(event.session, (None, 0.0))
        self._begun[event.session] = (began, 0.0)
        if known is not None and abs(began - known) <= _TICK:
            self.missed = Miss(self._who, "age", began)
            return False
        return True

    def _fire_plainly(self, view: View, rcpt: str) -> Shot | None:
        """Fire without a memory of single events: nothing that the rule says needs one."""
        try:
            shot = self._shooter.shot(view, rcpt, (), 1, 0)
        except UnsaidError as error:
            self.missed = Miss(self._who, error.word, error.text)
            return None
        self.fired += 1
        self.missed = None
        return shot

    def _count(self, view: View, rcpts: Sequence[str], *, decided: bool) -> Shot | None:
        shot: Shot | None = None
        missed: Miss | None = None
        touched: dict[Hashable, Tally] = {}
        for rcpt in rcpts:
            value = tuple(keyed(view.event, rcpt) for keyed in self._keyed)
            if value in touched:
                continue
            moment = self._moment(view.event, value)
            touched[value] = moment.tally
            if shot is not None:
                continue
            miss = self._failing(moment)
            if miss is None and not decided:
                shot = self._fire(moment, view, rcpt)
                miss = self.missed
            if miss is not None and (missed is None or miss.held > missed.held):
                missed = miss
        self._touched = touched
        self.missed = None if shot is not None else missed
        return shot

    def _moment(self, event: Event, value: tuple[Hashable, ...]) -> Moment:
        """Count the event."""
        rule = self.rule
        key, place = held(rule.key, value), self._place(event)
        tally = self._tallies.get(key, place)
        if tally is None:
            tally = Tally(event.at)
            self._tallies.put(key, tally, place)
        tally.seen += 1
        number = tally.seen
        if rule.chance is not None and not rule.key:
            same = compact(identity(event))
            number = (self._lots.get(same) or 0) + 1
            self._lots.put(same, number)
        return Moment(event, value, place, tally, number, event.at - self._play.started, self)

    def _failing(self, moment: Moment) -> Miss | None:
        """Return the first word that does not hold."""
        for n, (word, holds, seen) in enumerate(self._conditions):
            if not holds(self.rule, moment):
                return Miss(self._who + n, word, seen(self.rule, moment))
        return None

    def _fire(self, moment: Moment, view: View, rcpt: str) -> Shot | None:
        tally = moment.tally
        try:
            shot = self._shooter.shot(view, rcpt, moment.value, tally.seen, tally.fired)
        except UnsaidError as error:
            self.missed = Miss(self._who + len(self._conditions), error.word, error.text)
            return None
        tally.fired += 1
        self.fired += 1
        self.missed = None
        if self.rule.set is not None and self._states is not None:
            self._play.states.set(self._states, self._state_key(moment), self.rule.set, moment.place)
        return shot

    def _state_key(self, moment: Moment) -> Hashable:
        value = tuple(moment.value[n] for n in self._sorted)
        return held(self.rule.key, value)

    def _place(self, event: Event) -> Place:
        if Key.TRANSACTION in self.rule.key:
            return (event.session, event.transaction)
        return (event.session, 0) if Key.CONNECTION in self.rule.key else EVERYWHERE


def sharing(rule: Rule) -> tuple[Key, ...]:
    """Return what open sessions must share for the rule's `open`: the words of its key that are about a session."""
    return tuple(word for word in ABOUT_SESSION if word in rule.key)
