"""The report as one self-contained HTML page: no scripts, nothing loaded, light and dark, readable by machines.

Pure. Rule: every text goes through `_text`, which escapes what steers a terminal or a browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape as html_escape

from maildrill.sender.attempt import State
from maildrill.sender.review.facts import Facts, Trouble
from maildrill.sender.review.report import Pair, Report, words
from maildrill.sender.review.timeline import bars_svg, shares_svg, strip_svg
from maildrill.sender.summary import STATES
from maildrill.smtp import escape, timestamp

MOST_TROUBLES = 500
MOST_DOMAINS = 200
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --line: #d0d0d8; --soft: #f3f3f7;
  --delivered: #1a7f37; --deferred: #9a6700; --released: #6e7781; --failed: #cf222e; --expired: #a40e26;
  --unknown: #8250df; --held: #0969da; --pending: #8c959f; --suppressed: #57606a }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6ea; --paper: #16161a; --line: #3a3a44; --soft: #222228;
  --delivered: #3fb950; --deferred: #d29922; --released: #8b949e; --failed: #ff7b72; --expired: #ffa198;
  --unknown: #bc8cff; --held: #58a6ff; --pending: #6e7681; --suppressed: #8b949e } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
caption { text-align: left; font-weight: 600; padding: .25rem 0 }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal }
thead th { background: var(--soft) } .scroll { overflow-x: auto } svg { max-width: 100%; height: auto }
svg text { fill: var(--ink); font: 11px system-ui, sans-serif } .key { list-style: none; padding: 0 }
.paused { border-left: .4rem solid var(--failed); padding-left: 1rem }
.key li { display: inline-block; margin-right: 1rem } .key svg { vertical-align: middle }
@media print { body { margin: 0; max-width: none } }
"""


def render_html(report: Report) -> str:
    """Return the page."""
    facts = report.facts
    title = f"Delivery report: {_text(facts.campaign)}"
    parts = [_part(number, name, pairs) for number, (name, pairs) in enumerate(report.parts, 1)]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="robots" content="noindex">',
            f"<style>{_STYLE}</style></head>",
            f"<body><main><h1>{title}</h1>",
            f'<p>Made <time datetime="{timestamp(report.made)}">{timestamp(report.made)}</time></p>',
            _pauses(facts),
            *parts[:3],
            *_pictures(facts),
            _domains(facts),
            _replies(facts),
            parts[3],
            _troubles(facts),
            "</main></body></html>",
            "",
        ]
    )


def _text(value: object) -> str:
    return html_escape(escape(str(value)), quote=True)


def _part(number: int, title: str, pairs: Sequence[Pair]) -> str:
    rows = [f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>' for name, value in pairs]
    return f"<section><h2>{number}. {title}</h2><table><tbody>{''.join(rows)}</tbody></table></section>"


def _pauses(facts: Facts) -> str:
    """Return a block for each time that the content was refused so often that the campaign was paused; else nothing."""
    if not facts.pauses:
        return ""
    rows = [
        [
            _text(timestamp(one.at)),
            "still paused" if one.resumed is None else _text(timestamp(one.resumed)),
            f"{one.recipients:,}",
            _text(f"{one.reply.code} {one.reply.text}".rstrip()),
        ]
        for one in facts.pauses
    ]
    head = [("from", False), ("until", False), ("recipients in a row", True), ("the reply after the dot", False)]
    stands = any(one.resumed is None for one in facts.pauses)
    note = "Nobody is sent to before an operator says maildrill send --resume." if stands else ""
    title = "Paused: the content is refused" if stands else "Was paused: the content was refused"
    return f'<section class="paused"><h2>{title}</h2>{_table("Pauses", head, rows, note)}</section>'


def _pictures(facts: Facts) -> list[str]:
    shares = [(state.value, facts.total.states[state]) for state in STATES if facts.total.states[state]]
    key = "".join(f"<li>{_swatch(name)} {name} {count:,}</li>" for name, count in shares)
    return [
        "<section><h2>Who has it</h2>",
        shares_svg(shares),
        f'<ul class="key">{key}</ul>',
        "<h2>When</h2>",
        bars_svg(facts.bars),
        "</section>",
    ]


def _swatch(name: str) -> str:
    return f'<svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" fill="var(--{name})"/></svg>'


def _table(caption: str, head: Iterable[tuple[str, bool]], rows: Iterable[Sequence[str]], note: str = "") -> str:
    """Return a table; head: each column's name, and whether it holds numbers. Cells are HTML."""
    columns = list(head)
    classes = ['class="n"' if number else "" for _, number in columns]
    top = "".join(
        f'<th scope="col" {kind}>{_text(name)}</th>' for (name, _), kind in zip(columns, classes, strict=True)
    )
    body = "".join(
        f'<tr><th scope="row" {classes[0]}>{row[0]}</th>'
        + "".join(f"<td {kind}>{cell}</td>" for cell, kind in zip(row[1:], classes[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><caption>{_text(caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{f'<p>{_text(note)}</p>' if note else ''}"
    )


def _domains(facts: Facts) -> str:
    shown = [state for state in STATES if facts.total.states[state]] or [State.DELIVERED]
    listed = list(facts.domains.items())[:MOST_DOMAINS]
    rows = [
        [_text(name), *(f"{n:,}" for n in (count.recipients, *(count.states[s] for s in shown), count.attempts))]
        for name, count in [*listed, ("total", facts.total)]
    ]
    head = [("domain", False), ("recipients", True), *((state.value, True) for state in shown), ("tries", True)]
    return _table("By domain", head, rows, _left_out(len(facts.domains) - len(listed)))


def _replies(facts: Facts) -> str:
    listed = facts.replies[:MOST_DOMAINS]
    rows = [[f"{one.count:,}", _text(one.stage), _text(one.said)] for one in listed]
    head = [("count", True), ("stage", False), ("reply", False)]
    return _table("What servers said", head, rows, _left_out(len(facts.replies) - len(listed)))


def _troubles(facts: Facts) -> str:
    listed = facts.troubles[:MOST_TROUBLES]
    moments = [attempt.ended for one in listed for attempt in one.attempts]
    span = (min(moments), max(moments)) if moments else (0.0, 0.0)
    rows = [_trouble(one, span) for one in listed]
    head = [("address", False), ("line", True), ("state", False), ("tries", True), ("words", False), ("when", False)]
    note = _left_out(len(facts.troubles) - len(listed))
    title = "<section><h2>Who did not get it</h2>"
    if not rows:
        return f"{title}<p>Everybody got it, or still waits for it.</p></section>"
    return f"{title}{_table('Failed, expired, unknown and held', head, rows, note)}</section>"


def _trouble(one: Trouble, span: tuple[float, float]) -> list[str]:
    record = one.recipient
    marks = [(attempt.ended, attempt.verdict) for attempt in one.attempts]
    state = f"{_swatch(record.state.value)} {record.state}"
    numbers = f"{record.number}", f"{record.attempts:,}"
    return [_text(record.address), numbers[0], state, numbers[1], _text(words(one)), strip_svg(marks, span)]


def _left_out(count: int) -> str:
    return f"{count:,} more are left out here" if count > 0 else ""
