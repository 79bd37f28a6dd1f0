"""The lease on a ledger in a file: one sender at a time has it (invariant I41), and everybody else may look.

Rule 1: it is a lock of SQLite's on a file of its own beside the ledger, held as long as the process lives: no reader
needs that file, and no crash leaves it locked. Rule 2: a crew (see `crew`) has the ledger until its last process ended.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from maildrill.sender.ledger.crew import check_crew, is_crewed
from maildrill.sender.ledger.trouble import code_of
from maildrill.smtp import ConfigurationError

_TAKEN = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def take_lease(ledger: Path) -> sqlite3.Connection:
    """Return the lease on a ledger; closing it gives it back.

    Raises sqlite3.Error (busy) where it is taken, ConfigurationError where its file cannot be locked.
    """
    file = _file(ledger)
    # on a file that it may only read, SQLite makes of an exclusive lock a shared one, and does not say so
    if file.exists() and not os.access(file, os.W_OK):
        raise _unusable(file, "Permission denied")
    try:
        lease = sqlite3.connect(file, isolation_level=None, timeout=0)
    except sqlite3.Error as error:
        raise _unusable(file, str(error)) from None
    try:
        lease.execute("PRAGMA journal_mode = MEMORY")  # a lock needs no room on the disk
        lease.execute("BEGIN EXCLUSIVE")
        check_crew(ledger)
    except BaseException as error:
        lease.close()
        if isinstance(error, sqlite3.DatabaseError) and code_of(error) not in _TAKEN:
            raise _unusable(file, str(error)) from None
        raise
    return lease


def is_leased(ledger: Path) -> bool:
    """Whether somebody has the lease on a ledger at this moment; makes no file."""
    if is_crewed(ledger):
        return True
    if not _file(ledger).exists():
        return False
    try:
        with closing(sqlite3.connect(f"{_file(ledger).absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as lease:
            lease.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:  # a file that is no lease is nobody's
        return code_of(error) == sqlite3.SQLITE_BUSY
    return False


def _unusable(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the lease cannot be taken: {why}",
        where=str(file),
        expected="an empty file, or none, in a folder that this user may write",
        hint="check folder and permissions; where nobody is sending, the file may be removed",
    )


def _file(ledger: Path) -> Path:
    return ledger.with_name(f"{ledger.name}-lease")
