"""Read a message that came back: by the book where it keeps to one, else as people read it. Pure.

Rule: nothing in a stranger's message raises; what cannot be read is no report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parseaddr

from maildrill.sender.bounces.delivery_status import GLOBAL, envelope_id_of, field_of, reports_of
from maildrill.sender.bounces.feedback import complaints_of
from maildrill.sender.bounces.report import Kind, Report, Returned
from maildrill.sender.bounces.texts import reports_in
from maildrill.smtp import decode

_ID = re.compile(r"<[^<>\s]+@[^<>\s]+>")
_MESSAGE_ID = re.compile(r"^[> ]*Message-ID:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_FIELDS = re.compile(rb"^(Final|Original)-Recipient:", re.IGNORECASE | re.MULTILINE)
_OF_A_MESSAGE = ("From", "Received", "Return-Path", "Content-Type", "To")
_DAEMONS = re.compile(r"mailer-daemon|postmaster|mail delivery|mailerdaemon|mail-daemon|<>", re.IGNORECASE)
_STATUS = ("message/delivery-status", GLOBAL)
_RETURNED = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global",
    "message/global-headers",
)


def read_message(octets: bytes) -> Returned:
    """Return what a message reports; `reports` is empty where it is none. Never raises."""
    message = message_from_bytes(octets.lstrip(b"\r\n"))
    if not any(name in message for name in _OF_A_MESSAGE):  # people paste the part that they understand
        return Returned(reports=tuple(_pasted(octets)), message_ids=tuple(_MESSAGE_ID.findall(decode(octets))))
    parts = list(message.walk())
    reports = tuple(_by_the_book(parts))
    if not reports:
        reports = tuple(_for_people(message, parts))
    return Returned(
        reports=reports,
        message_ids=_about(message, parts),
        envelope_id=next(filter(None, map(envelope_id_of, _of_type(parts, *_STATUS))), ""),
        subject=field_of(message, "Subject"),
        sender=parseaddr(field_of(message, "From"))[1],
        at=field_of(message, "Date"),
    )


def _pasted(octets: bytes) -> Iterator[Report]:
    """Yield what a piece of a bounce says: its fields for programs where they are there, else its text."""
    if _FIELDS.search(octets):
        kind = b"Content-Type: message/delivery-status\n\n"
        yield from _by_the_book([message_from_bytes(kind + octets.replace(b"\r\n", b"\n"))])
    else:
        yield from reports_in(decode(octets))


def _by_the_book(parts: list[Message]) -> Iterator[Report]:
    for part in _of_type(parts, *_STATUS):
        yield from reports_of(part)
    for part in _of_type(parts, "message/feedback-report"):
        yield from complaints_of(part)


def _for_people(message: Message, parts: list[Message]) -> Iterator[Report]:
    """Yield what a bounce without fields for programs says, or an automatic reply."""
    failed = tuple(address for _, address in getaddresses([field_of(message, "X-Failed-Recipients")]) if "@" in address)
    sender = field_of(message, "From") or field_of(message, "Return-Path")
    if failed or _DAEMONS.search(sender) or _DAEMONS.search(field_of(message, "Return-Path")):
        yield from reports_in(_text_of(parts), field_of(message, "Subject"), failed)
    elif field_of(message, "Auto-Submitted").casefold().startswith("auto-replied"):
        address = parseaddr(sender)[1]
        why = field_of(message, "Subject")
        yield Report(kind=Kind.AUTOMATIC, recipients=(address,) if address else (), why=why, form="RFC 3834")


def _text_of(parts: list[Message]) -> str:
    texts = [part for part in _of_type(parts, "text/plain", "text/html") if part.get_filename() is None]
    return "\n".join(_decoded(part) for part in texts)


def _decoded(part: Message) -> str:
    octets = part.get_payload(decode=True)
    text = decode(octets) if isinstance(octets, bytes) else ""
    return re.sub(r"<(?![^<>\s]+@)[^<>]*>", " ", text) if part.get_content_type() == "text/html" else text


def _about(message: Message, parts: list[Message]) -> tuple[str, ...]:
    """Return the Message-IDs of what this is about: of the message that is attached, quoted, or replied to."""
    found: list[str] = []
    for part in _of_type(parts, *_RETURNED):
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        if isinstance(inner, Message):
            found += _ID.findall(field_of(inner, "Message-ID"))
        else:
            found += _MESSAGE_ID.findall(_decoded(part) or str(payload))
    found += _MESSAGE_ID.findall(_text_of(parts))
    found += _ID.findall(field_of(message, "In-Reply-To")) + _ID.findall(field_of(message, "References"))
    return tuple(dict.fromkeys(found))


def _of_type(parts: list[Message], *types: str) -> list[Message]:
    return [part for part in parts if part.get_content_type() in types]
