"""A list file becomes recipients: every address checked, no mailbox twice, nothing dropped in silence."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from maildrill.sender.campaign import Campaign
from maildrill.sender.lists.addresses import parse_address, split_mailbox
from maildrill.sender.lists.csv_file import Sheet, read_sheet
from maildrill.sender.lists.decoding import read_list_text
from maildrill.sender.lists.rows import Reason, RecipientList, Row, SetAside
from maildrill.sender.lists.suppression import Suppressed, read_suppressed
from maildrill.smtp import ConfigurationError, did_you_mean, escape


def read_list(campaign: Campaign) -> RecipientList:
    """Return the recipients of a campaign; raises ConfigurationError with file and line."""
    suppressed = read_suppressed(campaign.suppress)
    return parse_list(read_list_text(campaign.list_file), str(campaign.list_file), campaign.email, suppressed)


def parse_list(
    text: str, name: str, email: str, suppressed: Mapping[str, Suppressed] = MappingProxyType({})
) -> RecipientList:
    """Return the recipients of a CSV text; `name` is what errors call it, `email` the column with the addresses.

    An address that is none, a second row for a mailbox, and who is suppressed are set aside. Raises
    ConfigurationError where the text is no table or has no such column.
    """
    email = unicodedata.normalize("NFC", email.strip())
    sheet = read_sheet(text, name, email)
    column = _address_column(sheet, name, email)
    recipients: list[Row] = []
    set_aside: list[SetAside] = []
    seen: dict[str, int] = {}
    for line, fields in sheet.records:
        value = fields[column]
        try:
            address = parse_address(split_mailbox(value)[1])
        except ValueError as error:
            set_aside.append(SetAside(line, value, Reason.INVALID, str(error)))
            continue
        first = seen.setdefault(address.identity, line)
        if first != line:
            set_aside.append(SetAside(line, value, Reason.DUPLICATE, f"same address as line {first}"))
            continue
        if address.identity in suppressed:
            set_aside.append(SetAside(line, value, Reason.SUPPRESSED, str(suppressed[address.identity])))
            continue
        named = {title: field for title, field in zip(sheet.columns, fields, strict=True) if title}
        recipients.append(Row(line, address.text, named))
    return RecipientList(tuple(recipients), tuple(set_aside), tuple(filter(None, sheet.columns)))


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
