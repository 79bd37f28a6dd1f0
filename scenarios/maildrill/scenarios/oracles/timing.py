"""Invariants I10, I13, I18 and I19: nothing is late, nothing is early, and no wait is cut short."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import inf

from maildrill.scenarios.oracles.evidence import FLIGHT, Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.retrying import GRAIN, band, is_last_call
from maildrill.sender.attempt import Fault, State, Verdict
from maildrill.sender.log_event import LogEvent
from maildrill.smtp import Stage
from maildrill.smtp.quantity import format_duration

#: A recipient that is due is tried within so many seconds, where nothing else is to be done.
_TICK = 1.0
_HINT = re.compile(r"\b(?:again|back|retry|wait)\b[^.;\d]{0,30}\b(\d{1,5})\s*(s|m|h)", re.IGNORECASE)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def transient_is_retried(evidence: Evidence) -> Iterator[Breach]:
    """I10: set the ledger's times for the next try against the waits in the log; only a breaker is an excuse.

    A time is one by the sender's clock, wherever that was put to: after each time it comes at another moment.
    """
    if evidence.paced:
        return
    straight, parts = evidence.straight, _parts(evidence)
    deferred = State.DEFERRED
    waiting = {one.recipient: None for one in straight.attempts if one.until is not None and one.state is deferred}
    for recipient in waiting:
        attempts = straight.attempts_of[recipient]
        for number, attempt in enumerate(attempts, 1):
            if attempt.until is None or attempt.state is not deferred:
                continue
            tried = attempts[number].started if number < len(attempts) else inf
            if straight.mentions.left_out(recipient, attempt.ended, tried):
                continue
            done = min(tried, straight.mentions.closed_after(recipient, attempt.ended))
            own = sum(setback.run < attempt.run for setback in evidence.setbacks)
            for part in parts[own:]:
                late = part.late(attempt.until - parts[own].moved + part.moved, done)
                if late > _TICK:
                    yield Breach(recipient, f"was due, and the run waited for {format_duration(late)} more")


class _Part:
    """Part of the log in which the clock went on: its waits, and when a host was left alone.

    moved: by how much its moments are (seconds).
    """

    def __init__(self, moved: float, events: Sequence[LogEvent]) -> None:
        self.moved = moved
        self._waits = [(event.at, _until(event)) for event in events if event.kind == "run.waited"]
        downs = [(event.at, _until(event)) for event in events if event.kind == "breaker.opened"]
        self._down_until = list(accumulate((until for _, until in downs), max, initial=0.0))
        self._down_at = [at for at, _ in downs]
        self._begun = [at for at, _ in self._waits]

    def late(self, due: float, done: float) -> float:
        """Return for how many seconds the run waited that somebody was due, and not `done` with; 0 with an excuse."""
        n = bisect_right(self._begun, due) - 1
        ended = self._waits[n][1] if n >= 0 else due
        excused = self._down_until[bisect_right(self._down_at, due)] >= ended - _TICK
        return 0.0 if excused else min(ended, done) - due


def _parts(evidence: Evidence) -> list[_Part]:
    """Return the parts of the log between setbacks of the clock, in order."""
    events = list(evidence.straight.log.only({"run.waited", "breaker.opened"}))
    marks = [0, *(setback.event for setback in evidence.setbacks)]
    moved = accumulate((setback.by for setback in evidence.setbacks), initial=0.0)
    ends = zip(marks, [*marks[1:], inf], moved, strict=True)
    return [_Part(by, [one for one in events if since < one.number <= until]) for since, until, by in ends]


def hint_is_a_lower_bound(evidence: Evidence) -> Iterator[Breach]:
    """I13: what a reply's text says of when to come back never brings the next try forward, in ledger or journal."""
    straight = evidence.straight
    pairs = zip(evidence.with_verdict(Verdict.DEFERRED), straight.with_verdict(Verdict.DEFERRED), strict=True)
    for attempt, moved in pairs:
        by = evidence.override_of(attempt)
        if by is not None and by.after is not None:
            continue  # the user's own word is above the server's (I11 sees that it is obeyed)
        hint = None if attempt.reply is None else _HINT.search(attempt.reply.text)
        if hint is None or attempt.until is None or attempt.state is not State.DEFERRED:
            continue
        asked = float(hint[1]) * _SECONDS[hint[2].lower()]
        least, most = band(evidence.campaign.retry, attempt.number)
        found_at = evidence.found_at(attempt)
        waited = attempt.until - found_at
        # one that is forced at the end of the lifetime is early anyway; one put off for the sake of a hint that is
        # longer than the schedule obeys it, and I11 says that the schedule was to be kept all the same
        early = waited < least - GRAIN and not is_last_call(evidence, attempt)
        if early or most + GRAIN < waited < asked - GRAIN:
            found = f"was told to come back in {format_duration(asked)}, and is to wait {format_duration(waited)}"
            yield Breach(attempt.recipient, found)
        due = moved.ended + (waited if is_last_call(evidence, attempt) else least)
        due = min(due, straight.mentions.requeued_after(attempt.recipient, moved.ended))
        again = straight.asked_for.get(attempt.recipient, ())
        if any(moved.ended + GRAIN < one.at < due - GRAIN for one in again):
            yield Breach(
                attempt.recipient, f"was told to come back in {format_duration(asked)}, and came before its time"
            )


