"""A list as it was read, in temporary files: as often as it is gone through, it is the same, and memory stays flat.

Rule: a list that changes on the disk meanwhile changes nothing; what was checked is what is sent to.
"""

from __future__ import annotations

import json
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from typing import IO

from maildrill.sender.lists.rows import Reason, Row, SetAside
from maildrill.sender.lists.seen import no_room

#: So many octets stay in memory; more of them go into a file.
_IN_MEMORY = 2**20
_BLOCK = 65536  # octets of lines that are read at once


class Listing:
    """Recipients and set-aside entries in the file's order, to be gone through any number of times.

    columns: the names of its columns. Raises ConfigurationError where the disk has no room.
    """

    def __init__(self, columns: tuple[str, ...], entries: Iterable[Row | SetAside]) -> None:
        self.columns = columns
        self._rows, self._aside = _Lines(), _Lines()
        for entry in entries:
            if isinstance(entry, Row):
                self._rows.add([entry.number, entry.address, [entry.fields[column] for column in columns]])
            else:
                self._aside.add([entry.number, entry.value, entry.reason.value, entry.detail])

    @property
    def recipients(self) -> Iterator[Row]:
        """The rows that can be sent to."""
        for number, address, fields in self._rows:
            yield Row(number, address, dict(zip(self.columns, fields, strict=True)))

    @property
    def set_aside(self) -> Iterator[SetAside]:
        """The entries without a message."""
        for number, value, reason, detail in self._aside:
            yield SetAside(number, value, Reason(reason), detail)


class _Lines:
    """JSON values, one a line, in a file that nobody else has."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it lives as long as we
        weakref.finalize(self, self._file.close)

    def add(self, value: list[object]) -> None:
        try:
            self._file.write(json.dumps(value).encode() + b"\n")
        except OSError as error:
            raise no_room(error.strerror or str(error)) from None

    def __iter__(self) -> Iterator[list]:  # type: ignore[type-arg]  # as JSON has it
        offset = 0
        while True:
            self._file.seek(offset)  # somebody else may be going through it, too
            lines = self._file.readlines(_BLOCK)
            if not lines:
                return
            offset = self._file.tell()
            yield from map(json.loads, lines)
