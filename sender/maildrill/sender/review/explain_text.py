"""The explanation of one recipient, as a page for people and as one object for programs. Pure; escaped."""

from __future__ import annotations

from collections.abc import Sequence

from maildrill.sender.ledger.records import AttemptRecord, RecipientRecord
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_text import as_text
from maildrill.sender.review.explain import Explanation, Step, about
from maildrill.smtp import escape, timestamp
from maildrill.smtp.quantity import format_duration


def render_explanation(found: Explanation, todo: Sequence[str]) -> str:
    """Return the page, lines of text with a line end each. todo: what `advice` says."""
    one = found.recipient
    blocks = [_head(one)]
    blocks += [_step(number, step) for number, step in enumerate(found.steps, 1)]
    blocks.append([*_moved(found), *_aside(found.aside)])
    blocks.append(["what would change it:", *(f"  - {line}" for line in todo)])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def explanation_json(found: Explanation, todo: Sequence[str]) -> dict[str, object]:
    """Return what `--json` prints; docs/commands.md has its keys."""
    one = found.recipient
    return {
        "recipient": one.address,
        "row": one.number,
        "state": one.state.value,
        "reason": one.reason,
        "attempts": one.attempts,
        "queued_at": one.queued_at,
        "due": one.due,
        "first_at": one.first_at,
        "expires_at": one.expires_at,
        "message_id": one.message_id,
        "body_hash": one.body_hash,
        "tries": [_step_json(step) for step in found.steps],
        "requeued": [{"at": move.at, "before": move.before.value, "by": move.by} for move in found.requeues],
        "set_aside": [dict(event.fields) for event in found.aside],
        "advice": list(todo),
    }


def _head(one: RecipientRecord) -> list[str]:
    reason = f" ({escape(one.reason)})" if one.reason else ""
    tries = f"{one.attempts} {'try counts' if one.attempts == 1 else 'tries count'}"
    lines = [
        f"<{escape(one.address)}> is {one.state}{reason}: {tries}",
        f"line {one.number} of the list, queued {timestamp(one.queued_at)}, Message-ID {escape(one.message_id)}",
    ]
    if one.body_hash:
        lines.append(f"hash of the message that left: {escape(one.body_hash)}")
    return lines


def _step(number: int, step: Step) -> list[str]:
    attempt = step.attempt
    where = f"session #{attempt.session}" + (
        "" if attempt.transaction is None else f", transaction {attempt.transaction}"
    )
    counted = "" if attempt.counted else " (does not count)"
    lines = [f"{number}. {timestamp(attempt.ended)}, run {attempt.run}, {where}: {attempt.verdict}{counted}"]
    lines += [f"     {as_text(line.at, line.kind, line.fields).rstrip()}" for line in step.lines]
    lines.append(f"   {_what(attempt)}")
    if step.category is not None:
        lines.append(f"   {step.category.name}: {step.category.about}; {step.category.advice}".rstrip("; "))
    lines.append(f"   row `{escape(attempt.row)}`: {about(step)}")
    if attempt.override:
        lines.append(f"   {_overridden(step)}")
    if attempt.until is not None:
        lines.append(f"   so: {attempt.state}, not before {timestamp(attempt.until)}, {_after(attempt)} later")
    else:
        lines.append(f"   so: {attempt.state}")
    return lines


def _overridden(step: Step) -> str:
    """Say which override of the user's decided, and what would have become of it by the table."""
    where, _, word = step.attempt.override.partition(": ")
    told = step.row.verdict.value if step.row else "not known"
    return f"your override, {escape(where)}, changed this row: {escape(word)} (by the table: {told})"


def _after(attempt: AttemptRecord) -> str:
    return format_duration(round((attempt.until or attempt.ended) - attempt.ended))


def _what(attempt: AttemptRecord) -> str:
    """Say what was heard, and to what it was the answer."""
    if attempt.reply is not None:
        return f"the reply at {attempt.stage}: {attempt.reply}"
    detail = f": {escape(attempt.detail)}" if attempt.detail else ""
    return f"no reply at {attempt.stage}: {attempt.fault or 'nothing was asked'}{detail}"


def _moved(found: Explanation) -> list[str]:
    return [
        f"{timestamp(move.at)}: an operator said `maildrill {escape(move.by)}`; it was {move.before}"
        for move in found.requeues
    ]


def _aside(events: Sequence[LogEvent]) -> list[str]:
    return [aside_text(event) for event in events]


def aside_text(event: LogEvent) -> str:
    """Say of a row of the list why nothing is sent to it."""
    fields = event.fields
    detail = f" ({escape(str(fields['detail']))})" if fields.get("detail") else ""
    return (
        f'line {fields["row"]} of the list, "{escape(str(fields["value"]))}", was set aside: {fields["reason"]}{detail}'
    )


def _step_json(step: Step) -> dict[str, object]:
    attempt = step.attempt
    return {
        "run": attempt.run,
        "session": attempt.session,
        "transaction": attempt.transaction,
        "started": attempt.started,
        "ended": attempt.ended,
        "verdict": attempt.verdict.value,
        "state": attempt.state.value,
        "counted": attempt.counted,
        "stage": attempt.stage.value,
        "code": attempt.reply.code if attempt.reply else None,
        "enhanced": str(attempt.reply.enhanced) if attempt.reply and attempt.reply.enhanced else None,
        "reply": attempt.reply.text if attempt.reply else None,
        "fault": attempt.fault.value if attempt.fault else None,
        "detail": attempt.detail,
        "until": attempt.until,
        "row": attempt.row,
        "why": step.row.why if step.row else about(step),
        "source": step.row.source if step.row else None,
        "override": attempt.override or None,
        "category": step.category.name if step.category else None,
        "lines": [{"at": line.at, "mark": line.fields["mark"], "text": line.fields["text"]} for line in step.lines],
    }
