"""What SQLite says when it cannot go on, in our words: what is wrong, what it needs, what to try. Pure.

Rule 1: the primary result code chooses the words, its extended code and its text are told as they are.
Rule 2: what lasts until somebody changes something is a fault of the set-up; a full disk is not, another run helps.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import dataclass

from maildrill.sender.ledger.store import LedgerError
from maildrill.smtp import ConfigurationError

_GO_ON = "nothing that was written is lost: run again to go on"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one of SQLite's result codes means to whoever runs maildrill. lasting: another run will not help."""

    what: str
    expected: str
    hint: str
    lasting: bool = False


#: Source: https://www.sqlite.org/rescode.html
TROUBLES = {
    sqlite3.SQLITE_FULL: Trouble(
        "the ledger cannot be written, the disk is full", "room for it and its -wal", f"make room; {_GO_ON}"
    ),
    sqlite3.SQLITE_IOERR: Trouble(
        "the ledger cannot be read or written",
        "a disk that works and has room, and no limit on the size of files that is too low (quota, `ulimit -f`)",
        f"put it right; {_GO_ON}",
    ),
    sqlite3.SQLITE_READONLY: Trouble(
        "the ledger cannot be written",
        "a file in a folder, both of which this user may write",
        "check folder and permissions",
        lasting=True,
    ),
    sqlite3.SQLITE_CANTOPEN: Trouble(
        "the ledger cannot be opened",
        "a file in a folder, both of which this user may read and write",
        "check folder and permissions",
        lasting=True,
    ),
    sqlite3.SQLITE_CORRUPT: Trouble(
        "the ledger is damaged",
        "a file as SQLite left it, with the -wal beside it that belongs to it",
        "keep a copy of both; take a backup, or what `sqlite3 FILE .recover` saves",
        lasting=True,
    ),
    sqlite3.SQLITE_NOTADB: Trouble(
        "this is not a ledger", "a file that maildrill made", "name another file with --ledger", lasting=True
    ),
    sqlite3.SQLITE_BUSY: Trouble(
        "the ledger is in use by another maildrill",
        "one sender at a time",
        "wait for it, or stop it with Ctrl-C",
        lasting=True,
    ),
}
TROUBLES[sqlite3.SQLITE_LOCKED] = TROUBLES[sqlite3.SQLITE_BUSY]
_OTHER = Trouble("the ledger cannot be used", "", f"put it right; {_GO_ON}")


def code_of(error: BaseException | None) -> int:
    """Return the primary result code of an error of SQLite; 0 where it has none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


class Busy(sqlite3.OperationalError):
    """A ledger that others have, in the way of SQLite's own errors. hint: what helps, where nobody can be asked."""

    def __init__(self, why: str, *, hint: str) -> None:
        super().__init__(why)
        self.sqlite_errorcode = sqlite3.SQLITE_BUSY
        self.hint = hint


def in_words(name: str, error: sqlite3.Error) -> LedgerError:
    """Return what stops a run: `name` is the file, `error` what SQLite said of it."""
    trouble = TROUBLES.get(code_of(error), _OTHER)
    hint = error.hint if isinstance(error, Busy) else trouble.hint
    return LedgerError(f"{trouble.what}: {error}", where=name, expected=trouble.expected, hint=hint)


def not_flushed(name: str, code: int) -> LedgerError:
    """Return what stops a run: the file `name` could not be flushed to the disk; code: the errno."""
    trouble = TROUBLES[sqlite3.SQLITE_FULL if code == errno.ENOSPC else sqlite3.SQLITE_IOERR]
    what = f"{trouble.what}: {os.strerror(code)}, when what was written was flushed to the disk"
    return LedgerError(what, where=name, expected=trouble.expected, hint=trouble.hint)


def at_the_door(name: str, error: sqlite3.Error) -> ConfigurationError | LedgerError:
    """Return why a ledger is not opened: a ConfigurationError where another run would fare no better."""
    found = in_words(name, error)
    if TROUBLES.get(code_of(error), _OTHER).lasting:
        return ConfigurationError(found.what, where=name, expected=found.expected, hint=found.hint)
    return found