def clock_safety(evidence: Evidence) -> Iterator[Breach]:
    """I18: no try ends before it began, none is due before it ended, no delay and no cool-down is negative."""
    for attempt in evidence.attempts:
        if attempt.ended < attempt.started:
            yield Breach(
                attempt.recipient, f"has a try that ended {attempt.started - attempt.ended:g}s before it began"
            )
        if attempt.until is not None and attempt.until < evidence.found_at(attempt):
            yield Breach(attempt.recipient, "is due before its last try was over")
    for recipient, delay in _delays(evidence):
        if isinstance(delay, float) and delay < 0:
            yield Breach(str(recipient), f"has a delay of {delay:g}s in the log")
    for event in evidence.by_kind.get("breaker.opened", ()):
        if _until(event) < event.at - GRAIN:
            yield Breach("", f"event {event.number} of the log ({event.kind}) is about a time that was over")
    for record in evidence.recipients:
        if record.first_at is not None and record.expires_at is not None and record.expires_at < record.first_at:
            yield Breach(record.address, "has a lifetime that ends before its first try began")


def timeout_honesty(evidence: Evidence) -> Iterator[Breach]:
    """I19: set each timeout that the ledger has against the last line of its session in the log, and the journal."""
    limits = evidence.deadlines
    gone = sorted((one.closed, one.session) for one in evidence.connected if one.session in evidence.severed)
    deadline = {
        Stage.CONNECT: limits.connect,
        Stage.BANNER: limits.banner,
        Stage.EHLO: limits.ehlo,
        Stage.STARTTLS: limits.starttls,
        Stage.AUTH: limits.auth,
        Stage.MAIL: limits.mail,
        Stage.RCPT: limits.rcpt,
        Stage.DATA: limits.data,
        Stage.DOT: limits.dot,
    }
    timeout = Fault.TIMEOUT
    waiting = {attempt.session for attempt in evidence.attempts if attempt.fault is timeout and attempt.run == 1}
    said = evidence.said_in(waiting) if waiting else {}
    for attempt in evidence.attempts:
        # the last chunk of BDAT is waited for as a dot is
        waited_for = Stage.DOT if attempt.fault is timeout and attempt.row.startswith("dot") else attempt.stage
        if attempt.fault is not timeout or waited_for not in deadline or attempt.run != 1:
            continue
        allowed = deadline[waited_for]
        lines = [at for at in said.get(attempt.session, ()) if at < attempt.ended - GRAIN]
        waited = attempt.ended - max(lines, default=attempt.started)
        if abs(waited - allowed) > _TICK:
            found = f"session {attempt.session} waited {format_duration(waited)} at {attempt.stage}"
            yield Breach(attempt.recipient, f"{found}, and {format_duration(allowed)} is the deadline")
        near = gone[bisect_left(gone, (attempt.ended - _TICK, 0)) : bisect_right(gone, (attempt.ended + _TICK, 0))]
        last = [
            (closed, evidence.by_session[session][-1]) for closed, session in near if session in evidence.by_session
        ]
        waits = [closed - asked.at for closed, asked in last if asked.reply is None and asked.stage is attempt.stage]
        if waits and all(abs(seen - allowed) > _TICK + FLIGHT for seen in waits):
            found = f"was given up {format_duration(min(waits))} after the server had read {attempt.stage}"
            yield Breach(attempt.recipient, f"{found}, and {format_duration(allowed)} is the deadline")


def _delays(evidence: Evidence) -> Iterable[tuple[object, object]]:
    """Return whom each try was for, and how long it took, by the log."""
    return evidence.log.pick("attempt", "recipient", "delay", lacking=0.0)


def _until(event: LogEvent) -> float:
    return float(str(event.fields["until"]))


TIMING = (
    Invariant(
        10,
        "transient is retried",
        "Who is deferred is tried again when it is due, as long as the host can be reached.",
        "RFC 5321 section 4.5.4.1",
        transient_is_retried,
        (Witness.LEDGER, Witness.LOG),
    ),
    Invariant(
        13,
        "a hint is a lower bound",
        "What a reply says of when to come back never makes the next try earlier than schedule or hint.",
        "RFC 5321 section 4.2",
        hint_is_a_lower_bound,
        (Witness.LEDGER, Witness.LIST),
    ),
    Invariant(
        18,
        "clock safety",
        "Whatever the clock does, no delay is negative and nothing is due before it is over.",
        "maildrill",
        clock_safety,
        (Witness.LEDGER, Witness.LOG),
    ),
    Invariant(
        19,
        "timeout honesty",
        "No reply is given up before its deadline, and none is waited for longer, however slowly octets drip.",
        "RFC 5321 section 4.5.3.2",
        timeout_honesty,
        (Witness.LEDGER, Witness.LOG),
    ),
)
