"""TOML documents whose every value knows its line.

Scripts and campaigns are read through a `Table`: it checks types, refuses unknown keys and says file, line,
what was expected and what was probably meant.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeVar

from maildrill.smtp.errors import ConfigurationError, did_you_mean
from maildrill.smtp.quantity import Rate, parse_duration, parse_rate, parse_size
from maildrill.smtp.text import decode, escape
from maildrill.smtp.toml_lines import Where, line_map

_T = TypeVar("_T")
_WORDS: dict[type, str] = {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


def read_text(path: Path, what: str) -> str:
    """Return the UTF-8 text of a file; raises ConfigurationError that names `what` it should have been."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(f"{what} not found", where=str(path), hint="check the path") from None
    except OSError as error:
        raise ConfigurationError(f"cannot read {what}: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"byte 0x{error.object[error.start]:02x} is not UTF-8 in {what}",
            where=f"{path}:{line}",
            expected="UTF-8 text",
            hint=f'the line reads "{escape(decode(_line_at(error.object, error.start)))}"; save the file as UTF-8',
        ) from None
    except ValueError:  # a path with NUL, which TOML can write as \u0000
        raise ConfigurationError(f'cannot read {what}: "{escape(str(path))}" is not a path') from None


def parse_document(text: str, name: str) -> Table:
    """Return the top table of a TOML text; `name` is what errors call the file. Raises ConfigurationError."""
    try:
        values = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError is one; a number of 4,301 digits raises the plain one
        what, _, place = str(error).partition(" (at ")
        line = place.partition("line ")[2].partition(",")[0]
        if place == "end of document)":
            line = str(text.rstrip().count("\n") + 1)
        raise ConfigurationError(
            f"not TOML: {what[:1].lower()}{escape(what[1:])}",
            where=f"{name}:{line}" if line else name,
            expected="key = value, or a [table]",
        ) from None
    except RecursionError:
        raise ConfigurationError("not TOML that can be read: nested too deeply", where=name) from None
    return Table(values, name, (), line_map(text))


