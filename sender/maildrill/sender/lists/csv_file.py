"""Read CSV text into named columns and numbered records.

Rules: every record has as many fields as the header; an error names the line on which its record begins;
quoted fields may hold line breaks; empty lines count for numbering and for nothing else.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from maildrill.sender.lists.decoding import ListText
from maildrill.sender.lists.dialect import declared_delimiter, find_delimiter
from maildrill.smtp import ConfigurationError, escape

_Record = tuple[int, tuple[str, ...]]

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV text: the line of the header, the columns' names ("" = unnamed), (line, fields) of each record, once."""

    header_line: int
    columns: tuple[str, ...]
    records: Iterator[tuple[int, tuple[str, ...]]]


def read_sheet(text: ListText, name: str, column: str) -> Sheet:
    """Return the records of a CSV text; `name` is what errors call it, `column` helps to find the delimiter.

    Raises ConfigurationError with file and line for an open quote, a missing or doubtful header; and, when the
    records are read, for a ragged row.
    """
    declared = declared_delimiter(text.head)
    delimiter = declared or find_delimiter(text.head, column)
    if declared:
        next(text.lines)
    records = _records(text.lines, name, delimiter, 1 if declared else 0)
    header_line, header = next(records, (1, ()))
    if not header:
        raise ConfigurationError(
            "recipient list is empty", where=f"{name}:1", expected="a first line with the names of the columns"
        )
    columns = tuple(unicodedata.normalize("NFC", cell) for cell in header)
    _check_header(columns, f"{name}:{header_line}")
    return Sheet(header_line, columns, _even(records, columns, name, delimiter))


def _even(records: Iterator[_Record], columns: tuple[str, ...], name: str, delimiter: str) -> Iterator[_Record]:
    """Yield records as long as they have a field for each column."""
    for line, fields in records:
        if len(fields) != len(columns):
            raise _ragged(line, fields, columns, name, delimiter)
        yield line, fields


def _records(lines: Iterable[str], name: str, delimiter: str, before: int) -> Iterator[_Record]:
    """Yield (line, stripped fields) of each record that says something; `before` lines were read already."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    line = before + 1
    try:
        for record in reader:
            fields = tuple(field.strip() for field in record)
            if any(fields):  # spreadsheets leave lines of bare delimiters behind
                yield line, fields
            line = before + reader.line_num + 1
    except csv.Error as error:
        raise ConfigurationError(
            f"not CSV: {error}",
            where=f"{name}:{line}",
            expected=f"fields between {_NAMES.get(delimiter, 'delimiter')}s, quotes closed and inner quotes doubled",
            hint='a quote that is opened must be closed: "Ann ""Bee"" Smith"',
        ) from None


def _check_header(columns: tuple[str, ...], where: str) -> None:
    seen: set[str] = set()
    for column in filter(None, columns):
        if column in seen:
            raise ConfigurationError(
                f'two columns are called "{escape(column)}"', where=where, hint="give each column a name of its own"
            )
        seen.add(column)


def _ragged(
    line: int, fields: tuple[str, ...], columns: tuple[str, ...], name: str, delimiter: str
) -> ConfigurationError:
    found = f"{len(fields)} field" + ("s" if len(fields) != 1 else "")
    return ConfigurationError(
        f'row has {found}, the header has {len(columns)}: "{escape(delimiter.join(fields))[:80]}"',
        where=f"{name}:{line}",
        expected="the columns " + ", ".join(escape(column) or "(unnamed)" for column in columns),
        hint=f"put a field that holds a {_NAMES.get(delimiter, 'delimiter')} in quotes",
    )
