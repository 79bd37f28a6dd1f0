"""The report for programs: one JSON object, and CSV rows of those who did not get the message. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from maildrill.sender.disposition_table import ROWS
from maildrill.sender.review.facts import Facts, Trouble
from maildrill.sender.review.report import Report, words
from maildrill.smtp import timestamp

HEAD = (
    "address",
    "line",
    "state",
    "tries",
    "last_tried",
    "stage",
    "code",
    "enhanced",
    "words",
    "row",
    "source",
    "override",
    "message_id",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")  # noqa: RUF001 - what spreadsheets take for one


def report_json(report: Report) -> dict[str, object]:
    """Return what `--format json` prints; docs/commands.md has its keys."""
    facts = report.facts
    return {
        "campaign": facts.campaign,
        "made": report.made,
        "program": dict(report.program),
        "delivery": {
            "connections_used": facts.most_at_once,
            "connections_set": report.campaign.limits.connections if report.campaign else None,
            "sessions": facts.sessions,
            "servers": [value for name, value in report.delivery if name == "server"],
            "said": [list(pair) for pair in report.delivery],
        },
        "results": {
            "begun": facts.created,
            "runs": [{"run": run.number, "started": run.started, "ended": run.ended} for run in facts.runs],
            **facts.total.to_json(),
            "left": facts.left,
            "released": facts.released,
            "requeued": facts.requeued,
            "pauses": [{**one.to_json(), "resumed": one.resumed} for one in facts.pauses],
            "set_aside": dict(facts.set_aside),
            "overrides": dict(facts.overrides),
            "domains": {domain: count.to_json() for domain, count in facts.domains.items()},
            "replies": [{"count": one.count, "stage": one.stage.value, "reply": one.said} for one in facts.replies],
        },
        "message": dict(report.message),
        "not_delivered": [_trouble(one) for one in facts.troubles],
    }


def csv_rows(facts: Facts) -> Iterator[list[str]]:
    """Yield the head and a row for each who did not get it; no cell is taken for a formula by a spreadsheet.

    Behind our columns stand those of the list, under their own names: what was not delivered can be a list again.
    """
    listed = tuple(dict.fromkeys(name for one in facts.troubles for name in one.fields))
    yield [_cell(name) for name in (*HEAD, *_told_apart(listed))]
    for one in facts.troubles:
        yield [_cell(value) for value in (*_cells(one), *(one.fields.get(name, "") for name in listed))]


def _told_apart(names: Sequence[str]) -> Iterator[str]:
    """Yield the names of the list's columns, those that ours have with `list_` before them, as often as it takes."""
    taken = {*HEAD, *names}
    for name in names:
        told = name
        while told in HEAD or (told != name and told in taken):
            told = f"list_{told}"
        taken.add(told)
        yield told


def _cell(value: str) -> str:
    """Return the text of a cell; a quote before what a spreadsheet would compute, no control characters."""
    plain = "".join(character if character.isprintable() else " " for character in value)
    return f"'{plain}" if value.lstrip().startswith(_FORMULA) else plain


def _cells(one: Trouble) -> Iterable[str]:
    record = one.recipient
    last = one.attempts[-1] if one.attempts else None
    row = ROWS.get(record.row)
    return (
        record.address,
        str(record.number),
        record.state.value,
        str(record.attempts),
        timestamp(last.ended) if last else "",
        record.stage.value if record.stage else "",
        str(record.reply.code) if record.reply else "",
        str(record.reply.enhanced or "") if record.reply else "",
        words(one),
        record.row,
        row.source if row else "",
        last.override if last else "",
        record.message_id,
    )


def _trouble(one: Trouble) -> dict[str, object]:
    return {
        **dict(zip(HEAD, _cells(one), strict=True)),
        "fields": dict(one.fields),
        "timeline": [
            {"at": attempt.ended, "verdict": attempt.verdict.value, "stage": attempt.stage.value}
            for attempt in one.attempts
        ],
    }
