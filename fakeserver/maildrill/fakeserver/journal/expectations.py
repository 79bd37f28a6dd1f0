"""Hold expectations against a journal: which do not hold, for whom, and what there was instead.

Rule 1: a journal is only read, and nothing is waited for: what is not met now may be met later.
Rule 2: silence is a finding: an expectation of somebody who was never named is not met. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from maildrill.fakeserver.journal.happenings import Happening, Happenings, Witness, happenings
from maildrill.fakeserver.journal.record import Message, SessionRecord
from maildrill.fakeserver.journal.retention import key_of
from maildrill.fakeserver.language.expectation import EACH, WHO, Expectation
from maildrill.fakeserver.language.pattern import Pattern, select
from maildrill.smtp import domain_of, escape, timestamp
from maildrill.smtp.quantity import format_duration

_SHOWN = 6  # lines of evidence
_TOLD = 10  # recipients of one expectation


@dataclass(frozen=True, slots=True)
class Unmet:
    """An expectation that does not hold.

    what: one line that says where it stands, what was expected, for whom, and what there was. evidence: lines of the
    journal. rcpt: for whom it does not hold, "" where it is not about anybody in particular.
    """

    expectation: Expectation
    what: str
    evidence: tuple[str, ...] = ()
    rcpt: str = ""

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"  {line}" for line in self.evidence)])


def unmet(expectations: Iterable[Expectation], journal: Witness) -> tuple[Unmet, ...]:
    """Return what of these expectations does not hold, in order; empty when all is as expected."""
    seen = _Seen(journal)
    return tuple(finding for one in expectations for finding in _findings(one, seen))


class _Seen:
    """A journal that is asked more than once."""

    def __init__(self, journal: Witness) -> None:
        self.happenings: Happenings = happenings(journal)
        self.messages = journal.messages
        self.sessions = journal.sessions
        self.addresses = [record.address for record in journal.ledger]
        self.counts = {key_of(record.address): (record.committed, record.acknowledged) for record in journal.ledger}
        self.clients = {record.number: record.client for record in self.sessions}

    def recipients(self, one: Expectation) -> list[str]:
        """Return whom it is about: those it names, be it by pattern or by address; else whom what is meant was for."""
        if not (one.rcpt or one.domain):
            return [address for address in self.addresses if not _narrowed(one) or self._met(one, address)]
        found = [address for address in self.addresses if _about(one, (address,))]
        plain = [pattern for pattern in one.rcpt if _plain(pattern) and _about(one, (pattern.text,))]
        return found + [one.text for one in plain if not any(one.find(address) is not None for address in found)]

    def _met(self, one: Expectation, rcpt: str) -> bool:
        """Whether somebody was named, or got a message, as it is meant."""
        if not one.subject:
            return bool(self.attempts(one, rcpt))
        return any(key_of(rcpt) in map(key_of, message.recipients) for message in self.meant(one))

    def attempts(self, one: Expectation, rcpt: str) -> list[Happening]:
        """Return the RCPT commands that named somebody, as far as they are meant."""
        return [
            happening
            for happening in self.happenings.at_rcpt(rcpt)
            if _fits(one.client, happening.client) and _from(one, happening.reverse_path)
        ]

    def meant(self, one: Expectation) -> list[Message]:
        """Return the messages that are meant, for whomever."""
        return [
            message
            for message in self.messages
            if _fits(one.client, self.clients.get(message.session, ""))
            and _from(one, message.reverse_path)
            and (not one.subject or _fits(one.subject, message.subject))
        ]

    def unread(self, one: Expectation) -> tuple[str, ...]:
        """Return what to say where a subject is asked for that nobody can read any more."""
        count = sum(not message.kept for message in self.messages) if one.subject else 0
        return (f"(of {count} messages the octets were not kept: they have no subject)",) if count else ()


def _findings(one: Expectation, seen: _Seen) -> Iterator[Unmet]:
    if one.said(EACH):
        yield from _for_each(one, seen)
    if one.messages is not None:
        messages = [message for message in seen.meant(one) if _about(one, message.recipients)]
        if len(messages) not in one.messages:
            yield _counted(one, "messages", len(messages), (*map(str, messages), *seen.unread(one)))
    if one.recipients is not None:
        named = [rcpt for rcpt in seen.recipients(one) if seen.attempts(one, rcpt)]
        if len(named) not in one.recipients:
            yield _counted(one, "recipients", len(named), [f"<{escape(rcpt)}>" for rcpt in named])
    if one.sessions is not None or one.open is not None:
        yield from _of_sessions(one, seen)
    if one.count is not None or one.rate is not None:
        yield from _of_events(one, seen)


def _for_each(one: Expectation, seen: _Seen) -> Iterator[Unmet]:
    """Hold what is said of each recipient against each of them."""
    recipients = seen.recipients(one)
    if not recipients:
        if not one.said(("gap", "age")) and all(0 in getattr(one, word) for word in one.said(EACH)):
            return
        wanted = ", ".join(_said(one, word) for word in one.said(EACH))
        yield Unmet(one, f"{one.where}: expected {wanted}, and nobody was named who fits", _who(one))
        return
    findings = [finding for rcpt in recipients for finding in _for_one(one, rcpt, seen)]
    yield from findings[:_TOLD]
    if len(findings) > _TOLD:
        more = len(findings) - _TOLD
        yield Unmet(one, f"{one.where}: and {more} more like these")


def _for_one(one: Expectation, rcpt: str, seen: _Seen) -> Iterator[Unmet]:
    attempts = seen.attempts(one, rcpt)
    committed, acknowledged = _messages_for(one, rcpt, seen)
    evidence = [str(happening.entry) for happening in attempts]
    for word, number in (("committed", committed), ("acknowledged", acknowledged), ("attempts", len(attempts))):
        wanted = getattr(one, word)
        if wanted is not None and number not in wanted:
            ends = [str(message) for message in seen.meant(one) if rcpt in message.recipients]
            lines = evidence if word == "attempts" else evidence + ends
            yield Unmet(one, _line(one, word, rcpt, f"there were {number}"), (*_cut(lines), *seen.unread(one)), rcpt)
    began = [happening.entry.began for happening in attempts]
    if one.gap is not None:
        for (first, second), pair in zip(pairwise(began), pairwise(evidence), strict=True):
            if second - first not in one.gap:
                yield Unmet(one, _line(one, "gap", rcpt, f"one was {format_duration(second - first)}"), pair, rcpt)
    if one.age is not None:
        for at, line in zip(began, evidence, strict=True):
            if at - began[0] not in one.age:
                saw = f"one came {format_duration(at - began[0])} after the first"
                yield Unmet(one, _line(one, "age", rcpt, saw), (evidence[0], line), rcpt)


def _messages_for(one: Expectation, rcpt: str, seen: _Seen) -> tuple[int, int]:
    """Return how many messages for somebody were taken and told of; the journal's count where all are meant."""
    if not _narrowed(one):
        return seen.counts.get(key_of(rcpt), (0, 0))
    key, messages = key_of(rcpt), seen.meant(one)
    return (
        sum(key in map(key_of, message.committed_for) for message in messages),
        sum(key in map(key_of, message.acknowledged_for) for message in messages),
    )


