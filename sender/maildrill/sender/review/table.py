"""Tables of text: one column to the left, or numbers to the right. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_LEAST = 12  # a column of text is not made narrower


def table(rows: Sequence[Sequence[str]], *, text: frozenset[int] = frozenset({0}), width: int = 0) -> list[str]:
    """Lay out rows, the first one the head; columns in `text` stand left, all others right.

    width: where lines would be longer, the widest column of text is cut with an ellipsis; 0: never.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    over = sum(widths) + 2 * (len(widths) - 1) - width
    if width and over > 0 and text:
        widest = max(text, key=lambda n: widths[n])
        widths[widest] = max(_LEAST, widths[widest] - over)
    return [
        "  ".join(
            _cut(cell, room).ljust(room) if n in text else cell.rjust(room)
            for n, (cell, room) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def of(count: int, noun: str) -> str:
    """Return `1 recipient`, `2,000 recipients`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _cut(cell: str, room: int) -> str:
    return cell if len(cell) <= room else f"{cell[: room - 1]}…"
