"""The lease on a ledger in a file: one sender at a time has it (invariant I41), and everybody else may look.

Rule: it is a lock of SQLite's on a file of its own beside the ledger, held as long as the process lives: no reader
needs that file, and no crash leaves it locked.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def take_lease(ledger: Path) -> sqlite3.Connection:
    """Return the lease on a ledger; closing it gives it back. Raises sqlite3.Error (busy) where it is taken."""
    lease = sqlite3.connect(_file(ledger), isolation_level=None, timeout=0)
    try:
        lease.execute("BEGIN EXCLUSIVE")
    except BaseException:
        lease.close()
        raise
    return lease


def is_leased(ledger: Path) -> bool:
    """Whether somebody has the lease on a ledger at this moment; makes no file."""
    if not _file(ledger).exists():
        return False
    try:
        with closing(sqlite3.connect(f"{_file(ledger).absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as lease:
            lease.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        return (error.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_BUSY
    return False


def _file(ledger: Path) -> Path:
    return ledger.with_name(f"{ledger.name}-lease")