def _of_sessions(one: Expectation, seen: _Seen) -> Iterator[Unmet]:
    sessions = [record for record in seen.sessions if _fits(one.client, record.client)]
    if one.rcpt or one.domain or one.reverse_path or one.subject:
        busy = {happening.entry.session for happening in seen.happenings.all if _meant(one, happening)}
        sessions = [record for record in sessions if record.number in busy]
    lines = [_session_line(record) for record in sessions]
    if one.sessions is not None and len(sessions) not in one.sessions:
        yield _counted(one, "sessions", len(sessions), lines)
    if one.open is not None:
        most = _most_open(sessions)
        if most not in one.open:
            yield Unmet(one, f"{one.where}: expected {_said(one, 'open')}, and at most {most} were open", _cut(lines))


def _most_open(sessions: Sequence[SessionRecord]) -> int:
    """Return how many were open at the same time at most; who goes makes room for who comes at the same instant."""
    steps = [(record.opened, 1) for record in sessions]
    steps += [(record.closed_at, -1) for record in sessions if record.closed_at is not None]
    most = now = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most


def _of_events(one: Expectation, seen: _Seen) -> Iterator[Unmet]:
    events = [happening.entry for happening in seen.happenings.all if _meant(one, happening)]
    lines = list(map(str, events))
    if one.count is not None and len(events) not in one.count:
        which = ", ".join(_said(one, word) for word in one.said(("at", "reply", "rule")))
        what = f"{one.where}: expected {_said(one, 'count')} of {which}, and there were {len(events)}"
        yield Unmet(one, what, (*_cut(lines), *seen.unread(one)))
    if one.rate is not None:
        times = sorted(entry.began for entry in events)
        most = one.rate.count
        for first, last in zip(times, times[most:], strict=False):
            if last - first < one.rate.seconds:
                what = f"{most + 1} came within {format_duration(last - first)}, from {timestamp(first)} on"
                yield Unmet(one, f"{one.where}: expected {_said(one, 'rate')}, and {what}")
                return


