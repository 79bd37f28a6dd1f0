"""A summary as a page of text: a table per domain and in total, then how long it took, then what servers said.

Pure. Rule: what a stranger said or wrote is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from maildrill.sender.attempt import State
from maildrill.sender.ledger.records import Pause
from maildrill.sender.summary import STATES, Count, Summary, Violation, summarise
from maildrill.smtp import escape, timestamp
from maildrill.smtp.quantity import format_duration

__all__ = ["Summary", "Violation", "pause_lines", "render_text", "summarise"]

MOST_DOMAINS = 20
MOST_REPLIES = 12
MOST_VIOLATIONS = 5  # of each invariant
_ALWAYS = frozenset({State.DELIVERED, State.FAILED, State.EXPIRED, State.UNKNOWN})


def render_text(summary: Summary) -> str:
    """Return the report for people, lines of text with a line end each."""
    blocks = [[_title(summary)], _domains(summary), _totals(summary)]
    blocks += [_replies(summary), _caution(summary), _violations(summary)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _title(summary: Summary) -> str:
    recipients = _of(summary.total.recipients, "recipient")
    return f'Campaign "{escape(summary.campaign)}": {recipients} through {escape(summary.relay)}, seed {summary.seed}'


def _domains(summary: Summary) -> list[str]:
    shown = [state for state in STATES if state in _ALWAYS or summary.total.states[state]]
    head = ["domain", "recipients", *(state.value for state in shown), "attempts"]
    listed = list(summary.domains.items())[:MOST_DOMAINS]
    rows = [_row(escape(domain), count, shown) for domain, count in listed]
    more = len(summary.domains) - len(listed)
    if more:
        rows.append([f"({more} more)", *[""] * (len(head) - 1)])
    return _table([head, *rows, _row("total", summary.total, shown)], left=1)


def _row(name: str, count: Count, shown: Sequence[State]) -> list[str]:
    numbers = [count.recipients, *(count.states[state] for state in shown), count.attempts]
    return [name, *(f"{number:,}" for number in numbers)]


def _totals(summary: Summary) -> list[str]:
    total = summary.total
    left = total.states[State.PENDING] + total.states[State.DEFERRED]
    aside = ", ".join(f"{count:,} {reason.value}" for reason, count in summary.set_aside.items() if count)
    lines = [
        f"delivered to a total of: {_of(total.states[State.DELIVERED], 'recipient')}",
        f"still to be sent: [{left:,} of {total.recipients:,}]",
        f"attempts: {total.attempts:,}, and {summary.released:,} that were not about the recipient",
        f"connections: {summary.connections:,}",
        f"virtual time: {_time(summary.virtual_seconds)}, real time: {_time(summary.real_seconds)}",
    ]
    return [*lines[:2], *([f"set aside from the list: {aside}"] if aside else []), *lines[2:]]


def _replies(summary: Summary) -> list[str]:
    if not summary.replies:
        return []
    rows = [[f"{row.count:,}", row.stage.value, escape(row.said)] for row in summary.replies[:MOST_REPLIES]]
    lines = _table([["count", "stage", "most frequent replies"], *rows], left=0)
    more = len(summary.replies) - len(rows)
    return [*lines, f"({more:,} more)"] if more > 0 else lines


def _caution(summary: Summary) -> list[str]:
    """Say that the campaign is paused and why, and what came of a canary."""
    lines = []
    if summary.canary is not None:
        states = ", ".join(f"{count:,} {state}" for state, count in summary.canary.items())
        size = _of(sum(summary.canary.values()), "recipient")
        lines.append(f"canary: the first {size} of the list: {states or 'nobody'}")
    if summary.pause is not None:
        lines += pause_lines(summary.pause)
    return lines


def pause_lines(pause: Pause) -> list[str]:
    """Say that a campaign is paused, why, and what an operator can do; escaped."""
    return [
        (
            f"PAUSED since {timestamp(pause.at)}: the same reply after the dot for "
            f"{_of(pause.recipients, 'recipient')} "
            f"in a row: {pause.reply}"
        ),
        "  nobody else is sent to: the content is refused, not a recipient; ask the server's operator why",
        (
            "  `maildrill send --resume` goes on; `maildrill requeue --code "
            f"{pause.reply.code}` has those tried again who were refused; another message is another campaign"
        ),
    ]


def _violations(summary: Summary) -> list[str]:
    """Return a line for each of the first violations of each invariant, and how many more there are."""
    lines: list[str] = []
    for _, group in groupby(summary.violations, key=lambda row: row.invariant):
        rows = list(group)
        lines += map(_violation, rows[:MOST_VIOLATIONS])
        more = len(rows) - MOST_VIOLATIONS
        lines += [f"({more:,} more of {rows[0].invariant})"] if more > 0 else []
    return lines


def _violation(row: Violation) -> str:
    who = f"{escape(row.recipient)}: " if row.recipient else ""
    return f"VIOLATED {row.invariant} {escape(row.name)}: {who}{escape(row.finding)}"


def _table(rows: list[list[str]], *, left: int) -> list[str]:
    """Lay out rows: with left=1 the first column is text, with 0 the first is a number and the others are text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numeric = range(left, len(widths)) if left else range(1)
    return [
        "  ".join(
            cell.rjust(width) if n in numeric else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _of(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _time(seconds: float) -> str:
    return format_duration(round(seconds, 1) if seconds < 60 else round(seconds))
