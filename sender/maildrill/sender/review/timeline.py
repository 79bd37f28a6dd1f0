"""Pictures of a campaign as inline SVG: shares of states, verdicts over time, the tries for one recipient.

Pure. Rule: each picture says in words what it shows, for whoever cannot see it; no colour stands alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from maildrill.sender.attempt import Verdict
from maildrill.sender.review.facts import Bar
from maildrill.smtp import timestamp

_WIDE, _HIGH, _FOOT = 960, 160, 18
_STRIP, _THICK = 240, 16
#: The shape that tells verdicts apart where colours do not.
_SHAPES = {
    Verdict.DELIVERED: "M-4 0 L0 4 L4 0 L0 -4 Z",
    Verdict.FAILED: "M-4 -4 L4 4 M-4 4 L4 -4",
    Verdict.UNKNOWN: "M-4 4 L0 -4 L4 4 Z",
    Verdict.HELD: "M-4 -4 H4 V4 H-4 Z",
}
_DOT = "M-3 0 A3 3 0 1 0 3 0 A3 3 0 1 0 -3 0 Z"


def shares_svg(shares: Sequence[tuple[str, int]]) -> str:
    """Return one bar with a piece for each state; shares: the state's word and how many."""
    total = sum(count for _, count in shares) or 1
    x = 0.0
    pieces = []
    for name, count in shares:
        width = _WIDE * count / total
        tip = f"{name}: {count:,} of {total:,}"
        pieces.append(
            f'<rect x="{x:.1f}" width="{width:.1f}" height="24" fill="var(--{name})"><title>{tip}</title></rect>'
        )
        x += width
    return _svg(_WIDE, 24, ", ".join(f"{count:,} {name}" for name, count in shares) or "nobody", "".join(pieces))


def bars_svg(bars: Sequence[Bar]) -> str:
    """Return a column for each span of time, with a piece for each verdict."""
    highest = max((sum(bar.verdicts.values()) for bar in bars), default=0)
    if not highest:
        return "<p>Nothing was tried yet.</p>"
    width = _WIDE / len(bars)
    columns = []
    for number, bar in enumerate(bars):
        y = float(_HIGH)
        for verdict in Verdict:
            count = bar.verdicts.get(verdict, 0)
            if count:
                height = max(1.0, _HIGH * count / highest)
                y -= height
                columns.append(
                    f'<rect x="{number * width:.1f}" y="{max(y, 0.0):.1f}" width="{max(width - 1, 1):.1f}" '
                    f'height="{height:.1f}" fill="var(--{verdict})"><title>{timestamp(bar.at)}: {count:,} {verdict}'
                    "</title></rect>"
                )
    totals: Counter[Verdict] = Counter()
    for bar in bars:
        totals.update(bar.verdicts)
    first, last = timestamp(bars[0].at), timestamp(bars[-1].at)
    columns.append(f'<text x="0" y="{_HIGH + 14}">{first}</text>')
    columns.append(f'<text x="{_WIDE}" y="{_HIGH + 14}" text-anchor="end">{last}</text>')
    said = f"tries over time from {first} to {last}: " + ", ".join(f"{n:,} {one}" for one, n in totals.most_common())
    return _svg(_WIDE, _HIGH + _FOOT, said, "".join(columns))


def strip_svg(marks: Sequence[tuple[float, Verdict]], span: tuple[float, float]) -> str:
    """Return a line with a mark for each try, on the time from span[0] to span[1]."""
    first, last = span
    room, long = _STRIP - 12, (last - first) or 1.0
    line = f'<path d="M6 {_THICK / 2} H{_STRIP - 6}" stroke="var(--line)"/>'
    drawn = [
        f'<path transform="translate({6 + room * (at - first) / long:.1f} {_THICK / 2})" '
        f'd="{_SHAPES.get(verdict, _DOT)}" fill="var(--{verdict})" stroke="var(--{verdict})">'
        f"<title>{timestamp(at)} {verdict}</title></path>"
        for at, verdict in marks
    ]
    said = "; ".join(f"{timestamp(at)} {verdict}" for at, verdict in marks) or "never tried"
    return _svg(_STRIP, _THICK, said, line + "".join(drawn))


def _svg(width: int, height: int, said: str, inner: str) -> str:
    return (
        f'<svg role="img" aria-label="{said}" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'xmlns="http://www.w3.org/2000/svg">{inner}</svg>'
    )
