"""One rule at play: is this event its business, has its moment come, and what has it counted so far.

Where and who decide what is counted; when decides what fires. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from maildrill.fakeserver.counters import Tally, draw, queue_id
from maildrill.fakeserver.event import Event
from maildrill.fakeserver.pattern import select
from maildrill.fakeserver.script import Rule
from maildrill.fakeserver.script_words import Key
from maildrill.smtp import Reply, Stage, domain_of, timestamp

_TICK = 0.001  # seconds that a timer may be early, and still the silence has lasted as long as the rule says


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an event is about, for one rule: a recipient where there is one, and the named groups of its patterns."""

    rcpt: str = ""
    groups: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """A rule that fires, and the reply that it has for this event (None: the server's own)."""

    rule: Rule
    reply: Reply | None


class Matcher:
    """A rule with its memory. transactions: how many each session has begun, kept by the engine."""

    def __init__(self, rule: Rule, seed: int, started: float, hostname: str, transactions: Mapping[int, int]) -> None:
        self.rule = rule
        self.fired = 0
        self._seed = seed
        self._started = started
        self._hostname = hostname
        self._transactions = transactions
        self._tallies: dict[Hashable, Tally] = {}
        self._touched: dict[Hashable, Tally] = {}  # what the last event counted for
        self._draws: dict[Hashable, int] = {}  # without a key: how often this very event has come
        self._silences: dict[int, float] = {}  # at idle: when the silence began that a session was last counted for
        self._by_rcpt = bool(rule.rcpt or rule.domain or {Key.RCPT, Key.DOMAIN} & set(rule.key))
        self._by_from = bool(rule.reverse_path or {Key.FROM, Key.TRANSACTION} & set(rule.key))
        #: Whether the rule must see events that another rule has answered.
        self.counts = bool(
            rule.attempt
            or rule.times
            or rule.age
            or rule.over
            or rule.chance is not None
            or len(rule.replies) > 1
            or {name for reply in rule.replies for name in reply.fields} & {"n", "id"}
        )

    def ask(self, event: Event, *, decided: bool) -> Shot | None:
        """Count the event if it is the rule's business; return the shot if it fires (never once `decided`)."""
        self._touched = {}
        shot: Shot | None = None
        for subject in self._subjects(event):
            key = tuple(self._keyed(word, event, subject.rcpt) for word in self.rule.key)
            if key in self._touched:
                continue
            tally = self._count(key, event.at)
            if shot is None and self._holds(event, key, tally) and not decided:
                shot = Shot(self.rule, self._reply(event, subject, key, tally))
                tally.fired += 1
                self.fired += 1
        return shot

    def settle(self, event: Event, *, went_through: bool) -> None:
        """Note for `over` that the last event, as far as it was the rule's business, went through or not."""
        if went_through:
            for tally in self._touched.values():
                tally.passed.append(event.at)

    def _keyed(self, word: Key, event: Event, rcpt: str) -> Hashable:
        if word is Key.TRANSACTION:
            return (event.session, self._transactions.get(event.session, 0))
        return _KEYED[word](event, rcpt)

    def _count(self, key: Hashable, at: float) -> Tally:
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(at)
        tally.seen += 1
        self._touched[key] = tally
        return tally

    def _subjects(self, event: Event) -> Sequence[Subject]:
        rule = self.rule
        if event.stage is Stage.IDLE and not self._new_silence(event):
            return ()
        if self._by_from and event.reverse_path is None:
            return ()
        groups: dict[str, str] | None = None
        if rule.reverse_path:
            groups = select(rule.reverse_path, event.reverse_path or "")
            if groups is None:
                return ()
        rcpts = event.recipients if event.rcpt is None else (event.rcpt,)
        if not self._by_rcpt:
            return (Subject(rcpts[0] if rcpts else "", groups),)
        subjects = (self._subject(rcpt, groups) for rcpt in rcpts)
        return [subject for subject in subjects if subject is not None]

    def _subject(self, rcpt: str, groups: dict[str, str] | None) -> Subject | None:
        by_rcpt = select(self.rule.rcpt, rcpt)
        by_domain = None if by_rcpt is None else select(self.rule.domain, domain_of(rcpt))
        if by_rcpt is None or by_domain is None:
            return None
        return Subject(rcpt, {**(groups or {}), **by_rcpt, **by_domain})

    def _new_silence(self, event: Event) -> bool:
        """Whether this silence has lasted as long as the rule says, and has not been counted yet."""
        age = self.rule.age
        if age is None or event.idle + _TICK < age.least or event.idle > age.most:
            return False
        began = event.at - event.idle
        known = self._silences.get(event.session)
        self._silences[event.session] = began
        return known is None or abs(began - known) > _TICK

    def _holds(self, event: Event, key: Hashable, tally: Tally) -> bool:
        rule = self.rule
        chance = rule.chance is None or self._drawn(event, key, tally.seen) < rule.chance
        return (
            chance
            and (not rule.attempt or any(tally.seen in span for span in rule.attempt))
            and (rule.times is None or tally.fired < rule.times)
            and (rule.age is None or event.stage is Stage.IDLE or tally.age(event.at) in rule.age)
            and (rule.over is None or tally.passed_within(rule.over.seconds, event.at) >= rule.over.count)
            and (not rule.during or any(event.at - self._started in part for part in rule.during))
        )

    def _drawn(self, event: Event, key: Hashable, number: int) -> float:
        if not self.rule.key:
            # The event itself is the key, so that neither the order nor what others do changes its lot.
            key = (event.stage.value, _identity(event))
            number = self._draws[key] = self._draws.get(key, 0) + 1
        return draw(self._seed, self.rule.name, key, number)

    def _reply(self, event: Event, subject: Subject, key: Hashable, tally: Tally) -> Reply | None:
        replies = self.rule.replies
        if not replies:
            return None
        template = replies[min(tally.fired, len(replies) - 1)]
        return template.render(self._values(event, subject, key, tally.seen) if template.fields else {})

    def _values(self, event: Event, subject: Subject, key: Hashable, number: int) -> Mapping[str, str]:
        return {
            **(subject.groups or {}),
            "rcpt": subject.rcpt,
            "from": event.reverse_path or "",
            "domain": domain_of(subject.rcpt),
            "helo": _helo(event),
            "client": event.client,
            "hostname": self._hostname,
            "n": str(number),
            "id": queue_id(self._seed, self.rule.name, event.session, key, number),
            "now": timestamp(event.at),
        }


def _helo(event: Event) -> str:
    return event.argument if event.stage in (Stage.EHLO, Stage.HELO) else event.helo


def _message(event: Event) -> Hashable:
    return (event.message_id, *_envelope(event))


def _envelope(event: Event) -> tuple[Hashable, ...]:
    return ((event.reverse_path or "").casefold(), *sorted(rcpt.casefold() for rcpt in event.recipients))


def _identity(event: Event) -> Hashable:
    if event.stage is Stage.RCPT:
        return (event.rcpt or event.argument).casefold()
    if event.stage is Stage.DOT:
        return _message(event)
    return event.client if event.reverse_path is None else _envelope(event)


_KEYED: dict[Key, Callable[[Event, str], Hashable]] = {
    Key.RCPT: lambda _, rcpt: rcpt.casefold(),
    Key.DOMAIN: lambda _, rcpt: domain_of(rcpt),
    Key.FROM: lambda event, _: (event.reverse_path or "").casefold(),
    Key.CLIENT: lambda event, _: event.client,
    Key.CONNECTION: lambda event, _: event.session,
    Key.HELO: lambda event, _: _helo(event).casefold(),
    Key.MESSAGE: lambda event, _: _message(event),
}
