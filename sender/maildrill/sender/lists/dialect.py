"""Find the delimiter of a CSV text: comma, semicolon, tab or vertical bar.

`csv.Sniffer` fails on lists of one column and on Excel's `sep=;` line; this scoring asks which delimiter shows the
column with the addresses, then which one gives rows of one width, then which one finds most columns.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 200  # records that are looked at
_EXCEL = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n|\Z)', re.IGNORECASE)


def declared_delimiter(text: str) -> str | None:
    """Return the delimiter that Excel's first line `sep=;` declares, or None."""
    match = _EXCEL.match(text)
    return match[1] if match else None


def find_delimiter(text: str, column: str) -> str:
    """Return the most plausible delimiter; `column` is a column that the list should have."""
    return max(DELIMITERS, key=lambda delimiter: _score(text, delimiter, column))


def _score(text: str, delimiter: str, column: str) -> tuple[bool, float, int]:
    records = list(islice(_records(text, delimiter), _SAMPLE))
    if not records:
        return (False, 0.0, 0)
    names = [name.strip() for name in records[0]]
    even = sum(len(record) == len(names) for record in records) / len(records)
    # A delimiter that splits nothing is perfectly even, and tells nothing.
    return (column in names, even if len(names) > 1 else 0.0, len(names))


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return  # the real reading says what is wrong; here it is only a delimiter that does not fit
