"""Where a campaign stands, as a page for people and as one object for programs.

Pure. Rule: what a stranger said or wrote is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from maildrill.sender.attempt import State
from maildrill.sender.pacing.lessons import Kind, Lesson
from maildrill.sender.report import pause_lines
from maildrill.sender.review.status import Doubt, Status, why
from maildrill.sender.review.table import of, table
from maildrill.smtp import escape, timestamp
from maildrill.smtp.quantity import format_duration

MOST_DOMAINS = 20
_ALWAYS = (State.DELIVERED, State.FAILED, State.EXPIRED, State.UNKNOWN)
_NOW_AND_THEN = (State.DEFERRED, State.HELD, State.SUPPRESSED, State.INFLIGHT, State.PENDING)


def render_status(status: Status, *, width: int = 0) -> str:
    """Return the page, lines of text with a line end each; width: of the terminal, 0 for none."""
    blocks = [
        _head(status),
        _paused(status),
        _counts(status, width),
        _ahead(status),
        _hosts(status),
        _held(status),
        _doubts(status),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def status_json(status: Status) -> dict[str, object]:
    """Return what `--json` prints; docs/commands.md has its keys."""
    return {
        "campaign": status.campaign,
        "at": status.now,
        "begun": status.created,
        "sending": status.sending,
        "runs": [
            {"run": run.number, "started": run.started, "ended": run.ended, "alive": run.number in status.running}
            for run in status.runs
        ],
        "recipients": status.recipients,
        "left": status.left,
        **_words(status.states),
        "attempts": status.attempts,
        "due_now": status.due_now,
        "next_due": status.next_due,
        "untried": status.untried,
        "over_by": status.over_by,
        "domains": {domain: _words(counts) for domain, counts in status.domains.items()},
        "held_because": dict(status.held),
        "learned": [
            {
                "destination": one.destination,
                "limit": one.kind.value,
                "value": one.value,
                "at": one.at,
                "reply": one.reply.text if one.reply else None,
            }
            for one in status.lessons
        ],
        "paused": status.pause.to_json() if status.pause else None,
        "left_alone": [{"relay": one.relay, "failures": one.failures, "until": one.until} for one in status.rests],
        "unknown_recipients": [_doubt_json(doubt) for doubt in status.doubts],
    }


def _words(states: Mapping[State, int]) -> dict[str, int]:
    return {state.value: states.get(state, 0) for state in State}


def _doubt_json(doubt: Doubt) -> dict[str, object]:
    one, attempt = doubt.recipient, doubt.attempt
    return {
        "recipient": one.address,
        "message_id": one.message_id,
        "body_hash": one.body_hash,
        "evidence": evidence(doubt),
        **({"run": attempt.run, "session": attempt.session, "at": attempt.ended} if attempt else {}),
    }


def _head(status: Status) -> list[str]:
    lines = [f'Campaign "{escape(status.campaign)}", begun {timestamp(status.created)}: {_doing(status)}']
    return [*lines, f"still to be sent: [{status.left:,} of {status.recipients:,}]"]


def _paused(status: Status) -> list[str]:
    return pause_lines(status.pause) if status.pause else []


def _doing(status: Status) -> str:
    if status.sending:
        alive = [run for run in status.runs if run.number in status.running]
        return ", ".join(["sending now", *(f"run {run.number} since {timestamp(run.started)}" for run in alive)])
    if not status.runs:
        return "not sent yet"
    last = status.runs[-1]
    if last.ended is None:
        return f"nobody is sending; run {last.number} of {timestamp(last.started)} was cut off"
    what = "over" if not status.left else "nobody is sending"
    return f"{what}, run {last.number} ended {timestamp(last.ended)}"


def _counts(status: Status, width: int) -> list[str]:
    shown = [*_ALWAYS, *(state for state in _NOW_AND_THEN if status.states[state])]
    head = ["domain", "recipients", *(state.value for state in shown)]
    rows = [_row(escape(domain), counts, shown) for domain, counts in islice(status.domains.items(), MOST_DOMAINS)]
    more = len(status.domains) - len(rows)
    if more:
        rows.append([f"({more:,} more)", *[""] * (len(head) - 1)])
    return table([head, *rows, _row("total", status.states, shown)], width=width)


def _row(name: str, counts: Mapping[State, int], shown: list[State]) -> list[str]:
    return [name, f"{sum(counts.values()):,}", *(f"{counts.get(state, 0):,}" for state in shown)]


def _ahead(status: Status) -> list[str]:
    """Say what is due, and when it will be over."""
    lines = []
    if status.due_now:
        lines.append(f"due now: {of(status.due_now, 'recipient')}")
    elif status.next_due is not None:
        lines.append(f"next due: {_moment(status.next_due, status.now)}")
    waiting = status.states[State.PENDING] + status.states[State.DEFERRED]
    if status.over_by is not None:
        untried = f", if the {of(status.untried, 'recipient')} not tried yet {_have(status.untried)} a turn now"
        lines.append(f"over at the latest: {_moment(status.over_by, status.now)}{untried if status.untried else ''}")
    elif waiting:
        lines.append(f"over at the latest: a lifetime after the first try of {of(status.untried, 'recipient')}")
    in_flight = status.states[State.INFLIGHT]
    if in_flight and not status.sending:
        lines.append(
            f"in flight when the sender died: {of(in_flight, 'recipient')}; "
            "the next `maildrill send` says what becomes of them"
        )
    return lines


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _moment(at: float, now: float) -> str:
    return f"{timestamp(at)}, {format_duration(round(abs(at - now)))} {'from now' if at >= now else 'ago'}"


def _hosts(status: Status) -> list[str]:
    rest = [
        f"left alone: {escape(one.relay)} until {_moment(one.until, status.now)} (failures in a row: {one.failures})"
        for one in status.rests
    ]
    return [*rest, *map(_lesson, status.lessons)]


_LESSONS = {
    Kind.RECIPIENTS: "recipients in a transaction",
    Kind.MESSAGES: "messages in a session",
    Kind.IDLE: "seconds that a session may be silent",
    Kind.RATE: "messages in an hour",
}


def _lesson(one: Lesson) -> str:
    taught = f": {one.reply}" if one.reply else ""
    return f"learned limit: {escape(one.destination)}: {one.value:g} {_LESSONS[one.kind]}{taught}"


def _held(status: Status) -> list[str]:
    lines = [f"held: {of(count, 'recipient')}: {escape(reason)}" for reason, count in status.held.items()]
    return [*lines, "  put it right and run `maildrill send` again: it tries them then"] if lines else []


def _doubts(status: Status) -> list[str]:
    lines = [f"unknown: <{escape(doubt.recipient.address)}> {evidence(doubt)}" for doubt in status.doubts]
    more = status.states[State.UNKNOWN] - len(lines)
    if more > 0:
        lines.append(f"unknown: {more:,} more")
    return [*lines, "  `maildrill explain ADDRESS` shows the dialogue"] if lines else []


def evidence(doubt: Doubt) -> str:
    """Say in one line why nobody can know; escaped."""
    attempt = doubt.attempt
    if attempt is None:
        return escape(why(doubt.recipient))
    what = escape(attempt.detail) or (str(attempt.reply) if attempt.reply else str(attempt.fault or ""))
    return f"{what} at {attempt.stage}, {timestamp(attempt.ended)}, run {attempt.run}, session #{attempt.session}"
