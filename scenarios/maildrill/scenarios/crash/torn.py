"""Ledgers with a torn tail: copies of which the last octets never reached the disk.

Rule: what SQLite has not moved into the file itself stands in its log of writes, and that is what a power cut tears.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from maildrill.scenarios.oracles import Torn
from maildrill.sender.ledger import read_ledger
from maildrill.smtp import MaildrillError

#: Which parts of the log of writes are left; and all but one octet.
_PARTS = (0.25, 0.5, 0.75, 1.0)


def torn(file: Path) -> Iterator[Torn]:
    """Yield what is read of a ledger whose log of writes is torn here, there and nowhere; nothing where it has none."""
    log = Path(f"{file}-wal")
    octets = log.read_bytes() if log.exists() else b""
    for length in sorted({*(int(len(octets) * part) for part in _PARTS), len(octets) - 1} if octets else set()):
        copy = file.parent / "torn" / file.name
        copy.parent.mkdir()
        shutil.copy(file, copy)
        Path(f"{copy}-wal").write_bytes(octets[:length])
        yield _read(copy, length)
        shutil.rmtree(copy.parent)


def _read(copy: Path, length: int) -> Torn:
    try:
        with closing(read_ledger(copy)) as book:
            return Torn(octets=length, states={record.address: record.state for record in book.recipients()})
    except MaildrillError as error:
        # so short that nothing of the ledger is whole: that is what was true before it was begun
        return Torn(octets=length, states={}, error="" if "is empty" in error.what else str(error))
