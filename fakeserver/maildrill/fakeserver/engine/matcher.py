"""One rule at play: is this event its business, has its moment come, and what has it counted so far.

Where and who decide what is counted; when (see conditions) decides what fires. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

from maildrill.fakeserver.engine.answer import Shot
from maildrill.fakeserver.engine.conditions import HOLDS, Moment, conditions
from maildrill.fakeserver.engine.counters import Tally
from maildrill.fakeserver.engine.counting import Counting
from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.engine.keys import about_rcpt
from maildrill.fakeserver.engine.lots import Draws
from maildrill.fakeserver.engine.memory import Sessions, States
from maildrill.fakeserver.engine.near_miss import Miss, Missed
from maildrill.fakeserver.engine.selectors import View, selectors
from maildrill.fakeserver.engine.shots import Shooter, UnsaidError
from maildrill.fakeserver.language.pattern import meant_by
from maildrill.fakeserver.language.script import Rule
from maildrill.smtp import Stage

_ACTED_UPON_ONCE = (Stage.IDLE, Stage.BODY)
_NOBODY = ("",)  # whom an event is about that names nobody
_TICK = 0.001  # seconds that a timer may be early, and still the silence has lasted as long as the rule says


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
        self.missed: Missed | None = None  # what kept the rule from firing at the last event that it was asked about
        self._play = play
        self._tests = tuple((one.holds, Miss(n, one.word), one.seen) for n, one in enumerate(selectors(rule)))
        self._rcpt = meant_by(rule.rcpt) if rule.rcpt else None
        self._domain = meant_by(rule.domain) if rule.domain else None
        self._who = len(self._tests) + bool(rule.rcpt) + bool(rule.domain)
        drawn = rule.lot is not None and not rule.lot.by_session
        self._by_rcpt = bool(rule.rcpt or rule.domain or about_rcpt(rule.key) or drawn)
        self._counting = Counting(rule, play.seed, play.started, play.states, play.sessions)
        said = enumerate(conditions(rule), start=self._who)
        self._conditions = tuple((n, one.word, one.ask) for n, one in said)
        self._shooter = Shooter(rule, play.seed, play.hostname)
        self._touched: Collection[Tally] = ()  # what the last event counted for, until it is settled
        self._acts_once = not rule.stages.isdisjoint(_ACTED_UPON_ONCE)
        self._quota = 0 if rule.over is None else rule.over.count
        self._begun: dict[int, tuple[float, float]] = {}  # by session: the silence, or the message, last acted upon
        self.passes = rule.passes
        #: What the rule says whenever it fires, None where that differs.
        self.only = self._shooter.only
        #: Whether the rule must see events that another rule has answered.
        self.counts = bool(self._conditions or self._shooter.counts)
        remembers = self.counts or len(rule.replies) > 1 or rule.set is not None
        self._forgetful = not remembers

    def ask(self, view: View, winner: Matcher | None) -> Shot | None:
        """Count the event if it is the rule's business; return the shot if it fires: never where there is a winner."""
        for holds, miss, seen in self._tests:
            if not holds(view):
                self.missed = miss if seen is None else Miss(miss.held, miss.word, seen(view))
                return None
        event = view.event
        if self._acts_once and event.stage in _ACTED_UPON_ONCE and not self._acts_now(event):
            return None
        rcpts: Sequence[str] = view.rcpts
        if self._by_rcpt:
            rcpts = self._meant(view)
        elif len(rcpts) != 1:
            rcpts = rcpts[:1] or _NOBODY
        if self.rule.lot is not None:
            rcpts = self._drawn(rcpts, event.session)
        if not rcpts:
            return None
        if self._forgetful:
            return self._fire_plainly(view, rcpts[0])
        if len(rcpts) == 1:
            return self._count_one(view, rcpts[0], winner)
        return self._count(view, rcpts, winner)

    def settle(self, at: float | None) -> None:
        """Note for `over` when the last event went through, as far as it was the rule's business; None: it did not."""
        touched, self._touched = self._touched, ()
        if at is not None:
            for tally in touched:
                tally.passed(at, self._quota)

    def end(self, session: int) -> None:
        """Forget a session that is over."""
        self._begun.pop(session, None)
        self._counting.end(session)

    def carry(self, old: Matcher) -> None:
        """Take over what the same rule has counted in another engine."""
        self.fired, self._begun = old.fired, old._begun
        self._counting.carry(old._counting)

    def _meant(self, view: View) -> Sequence[str]:
        """Return the recipients that `rcpt` and `domain` mean; all where the rule only counts by them."""
        rcpt, domain = self._rcpt, self._domain
        if rcpt is None and domain is None:
            if not view.rcpts:
                self.missed = Miss(len(self._tests), "key", "there is no recipient yet")
            return view.rcpts
        word, found = "domain" if rcpt is None else "rcpt", []
        for n, address in enumerate(view.rcpts):
            if rcpt is not None and not rcpt(address):
                continue
            if domain is not None and not domain(view.domains[n]):
                word = "domain"
                continue
            found.append(address)
        if not found:
            self.missed = Miss(len(self._tests) + (word == "domain" and rcpt is not None), word)
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

    def _count(self, view: View, rcpts: Sequence[str], winner: Matcher | None) -> Shot | None:
        event, counting = view.event, self._counting
        shot: Shot | None = None
        missed: Missed | None = None
        touched: dict[Hashable, Tally] = {}
        for rcpt in rcpts:
            value = counting.value(event, rcpt)
            if value in touched:
                continue
            moment = counting.count(event, value)
            touched[value] = moment.tally
            if shot is not None:
                continue
            miss = self._failing(moment)
            if miss is None and winner is None:
                shot = self._fire(moment, view, rcpt)
                miss = self.missed
            if miss is not None and (missed is None or miss[0] > missed[0]):
                missed = miss
        self._touched = touched.values()
        self.missed = None if shot is not None else missed
        return shot

    def _count_one(self, view: View, rcpt: str, winner: Matcher | None) -> Shot | None:
        """Do as `_count` does for a single recipient, as there nearly always is."""
        event, counting = view.event, self._counting
        moment = counting.count(event, counting.value(event, rcpt))
        self._touched = (moment.tally,)
        self.missed = self._failing(moment)
        return self._fire(moment, view, rcpt) if self.missed is None and winner is None else None

    def _failing(self, moment: Moment) -> Missed | None:
        """Return the first word that does not hold."""
        rule = self.rule
        for n, word, ask in self._conditions:
            seen = ask(rule, moment)
            if seen is not HOLDS:
                return (n, word, seen)
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
        self._counting.set_state(moment)
        return shot
