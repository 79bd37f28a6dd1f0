"""Suppression lists: who is not to be written to, whatever a campaign's list says.

A text file: an address on each line, then anything that says why; `#` begins a comment. Rule: an address is compared
as lists compare it, so that no other spelling of it slips through (invariant I52).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from maildrill.sender.lists.addresses import parse_address
from maildrill.sender.lists.seen import key_of, no_room, temporary
from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import read_text


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Why somebody is not to be written to, and where that is written: `file:line`."""

    why: str
    where: str

    def __str__(self) -> str:
        return f"{self.why} ({self.where})" if self.why else self.where


class Suppression:
    """Who is not to be written to, by the identity of the address (see Address); a context manager, gone at its end.

    An index in a temporary database, so that memory stays flat. Raises ConfigurationError where the disk has no room.
    """

    def __init__(self) -> None:
        self._database = temporary("suppressed (identity BLOB PRIMARY KEY, why TEXT NOT NULL, place BLOB NOT NULL)")

    def add(self, identity: str, suppressed: Suppressed) -> bool:
        """Add an address, unless it is there already; return whether it was not."""
        row = (key_of(identity), suppressed.why, key_of(suppressed.where))
        return self._do("INSERT INTO suppressed VALUES (?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount > 0

    def get(self, identity: str) -> Suppressed | None:
        """Return why somebody is not to be written to; None for who may be."""
        row = self._do("SELECT why, place FROM suppressed WHERE identity = ?", (key_of(identity),)).fetchone()
        return None if row is None else Suppressed(row[0], row[1].decode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _do(self, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise no_room(str(error)) from None


def read_suppressed(files: Iterable[Path]) -> Suppression:
    """Return who must not be written to, by these files; the first of them that has an address says why.

    Raises ConfigurationError for a file that cannot be read, and for a line that begins with no address: to pass over
    it would be to write to somebody who is not to be written to.
    """
    found = Suppression()
    try:
        for file in files:
            for identity, suppressed in _entries(file):
                found.add(identity, suppressed)
    except BaseException:
        found.close()
        raise
    return found


class Suppressing:
    """A suppression list that is to be added to; it is read and checked here, so that nothing else is done in vain.

    A context manager. The file is made if there is none. Raises ConfigurationError for one that cannot be used.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = read_suppressed([file] if file.exists() else [])
        try:
            _append(file, "")
        except ConfigurationError:
            self._known.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._known.close()

    def add(self, entries: Iterable[tuple[str, str]]) -> list[str]:
        """Add addresses, each with why; return those that the list had not yet. Raises ConfigurationError."""
        added: list[str] = []
        lines: list[str] = []
        for address, why in entries:
            if self._known.add(parse_address(address).identity, Suppressed(why, str(self._file))):
                added.append(address)
                lines.append(f"{address} {escape(why)}".rstrip() + "\n")
        if lines:
            _append(self._file, "".join(lines))
        return added


def _append(file: Path, text: str) -> None:
    try:
        with file.open("a+b") as opened:
            if text and opened.tell():
                opened.seek(-1, 2)
                text = text if opened.read(1) == b"\n" else "\n" + text  # a last line without its end
            opened.write(text.encode())
    except OSError as error:
        raise ConfigurationError(f"cannot write suppression list: {error.strerror}", where=str(file)) from None


def _entries(file: Path) -> Iterator[tuple[str, Suppressed]]:
    for number, line in enumerate(_lines(file), 1):
        address, _, why = line.strip().replace("\t", " ").partition(" ")
        if not address or address.startswith("#"):
            continue
        where = f"{file}:{number}"
        try:
            identity = parse_address(address.rstrip(",;")).identity
        except ValueError as error:
            raise ConfigurationError(
                f'no address: "{escape(address)}": {error}',
                where=where,
                expected="an address, and why",
                hint="# begins a comment",
            ) from None
        yield identity, Suppressed(why.strip(" #,;"), where)


def _lines(file: Path) -> Iterator[str]:
    """Yield the lines of a file as they are read, however they end."""
    try:
        with file.open(encoding="utf-8-sig") as text:
            yield from text
    except (OSError, ValueError):
        read_text(file, "suppression list")  # says what is wrong, and where
        raise
