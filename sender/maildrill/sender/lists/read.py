"""A list file becomes recipients: every address checked, no mailbox twice, nothing dropped in silence."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from maildrill.sender.campaign import Campaign
from maildrill.sender.lists.addresses import parse_address, split_mailbox
from maildrill.sender.lists.csv_file import Sheet, read_sheet
from maildrill.sender.lists.decoding import ListText, list_text, open_list
from maildrill.sender.lists.listing import Listing
from maildrill.sender.lists.rows import Reason, RecipientList, Row, SetAside
from maildrill.sender.lists.seen import Seen
from maildrill.sender.lists.suppression import Suppression, read_suppressed
from maildrill.smtp import ConfigurationError, did_you_mean, escape


def read_list(campaign: Campaign) -> RecipientList:
    """Return the recipients of a campaign, in memory; raises ConfigurationError with file and line."""
    with open_list(campaign.list_file) as text, read_suppressed(campaign.suppress) as suppressed:
        columns, entries = _read(text, str(campaign.list_file), campaign.email, suppressed)
        return _gathered(columns, entries)


def spool_list(campaign: Campaign) -> Listing:
    """Return the recipients of a campaign, in temporary files; raises ConfigurationError with file and line.

    The whole list is read and checked here, once: what is gone through later is what was checked.
    """
    with open_list(campaign.list_file) as text, read_suppressed(campaign.suppress) as suppressed:
        columns, entries = _read(text, str(campaign.list_file), campaign.email, suppressed)
        return Listing(columns, entries)


def parse_list(text: str, name: str, email: str, suppressed: Suppression | None = None) -> RecipientList:
    """Return the recipients of a CSV text; `name` is what errors call it, `email` the column with the addresses.

    An address that is none, a second row for a mailbox, and who is suppressed are set aside. Raises
    ConfigurationError where the text is no table or has no such column.
    """
    return _gathered(*_read(list_text(text), name, email, suppressed))


def _gathered(columns: tuple[str, ...], entries: Iterator[Row | SetAside]) -> RecipientList:
    recipients: list[Row] = []
    set_aside: list[SetAside] = []
    for entry in entries:
        if isinstance(entry, Row):
            recipients.append(entry)
        else:
            set_aside.append(entry)
    return RecipientList(tuple(recipients), tuple(set_aside), columns)


def _read(
    text: ListText, name: str, email: str, suppressed: Suppression | None
) -> tuple[tuple[str, ...], Iterator[Row | SetAside]]:
    """Return the names of the columns, and what will be read of the list, in order."""
    email = unicodedata.normalize("NFC", email.strip())
    sheet = read_sheet(text, name, email)
    return tuple(filter(None, sheet.columns)), _entries(sheet, _address_column(sheet, name, email), suppressed)


def _entries(sheet: Sheet, column: int, suppressed: Suppression | None) -> Iterator[Row | SetAside]:
    with Seen() as seen:
        for line, fields in sheet.records:
            value = fields[column]
            try:
                address = parse_address(split_mailbox(value)[1])
            except ValueError as error:
                yield SetAside(line, value, Reason.INVALID, str(error))
                continue
            first = seen.first(address.identity, line)
            if first != line:
                yield SetAside(line, value, Reason.DUPLICATE, f"same address as line {first}")
            elif suppressed and (why := suppressed.get(address.identity)):
                yield SetAside(line, value, Reason.SUPPRESSED, str(why))
            else:
                named = {title: field for title, field in zip(sheet.columns, fields, strict=True) if title}
                yield Row(line, address.text, named)


def _address_column(sheet: Sheet, name: str, email: str) -> int:
    if email in sheet.columns:
        return sheet.columns.index(email)
    headless = any("@" in column for column in sheet.columns)
    raise ConfigurationError(
        f'recipient list has no column "{escape(email)}"',
        where=f"{name}:{sheet.header_line}",
        expected="one of: " + ", ".join(escape(column) for column in sheet.columns if column),
        hint="the first line must name the columns" if headless else did_you_mean(email, sheet.columns),
    )
