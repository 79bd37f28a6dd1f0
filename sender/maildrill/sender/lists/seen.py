"""Which addresses a list has had so far: an index in a temporary database of its own, so that memory stays flat."""

from __future__ import annotations

import sqlite3
import tempfile
from types import TracebackType
from typing import Self

from maildrill.smtp import ConfigurationError


class Seen:
    """The lines of all addresses so far, by their identity; a context manager, gone at its end.

    Raises ConfigurationError where the disk has no room for it.
    """

    def __init__(self) -> None:
        self._database = temporary("seen (identity BLOB PRIMARY KEY, line INTEGER NOT NULL)")

    def first(self, identity: str, line: int) -> int:
        """Return the line on which this identity was seen first, which may be this one."""
        key = key_of(identity)
        try:
            added = self._database.execute("INSERT INTO seen VALUES (?, ?) ON CONFLICT DO NOTHING", (key, line))
            if added.rowcount:
                return line
            found = self._database.execute("SELECT line FROM seen WHERE identity = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise no_room(str(error)) from None
        return int(found[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()


def temporary(table: str) -> sqlite3.Connection:
    """Return a database with one table, for as long as it is open."""
    database = sqlite3.connect("", isolation_level=None)  # no name: in memory, and on the disk if it grows
    for statement in (
        "PRAGMA journal_mode = OFF",
        "PRAGMA synchronous = OFF",
        f"CREATE TABLE {table} WITHOUT ROWID",
        "BEGIN",
    ):
        database.execute(statement)
    return database


def key_of(identity: str) -> bytes:
    """Return the identity of an address as octets; a list may have what is no Unicode."""
    return identity.encode("utf-8", "surrogatepass")


def no_room(why: str) -> ConfigurationError:
    """Return what is said where a list cannot be kept in temporary files."""
    return ConfigurationError(
        f"cannot keep the recipient list: {why}",
        where=tempfile.gettempdir(),
        hint="make room there, or name another folder with TMPDIR",
    )