def table_of(values: Mapping[str, object], name: str) -> Table:
    """Return the top table of an object that was JSON, say: it has no lines, and errors name the path to a value.

    What another table has Said stays where it stood, in its file.
    """
    return values.table if isinstance(values, Said) else Table(values, name, (), None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table stands, and each of its keys: `file:line`, or "" where it was not read from a file."""

    header: str
    keys: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: str) -> str:
        """Return the place of a key; that of the table where it has no such key."""
        return self.keys.get(key, self.header)


NOWHERE = Place("")


class Table:
    """One table of a document. Each reader takes a key, checks it and remembers that the key is known.

    Call `finish()` at the end: a key that nobody asked for is an error.
    """

    def __init__(self, values: Mapping[str, object], name: str, path: Where, lines: Mapping[Where, int] | None) -> None:
        self._values = values
        self._name = name
        self._path = path
        self._lines = lines
        self._known: dict[str, None] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        """Go through all keys in order; none becomes known by that."""
        return iter(self._values)

    @property
    def line(self) -> int:
        """The line of the table's header, or of what the table stands in; 1 for the top of the document."""
        lines = self._lines or {}
        return next((lines[self._path[:end]] for end in range(len(self._path), 0, -1) if self._path[:end] in lines), 1)

    @property
    def numbered(self) -> bool:
        """Whether the document has lines."""
        return self._lines is not None

    @property
    def place(self) -> Place:
        """The place of the table and of its keys."""
        return Place(self.where(), {key: self.where(key) for key in self._values})

    def where(self, key: str | None = None) -> str:
        """Return `file:line` of a key, or of the table; in a document without lines `name:/table/0/key`."""
        if self._lines is None:
            parts = self._path if key is None else (*self._path, key)
            return f"{self._name}:/{'/'.join(map(str, parts))}" if parts else self._name
        line = self.line if key is None else self._lines.get((*self._path, key), self.line)
        return f"{self._name}:{line}"

    def fail(self, key: str | None, what: str, *, expected: str = "", hint: str = "") -> NoReturn:
        """Raise ConfigurationError at the line of `key` (None: of the table)."""
        raise ConfigurationError(what, where=self.where(key), expected=expected, hint=hint)

    def raw(self, key: str) -> object:
        """Return the value as TOML has it, or None."""
        self._known[key] = None
        return self._values.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without a default the key is required."""
        return self._typed(key, str, default)

    def number(self, key: str, default: int | None = None, *, least: int = 0) -> int:
        """Return a whole number >= least."""
        value = self._typed(key, int, default)
        if value < least:
            self.fail(key, f"{self.label(key)} is {value}", expected=f"a whole number, {least} or more")
        return value

    def fraction(self, key: str, default: float | None = None) -> float:
        """Return a number 0..1."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self.fail(key, f"{self.label(key)} is {shown(value)}", expected="a number from 0 to 1")
        return float(value)

    def flag(self, key: str, default: bool | None = None) -> bool:  # noqa: FBT001 - a default, not a switch
        """Return true or false."""
        return self._typed(key, bool, default)

    def duration(self, key: str, default: float | None = None) -> float:
        """Return seconds."""
        return default if default is not None and not self.has(key) else self._parsed(key, parse_duration)

    def rate(self, key: str) -> Rate | None:
        """Return a Rate, or None where the key is absent."""
        return self._parsed(key, parse_rate) if self.has(key) else None

    def size(self, key: str) -> int:
        """Return octets."""
        return self._parsed(key, parse_size)

    def choice(self, key: str, words: Iterable[str], default: str | None = None) -> str:
        """Return one of `words`."""
        known = tuple(words)
        value = self.text(key, default)
        if value not in known:
            self.fail(
                key,
                f'{self.label(key)} is "{escape(value)}"',
                expected="one of: " + " ".join(known),
                hint=did_you_mean(value, known),
            )
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Return a list of texts; one text alone is a list of one."""
        value = self._value(key, default)
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            self.fail(key, f"{self.label(key)} is {shown(value)}", expected="text in quotes, or a list of such")
        return tuple(items)

    def table(self, key: str) -> Table:
        """Return the table under `key`, an empty one where it is absent."""
        self._known[key] = None
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            self.fail(key, f"{self.label(key)} is {shown(value)}", expected=f"a table: [{self.label(key)}]")
        return Table(value, self._name, (*self._path, key), self._lines)

    def tables(self, key: str) -> list[Table]:
        """Return the tables of `[[key]]` in order."""
        self._known[key] = None
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fail(key, f"{self.label(key)} is {shown(value)}", expected=f"tables: [[{self.label(key)}]]")
        return [Table(item, self._name, (*self._path, key, n), self._lines) for n, item in enumerate(value)]

    def said(self, values: Mapping[str, object] | None = None) -> Said:
        """Return all that the table says, or `values` as if it said them, for another reader; all keys become known."""
        self._known |= dict.fromkeys(self._values)
        said = self._values if values is None else values
        return Said(said, Table(said, self._name, self._path, self._lines))

    def anew(self) -> Table:
        """Return the same table with no key known yet."""
        return Table(self._values, self._name, self._path, self._lines)

    def has(self, key: str) -> bool:
        """Whether the key is present; asking makes it known."""
        self._known[key] = None
        return key in self._values

    def finish(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self._values:
            if key not in self._known:
                self.fail(
                    key,
                    f'unknown key "{escape(key)}"{self._place()}',
                    expected="one of: " + " ".join(self._known),
                    hint=did_you_mean(key, self._known),
                )

    def _value(self, key: str, default: object) -> object:
        self._known[key] = None
        if key in self._values:
            return self._values[key]
        if default is None:
            self.fail(None, f'"{key}" is missing{self._place()}')
        return default

    def _place(self) -> str:
        names = [part for part in self._path if isinstance(part, str)]
        return f" in [{'.'.join(names)}]" if names else ""

    def label(self, key: str) -> str:
        """Return what errors call a key: `rule.age`."""
        return ".".join(str(part) for part in (*self._path, key) if isinstance(part, str))

    def _typed(self, key: str, kind: type[_T], default: _T | None) -> _T:
        value = self._value(key, default)
        # bool is an int in Python, not in TOML
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.fail(key, f"{self.label(key)} is {shown(value)}", expected=_WORDS[kind])
        return value

    def _parsed(self, key: str, parse: Callable[[str], _T]) -> _T:
        value = self._value(key, None)
        try:
            return parse(value if isinstance(value, str) else "")
        except ValueError as error:
            self.fail(key, f"{self.label(key)} is {shown(value)}", expected=str(error))


class Said(dict[str, object]):
    """The values of a table, which remember where it stands: whoever reads them, its errors name file and line."""

    def __init__(self, values: Mapping[str, object], table: Table) -> None:
        super().__init__(values)
        self._table = table

    @property
    def table(self) -> Table:
        """The table, to be read anew."""
        return self._table.anew()


def shown(value: object) -> str:
    """Return a value as errors show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{escape(value)}"'
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return str(value)


def _line_at(octets: bytes, offset: int) -> bytes:
    start = octets.rfind(b"\n", 0, offset) + 1
    end = octets.find(b"\n", offset)
    return octets[start : end if end >= 0 else None][:80]
