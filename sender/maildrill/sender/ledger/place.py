"""What a ledger's place allows: to write it, to read it beside a writer, or only to read it as it lies there.

Rule: this is looked at before SQLite is, which would leave a -wal behind that nobody may write either.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from maildrill.smtp import ConfigurationError


def check_writable(ledger: Path) -> None:
    """Raise ConfigurationError where the ledger, what SQLite keeps beside it, or the folder may not be written."""
    for place in (*_files(ledger), ledger.parent):
        if place.exists() and not os.access(place, os.W_OK):
            raise ConfigurationError(
                "the ledger cannot be written: permission denied"
                if place == ledger
                else f"the ledger cannot be written: permission denied for {place}",
                where=str(ledger),
                expected="a file, its -wal and -shm, and a folder, all of which this user may write",
                hint="check folder and permissions",
            )


def is_frozen(ledger: Path) -> bool:
    """Whether a ledger lies whole in its file where this user may write nothing: an archive, a read-only disk.

    SQLite would want to make a -wal and a -shm beside it. A sender at work has a -wal there.
    """
    _, wal, _ = _files(ledger)
    may_write = os.access(ledger, os.W_OK) and os.access(ledger.parent, os.W_OK)
    return not may_write and not wal.exists() and os.access(ledger, os.R_OK)


def open_frozen(ledger: Path) -> sqlite3.Connection:
    """Open a ledger that nobody changes; raises sqlite3.Error."""
    # https://www.sqlite.org/uri.html#uriimmutable
    place = f"{ledger.absolute().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(place, uri=True, isolation_level=None, cached_statements=64)


def _files(ledger: Path) -> tuple[Path, Path, Path]:
    return ledger, ledger.with_name(f"{ledger.name}-wal"), ledger.with_name(f"{ledger.name}-shm")
