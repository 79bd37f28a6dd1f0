"""Suppression lists: who is not to be written to, whatever a campaign's list says.

A text file: an address on each line, then anything that says why; `#` begins a comment. Rule: an address is compared
as lists compare it, so that no other spelling of it slips through (invariant I52).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from maildrill.sender.lists.addresses import parse_address
from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import read_text


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Why somebody is not to be written to, and where that is written: `file:line`."""

    why: str
    where: str

    def __str__(self) -> str:
        return f"{self.why} ({self.where})" if self.why else self.where


def read_suppressed(files: Iterable[Path]) -> Mapping[str, Suppressed]:
    """Return who must not be written to, by the identity of the address (see Address).

    Raises ConfigurationError for a file that cannot be read, and for a line that begins with no address: to pass over
    it would be to write to somebody who is not to be written to.
    """
    found: dict[str, Suppressed] = {}
    for file in files:
        for identity, suppressed in _entries(read_text(file, "suppression list"), str(file)):
            found.setdefault(identity, suppressed)
    return found


class Suppressing:
    """A suppression list that is to be added to; it is read and checked here, so that nothing else is done in vain.

    The file is made if there is none. Raises ConfigurationError for one that cannot be used.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = set(read_suppressed([file])) if file.exists() else set()
        _append(file, "")

    def add(self, entries: Iterable[tuple[str, str]]) -> list[str]:
        """Add addresses, each with why; return those that the list had not yet. Raises ConfigurationError."""
        added: list[str] = []
        lines: list[str] = []
        for address, why in entries:
            identity = parse_address(address).identity
            if identity not in self._known:
                self._known.add(identity)
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


def _entries(text: str, name: str) -> Iterator[tuple[str, Suppressed]]:
    for number, line in enumerate(text.splitlines(), 1):
        address, _, why = line.strip().replace("\t", " ").partition(" ")
        if not address or address.startswith("#"):
            continue
        where = f"{name}:{number}"
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
