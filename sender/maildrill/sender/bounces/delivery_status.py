"""Delivery status notifications (RFC 3464): one report for each recipient that a message/delivery-status names. Pure.

Rule: what real servers write is read, be it by the book or not: fields in any case, addresses with or without a type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

from maildrill.sender.bounces.report import Kind, Report
from maildrill.sender.xtext import read_utf8, read_xtext
from maildrill.smtp import Reply

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
    """Yield what a part message/delivery-status says; nothing where it says nothing."""
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
                form="RFC 3464",
            )


def envelope_id_of(part: Message) -> str:
    """Return the ENVID that a part message/delivery-status is about, or ""."""
    return next((field_of(block, "Original-Envelope-Id") for block in _blocks(part)), "")


def reply_in(text: str) -> Reply | None:
    """Return the reply that a text quotes: from its first code on, where there is one."""
    found = _REPLY.search(text)
    if found is None:
        return None
    return Reply(int(found[1]), tuple(filter(None, [text[found.end() :].strip()])))


def field_of(message: Message, name: str) -> str:
    """Return a field on one line, "" where there is none."""
    return _BLANKS.sub(" ", str(message.get(name) or "")).strip()


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


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
