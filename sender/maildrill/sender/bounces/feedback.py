"""Feedback reports (RFC 5965): somebody pressed "this is spam". Pure."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message

from maildrill.sender.bounces.delivery_status import field_of
from maildrill.sender.bounces.report import Kind, Report

#: Kinds of feedback that are no complaint of a recipient: a server says that a signature failed, or takes it back.
_NO_COMPLAINT = frozenset({"auth-failure", "not-spam", "dmarc"})


def complaints_of(part: Message) -> Iterator[Report]:
    """Yield a complaint for each recipient that a part message/feedback-report names; one without, if it names none."""
    fields = _fields(part)
    kind = field_of(fields, "Feedback-Type").casefold()
    if kind in _NO_COMPLAINT:
        return
    named = [str(value).strip(" <>") for value in fields.get_all("Original-Rcpt-To", [])]
    named += [str(value).strip(" <>") for value in fields.get_all("Removal-Recipient", [])]
    for recipient in dict.fromkeys(named) or [""]:
        yield Report(
            kind=Kind.COMPLAINT,
            recipients=(recipient,) if recipient else (),
            why=f"feedback: {kind or 'abuse'}",
            reporter=field_of(fields, "Reporting-MTA").partition(";")[2].strip() or field_of(fields, "User-Agent"),
            form="RFC 5965",
        )


def _fields(part: Message) -> Message:
    """Return the fields of the report, which the email package takes for a message of its own."""
    return next((inner for inner in part.walk() if inner is not part), part)
