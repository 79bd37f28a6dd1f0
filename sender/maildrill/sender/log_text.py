"""Events as text for people: `2026-01-05T09:00:00.010Z #12 <-  250 2.1.5 Ok`, swaks' marks in the margin.

Pure. Rule: one event, at most one line; everything that a stranger said is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from maildrill.sender.log_response import reply_of
from maildrill.sender.postfix_lines import attempt_line, reason
from maildrill.smtp import escape, timestamp

_Fields = Mapping[str, object]
_MARGIN = {"->": " ->", "<-": "<- "}


def as_text(at: float, kind: str, fields: _Fields) -> str:
    """Return the line of an event with its line end, or an empty string: people do not need every event."""
    if kind == "line":  # nine lines in ten
        mark = str(fields["mark"])
        text = f"{_MARGIN.get(mark, mark)} {escape(str(fields['text']))}".rstrip()
    else:
        write = _REMARKS.get(kind)
        if write is None:
            return ""
        text = f"=== {write(fields)}"
    return f"{timestamp(at)} #{fields.get('session', 0)} {text}\n"


def line_head(at: float, session: int) -> str:
    """Return how the lines of a dialogue begin that were said in one moment and session."""
    return f"{timestamp(at)} #{session} "


def _started(fields: _Fields) -> str:
    verb = "goes on" if fields["resumed"] else "starts"
    return (
        f'campaign "{_shown(fields, "campaign")}" {verb}: {fields["recipients"]} recipients, '
        f"relay {_shown(fields, 'relay')}, mode {fields['mode']}, seed {fields['seed']}"
    )


def _ended(fields: _Fields) -> str:
    counts = _counts(fields["states"])
    return f"run ended ({_shown(fields, 'reason')}): {counts}; {fields['connections']} connections"


def _counts(states: object) -> str:
    return ", ".join(f"{state} {count}" for state, count in states.items()) if isinstance(states, dict) else ""


def _set_aside(fields: _Fields) -> str:
    detail = f" ({_shown(fields, 'detail')})" if fields.get("detail") else ""
    return f'row {fields["row"]} set aside as {_shown(fields, "reason")}: "{_shown(fields, "value")}"{detail}'


def _untried(fields: _Fields, dsn: str) -> str:
    return (
        f"to=<{_shown(fields, 'recipient')}>, relay=none, dsn={dsn}, "
        f"status={_shown(fields, 'state')} ({_shown(fields, 'reason')})"
    )


def _shown(fields: _Fields, name: str) -> str:
    return escape(str(fields[name]))


#: What was learned, in words.
_LIMITS = {
    "recipients": "{:g} recipients in a transaction",
    "messages": "{:g} messages in a session",
    "idle": "a session may be idle for {:g} seconds",
    "rate": "{:g} messages an hour",
}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _limit(fields: _Fields) -> str:
    words = _LIMITS.get(str(fields["limit"]), _shown(fields, "limit") + ": {:g}")
    return words.format(_number(fields["value"]))


_REMARKS: dict[str, Callable[[_Fields], str]] = {
    "run.started": _started,
    "run.ended": _ended,
    "run.stopping": lambda fields: f"stopping: {_shown(fields, 'reason')}",
    "run.waited": lambda fields: f"nothing is due before {timestamp(_number(fields['until']))}",
    "campaign.paused": lambda fields: (
        f"paused since {timestamp(_number(fields['since']))}: the same reply for {fields['recipients']} recipients "
        f"in a row: {reply_of(fields) or ''}".rstrip()
    ),
    "campaign.resumed": lambda fields: f"goes on after a pause since {timestamp(_number(fields['since']))}",
    "canary.chosen": lambda fields: f"canary: the first {fields['recipients']}, up to <{_shown(fields, 'recipient')}>",
    "canary.ended": lambda fields: (
        f"canary ended: {_counts(fields['states'])}; {'goes on' if fields['goes_on'] else 'stops here'}"
    ),
    "recipient.set_aside": _set_aside,
    "recipient.recovered": lambda fields: (
        f"<{_shown(fields, 'recipient')}> was in flight when an earlier run ended: {fields['state']} "
        f"({_shown(fields, 'reason')})"
    ),
    "recipient.expired": lambda fields: _untried(fields, "4.4.7"),  # RFC 3463 section 3.5: delivery time expired
    "recipient.held": lambda fields: _untried(fields, "4.3.5"),  # section 3.4: system incorrectly configured
    "recipient.settled": lambda fields: (
        f"<{_shown(fields, 'recipient')}> was {_shown(fields, 'before')}, is {_shown(fields, 'state')} by "
        f"`maildrill {_shown(fields, 'by')}`: {_shown(fields, 'reason')}"
    ),
    "recipient.requeued": lambda fields: (
        f"<{_shown(fields, 'recipient')}> was {_shown(fields, 'before')}, is {_shown(fields, 'state')} by "
        f"`maildrill {_shown(fields, 'by')}`"
    ),
    "session.refused": lambda fields: f"no session: {reason(fields)}",
    "session.closed": lambda fields: (
        f"session closed, transactions: {fields['transactions']}, reason: {_shown(fields, 'reason')}"
    ),
    "attempt": attempt_line,
    "breaker.opened": lambda fields: (
        f"{_shown(fields, 'relay')} failed {fields['failures']} times in a row: left alone until "
        f"{timestamp(_number(fields['until']))}"
    ),
    "breaker.closed": lambda fields: f"{_shown(fields, 'relay')} answers again",
    "sessions.allowed": lambda fields: (
        f"{_shown(fields, 'relay')} is sent no more than {fields['sessions']} sessions at once"
    ),
    "destination.tardy": lambda fields: (
        f"{_shown(fields, 'relay')} served nobody for {fields['seconds']}s: while others wait, it waits for a place"
    ),
    "destination.prompt": lambda fields: f"{_shown(fields, 'relay')} serves in seconds again",
    "limit.learned": lambda fields: f"{_shown(fields, 'relay')} taught a limit: {_limit(fields)}",
}
