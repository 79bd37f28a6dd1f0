"""What a recipient list holds, as values: rows that can be sent to, and entries that were set aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from maildrill.smtp.quickly import quickly


class Reason(StrEnum):
    """Why an entry of the list gets no message."""

    INVALID = "invalid"  # no address by RFC 5321 and 6531
    DUPLICATE = "duplicate"  # an earlier row has the same address
    SUPPRESSED = "suppressed"  # a suppression list has the address


@quickly
@dataclass(frozen=True, slots=True)
class Row:
    """One recipient. number: the line of the file on which the row begins. address: as the envelope needs it.

    fields: every named column of the row, blanks at both ends removed; the values are a stranger's text.
    """

    number: int
    address: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SetAside:
    """An entry without a message: its line, what the list says there, why not, and the evidence in words."""

    number: int
    value: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class RecipientList:
    """A list as read: recipients and set-aside entries in the file's order, and the names of its columns."""

    recipients: tuple[Row, ...]
    set_aside: tuple[SetAside, ...]
    columns: tuple[str, ...]


class Recipients(Protocol):
    """A list as read, in memory or not; each of the two can be gone through any number of times."""

    @property
    def columns(self) -> Sequence[str]: ...  # noqa: D102 - the names say it

    @property
    def recipients(self) -> Iterable[Row]: ...  # noqa: D102

    @property
    def set_aside(self) -> Iterable[SetAside]: ...  # noqa: D102