def _meant(one: Expectation, happening: Happening) -> bool:
    """Whether an event is one of those that are meant."""
    entry = happening.entry
    if one.subject and (entry.message is None or not _fits(one.subject, entry.message.subject)):
        return False
    return (
        (not one.at or entry.stage in one.at)
        and _fits(one.client, happening.client)
        and _from(one, happening.reverse_path)
        and _about(one, happening.recipients)
        and (not one.rule or _fits(one.rule, entry.rule))
        and (not one.reply or (entry.reply is not None and _fits(one.reply, f"{entry.reply.code} {entry.reply.text}")))
    )


def _about(one: Expectation, rcpts: Sequence[str]) -> bool:
    """Whether any of these recipients is meant; nobody is, where somebody is asked for and nobody is known."""
    if not (one.rcpt or one.domain):
        return True
    return any(_fits(one.rcpt, rcpt) and _fits(one.domain, domain_of(rcpt)) for rcpt in rcpts)


def _from(one: Expectation, reverse_path: str | None) -> bool:
    return not one.reverse_path or (reverse_path is not None and _fits(one.reverse_path, reverse_path))


def _fits(patterns: Sequence[Pattern], value: str) -> bool:
    return select(patterns, value) is not None


def _narrowed(one: Expectation) -> bool:
    """Whether not all messages and attempts are meant, whomever they are for."""
    return bool(one.client or one.reverse_path or one.subject)


def _plain(pattern: Pattern) -> bool:
    return not pattern.text.startswith(("!", "~")) and not set(pattern.text) & set("*?")


def _said(one: Expectation, word: str) -> str:
    """Return a word as the script has it: `attempts = "2-3"`."""
    return f"{'from' if word == 'reverse_path' else word} = {one.written()[word]}"


def _who(one: Expectation) -> tuple[str, ...]:
    who = [_said(one, word) for word in one.said(WHO)]
    return (f"who fits: {', '.join(who) or 'anybody'}",)


def _line(one: Expectation, word: str, rcpt: str, saw: str) -> str:
    return f"{one.where}: expected {_said(one, word)} for <{escape(rcpt)}>, and {saw}"


def _counted(one: Expectation, word: str, number: int, lines: Sequence[str]) -> Unmet:
    return Unmet(one, f"{one.where}: expected {_said(one, word)}, and there were {number}", _cut(lines))


def _cut(lines: Sequence[str]) -> tuple[str, ...]:
    left_out = len(lines) - _SHOWN
    return (*lines[:_SHOWN], f"(and {left_out} more)") if left_out > 0 else tuple(lines)


def _session_line(record: SessionRecord) -> str:
    until = "open" if record.closed_at is None else timestamp(record.closed_at)
    return f"session={record.number} client={record.client} from {timestamp(record.opened)} until {until}"
