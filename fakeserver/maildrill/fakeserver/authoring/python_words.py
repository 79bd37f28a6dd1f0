"""Words of a script that are said in Python: as keywords, at a line of somebody's file. Pure.

Rule: they become the table that a file would hold, so that the file's readers check them, and errors name the line.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple, TypeAlias

from maildrill.smtp import escape
from maildrill.smtp.document import Table
from maildrill.smtp.toml_lines import Where

#: What a word may be given as: what TOML could hold in its place.
Word: TypeAlias = "str | float | bool | Sequence[Word] | Mapping[str, Word]"


class Place(NamedTuple):
    """Where something was said: a file without its folders, and a line."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{escape(self.file)}:{self.line}"


def caller() -> Place:
    """Return where the code is that called into maildrill."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("maildrill."):
        frame = frame.f_back
    return Place(PurePath(frame.f_code.co_filename).name, frame.f_lineno)


def path_of(kind: str) -> Where:
    """Return where the table of a kind (`rule`, `expect`) stands, as `lines` of `table` have it."""
    return (kind, 0)


def table(kind: str, words: Mapping[str, object], place: Place, lines: Mapping[Where, int] | None = None) -> Table:
    """Return the table that says these words; `lines`: of single words, where they were not said at `place`."""
    path = path_of(kind)
    return Table(as_toml(words), place.file, path, {path: place.line, **(lines or {})})


def as_toml(words: Mapping[str, object]) -> dict[str, object]:
    """Return keywords as a table holds them; `from_` stands for `from`, which is no name in Python."""
    return {("from" if word == "from_" else word): _value(value) for word, value in words.items()}


def _value(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in value.items()}
    return [_value(item) for item in value] if isinstance(value, list | tuple) else value
