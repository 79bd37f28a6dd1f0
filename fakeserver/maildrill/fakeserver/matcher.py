"""One rule at play: is this event its business, has its moment come, and what has it counted so far.

Where and who decide what is counted; when (see conditions) decides what fires. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from maildrill.fakeserver.conditions import Moment, conditions
from maildrill.fakeserver.counters import Tally, draw, queue_id
from maildrill.fakeserver.event import Event
from maildrill.fakeserver.keys import KEYED, about_rcpt, about_transaction, helo_of, identity, recipients_of
from maildrill.fakeserver.lots import Draws
from maildrill.fakeserver.pattern import select
from maildrill.fakeserver.script import Rule
from maildrill.smtp import Reply, Stage, domain_of, timestamp

_TICK = 0.001  # seconds that a timer may be early, and still the silence has lasted as long as the rule says


@dataclass(frozen=True, slots=True)
class Play:
    """What the rules of one engine share. transactions: how many each session has begun, kept by the engine."""

    seed: int
    started: float
    hostname: str
    transactions: Mapping[int, int]
    draws: Draws


@dataclass(frozen=True, slots=True)
class Shot:
    """A rule that fires, and the reply that it has for this event (None: the server's own)."""

    rule: Rule
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class _Subject:
    """Whom an event is about, for one rule: a recipient where there is one, and the patterns' named groups."""

    rcpt: str
    groups: Mapping[str, str]


class Matcher:
    """A rule with its memory."""

    def __init__(self, rule: Rule, play: Play) -> None:
        self.rule = rule
        self.fired = 0
        self.missed = ""  # the word that kept the rule from firing at the last event that it was asked about
        self._play = play
        self._conditions = conditions(rule)
        drawn = rule.lot is not None and not rule.lot.by_session
        self._by_rcpt = bool(rule.rcpt or rule.domain or about_rcpt(rule.key) or drawn)
        self._by_transaction = bool(rule.reverse_path or about_transaction(rule.key))
        self._tallies: dict[Hashable, Tally] = {}
        self._touched: dict[Hashable, Tally] = {}  # what the last event counted for
        self._lots: dict[Hashable, int] = {}  # without a key: how often this very event has come
        self._silences: dict[int, float] = {}  # at idle: when the silence began that a session was last counted for
        fields = {name for reply in rule.replies for name in reply.fields}
        #: Whether the rule must see events that another rule has answered.
        self.counts = bool(self._conditions or fields & {"n", "id"})

    def ask(self, event: Event, *, decided: bool) -> Shot | None:
        """Count the event if it is the rule's business; return the shot if it fires (never once `decided`)."""
        self._touched = {}
        shot: Shot | None = None
        for subject in self._subjects(event):
            key = tuple(KEYED[word](event, subject.rcpt, self._play.transactions) for word in self.rule.key)
            if key in self._touched:
                continue
            tally = self._count(key, event.at)
            self.missed = self._failing(event, key, tally)
            if not (self.missed or decided or shot):
                shot = Shot(self.rule, self._reply(event, subject, key, tally))
                tally.fired += 1
                self.fired += 1
        return shot

    def carry(self, before: Matcher) -> None:
        """Go on with what another matcher of the same rule has counted."""
        self.fired, self._tallies = before.fired, before._tallies
        self._lots, self._silences = before._lots, before._silences

    def settle(self, event: Event, *, went_through: bool) -> None:
        """Note for `over` that the last event, as far as it was the rule's business, went through or not."""
        if went_through:
            for tally in self._touched.values():
                tally.passed.append(event.at)

    def _count(self, key: Hashable, at: float) -> Tally:
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(at)
        tally.seen += 1
        self._touched[key] = tally
        return tally

    def _failing(self, event: Event, key: Hashable, tally: Tally) -> str:
        """Return the first word that does not hold, or an empty string."""
        if not self._conditions:
            return ""
        lot = 0.0 if self.rule.chance is None else self._lot(event, key, tally.seen)
        moment = Moment(event.at, event.at - self._play.started, tally, lot, event.stage is Stage.IDLE)
        return next((word for word, holds in self._conditions if not holds(self.rule, moment)), "")

    def _lot(self, event: Event, key: Hashable, number: int) -> float:
        if not self.rule.key:
            # The event itself is the key, so that neither the order nor what others do changes its lot.
            key = identity(event)
            number = self._lots[key] = self._lots.get(key, 0) + 1
        return draw(self._play.seed, self.rule.name, key, number)

    def _subjects(self, event: Event) -> Sequence[_Subject]:
        rule = self.rule
        if event.stage is Stage.IDLE and not self._new_silence(event):
            return ()
        known = event.reverse_path is not None
        groups = select(rule.reverse_path, event.reverse_path or "") if known or not self._by_transaction else None
        if groups is None:
            self.missed = "from" if rule.reverse_path else "key"
            return ()
        rcpts = recipients_of(event)
        if not self._by_rcpt:
            first = rcpts[0] if rcpts else ""
            return (_Subject(first, groups),) if self._drawn(event, first) else ()
        self.missed = "rcpt" if rule.rcpt else "domain" if rule.domain else "key"
        subjects = (self._subject(rcpt, groups) for rcpt in rcpts)
        return [subject for subject in subjects if subject is not None and self._drawn(event, subject.rcpt)]

    def _drawn(self, event: Event, rcpt: str) -> bool:
        """Whether this recipient, or the session, has drawn what the rule needs."""
        lot = self.rule.lot
        if lot is None or self._play.draws.holds(lot, event.session, rcpt):
            return True
        self.missed = "lot"
        return False

    def _subject(self, rcpt: str, groups: Mapping[str, str]) -> _Subject | None:
        by_rcpt = select(self.rule.rcpt, rcpt)
        if by_rcpt is None:
            return None
        by_domain = select(self.rule.domain, domain_of(rcpt))
        if by_domain is None:
            self.missed = "domain"
            return None
        return _Subject(rcpt, {**groups, **by_rcpt, **by_domain})

    def _new_silence(self, event: Event) -> bool:
        """Whether this silence has lasted as long as the rule says, and has not been counted yet."""
        age = self.rule.age
        if age is None or event.idle + _TICK < age.least or event.idle > age.most:
            return False
        began = event.at - event.idle
        known = self._silences.get(event.session)
        self._silences[event.session] = began
        return known is None or abs(began - known) > _TICK

    def _reply(self, event: Event, subject: _Subject, key: Hashable, tally: Tally) -> Reply | None:
        replies = self.rule.replies
        if not replies:
            return None
        template = replies[min(tally.fired, len(replies) - 1)]
        return template.render(self._values(event, subject, key, tally.seen) if template.fields else {})

    def _values(self, event: Event, subject: _Subject, key: Hashable, number: int) -> Mapping[str, str]:
        return {
            **subject.groups,
            "rcpt": subject.rcpt,
            "from": event.reverse_path or "",
            "domain": domain_of(subject.rcpt),
            "helo": helo_of(event),
            "client": event.client,
            "hostname": self._play.hostname,
            "n": str(number),
            "id": queue_id(self._play.seed, self.rule.name, event.session, key, number),
            "now": timestamp(event.at),
        }
