"""The list of a campaign while people change it: who is in it now, and everybody who ever was. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from maildrill.sender.lists import RecipientList, Row
from maildrill.sender.lists.addresses import parse_address
from maildrill.sender.lists.rows import Reason, SetAside

_WHY = "an operator said so"


class Roll:
    """A list that changes. email: the column with the addresses."""

    def __init__(self, found: RecipientList, email: str) -> None:
        self._email = email
        self._rows = list(found.recipients)
        self._first = next(iter(found.recipients), None)
        self._handed: tuple[Row, ...] = ()  # to the first run, and to all as long as nobody changes the list
        self._ever: dict[str, Row] | None = None  # None: those, and nobody else; a long list is not kept twice
        self._set_aside = list(found.set_aside)
        self._last = max([1, *(row.number for row in found.recipients), *(row.number for row in found.set_aside)])
        self._suppressed: set[str] = set()

    @property
    def ever(self) -> tuple[Row, ...]:
        """Everybody whom a run was to write to."""
        return self._handed if self._ever is None else tuple(self._ever.values())

    def handed_out(self) -> tuple[Row, ...]:
        """Return who is to be written to now, to a run that will do so."""
        rows = tuple(self._rows)
        if self._ever is None and (not self._handed or rows == self._handed):
            self._handed = rows
        else:
            ever = self._everybody()
            ever |= {row.address: ever.get(row.address, row) for row in rows}
        return rows

    def forget(self, addresses: Iterable[str]) -> None:
        """No run was to write to these: the first that was given them died before it had written them down."""
        for address in addresses:
            del self._everybody()[address]

    def _everybody(self) -> dict[str, Row]:
        if self._ever is None:
            self._ever = {row.address: row for row in self._handed}
        return self._ever

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """All entries that got, or get, no message."""
        return tuple(self._set_aside)

    def add(self, address: str) -> None:
        """Add a row as the first one, with another address, at the end; one that cannot be is set aside."""
        self._last += 1
        try:
            parsed = parse_address(address)
        except ValueError as error:
            self._set_aside.append(SetAside(self._last, address, Reason.INVALID, str(error)))
            return
        if parsed.identity in self._suppressed:
            self._set_aside.append(SetAside(self._last, address, Reason.SUPPRESSED, _WHY))
        elif any(_identity(row.address) == parsed.identity for row in self._rows):
            self._set_aside.append(SetAside(self._last, address, Reason.DUPLICATE, "same address as another line"))
        else:
            before = next((row for row in self.ever if _identity(row.address) == parsed.identity), None)
            fields = {**(self._first.fields if self._first else {}), self._email: address}
            self._rows.append(before or Row(self._last, parsed.text, fields))

    def remove(self, address: str) -> None:
        """Take out the rows with this address."""
        self._rows = [row for row in self._rows if _identity(row.address) != _identity(address)]

    def suppress(self, address: str) -> None:
        """Set aside the rows with this address, those that are and those that will be."""
        self._suppressed.add(_identity(address))
        out = [row for row in self._rows if _identity(row.address) == _identity(address)]
        self._set_aside += [SetAside(row.number, row.address, Reason.SUPPRESSED, _WHY) for row in out]
        self.remove(address)


def _identity(address: str) -> str:
    with suppress(ValueError):
        return parse_address(address).identity
    return address
