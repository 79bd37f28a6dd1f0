"""Delivery status notifications (RFC 3464, RFC 6533): one report for each recipient that one of them names. Pure.

Rule: what real servers write is read, be it by the book or not: fields in any case, addresses with or without a type.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

from maildrill.sender.bounces.report import Kind, Report
from maildrill.sender.xtext import read_utf8, read_xtext
from maildrill.smtp import Reply

#: The report that may hold addresses beyond ASCII (RFC 6533 section 6.2).
GLOBAL = "message/global-delivery-status"
_ACTIONS = {
    "failed": Kind.FAILED,
    "failure": Kind.FAILED,
    "delayed": Kind.DELAYED,
    "delivered": Kind.DELIVERED,
    "relayed": Kind.RELAYED,
    "expanded": Kind.EXPANDED,
}
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b", re.ASCII)
_REPLY = re.compile(r"(?<![\d.])([245]\d\d)(?:[ -]|$)", re.ASCII)
_COMMENT = re.compile(r"\s*\([^()]*\)\s*$")
_BLANKS = re.compile(r"\s+")


def reports_of(part: Message) -> Iterator[Report]:
    """Yield what a part message/delivery-status, or its global kind, says; nothing where it says nothing."""
    form = "RFC 6533" if part.get_content_type() == GLOBAL else "RFC 3464"
    blocks = [block for block in _blocks(part) if len(block)]
    reporter = next((_typed(field_of(block, "Reporting-MTA")) for block in blocks if "Reporting-MTA" in block), "")
    for block in blocks:
        kind = _kind(block)
        if kind is not None:
            yield Report(
                kind=kind,
                recipients=_recipients(block),
                status=_status(block),
                reply=reply_in(_typed(field_of(block, "Diagnostic-Code"))),
                why=_typed(field_of(block, "Diagnostic-Code")),
                reporter=_typed(field_of(block, "Remote-MTA")) or reporter,
                form=form,
            )


def envelope_id_of(part: Message) -> str:
    """Return the ENVID that such a part is about, or ""."""
    return next((field_of(block, "Original-Envelope-Id") for block in _blocks(part)), "")


def reply_in(text: str) -> Reply | None:
    """Return the reply that a text quotes: from its first code on, where there is one."""
    found = _REPLY.search(text)
    if found is None:
        return None
    return Reply(int(found[1]), tuple(filter(None, [text[found.end() :].strip()])))


def field_of(message: Message, name: str) -> str:
    """Return a field on one line, "" where there is none; octets beyond ASCII are UTF-8 (RFC 6532)."""
    found = next((str(value) for key, value in message.raw_items() if key.casefold() == name.casefold()), "")
    text = found.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _BLANKS.sub(" ", text).strip()


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    blocks = [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
    if part.get_content_type() != GLOBAL or not blocks:
        return blocks
    # The standard library takes it for a message: its first block for the header, all others for the body.
    octets = _unpacked(blocks[0].as_bytes(), field_of(part, "Content-Transfer-Encoding").casefold())
    return _blocks(message_from_bytes(b"Content-Type: message/delivery-status\n\n" + octets.lstrip(b"\r\n")))


def _unpacked(octets: bytes, encoding: str) -> bytes:
    """Return octets without their transfer encoding, which a global report may have (RFC 6533 section 6.2)."""
    if encoding == "quoted-printable":
        return a2b_qp(octets)
    if encoding == "base64":
        try:
            return a2b_base64(octets)
        except ValueError:
            return b""
    return octets


def _kind(block: Message) -> Kind | None:
    action = field_of(block, "Action").partition(" ")[0].casefold().rstrip(".;")
    kind = _ACTIONS.get(action)
    if kind is None and _recipients(block):  # no action, and still about somebody: the status says which
        return {"2": Kind.DELIVERED, "4": Kind.DELAYED, "5": Kind.FAILED}.get(_status(block)[:1])
    return kind


def _recipients(block: Message) -> tuple[str, ...]:
    names = ("Original-Recipient", "Final-Recipient", "X-Actual-Recipient")
    found = (address for name in names for address in _addresses(field_of(block, name)))
    return tuple(dict.fromkeys(address for address in found if "@" in address))


def _addresses(text: str) -> tuple[str, ...]:
    """Return what a field names: as it stands there, and what it means if ORCPT's encoding was left in it."""
    said = _address(_typed(text))
    if text.partition(";")[0].strip().casefold() == "utf-8":
        return (read_utf8(said),)  # RFC 6533 section 4.2
    return (said, read_xtext(said) or said)


def _status(block: Message) -> str:
    found = _STATUS.search(field_of(block, "Status")) or _STATUS.search(_typed(field_of(block, "Diagnostic-Code")))
    return found[0] if found else ""


def _typed(text: str) -> str:
    """Return what stands behind a type such as `rfc822;` or `smtp;`, comments left out."""
    kind, mark, value = text.partition(";")
    return _COMMENT.sub("", value if mark and kind.strip().replace("-", "").isalnum() else text).strip()


def _address(text: str) -> str:
    return text.strip().removeprefix("<").removesuffix(">").strip()
