"""An event as a line: text for people, JSON for programs, Postfix' words for the tools that read its log. Pure."""

from __future__ import annotations

import json
from enum import StrEnum
from hashlib import blake2b

from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_schema import VERSION
from maildrill.sender.log_text import as_text
from maildrill.smtp import timestamp


class Form(StrEnum):
    """What a line looks like."""

    TEXT = "text"  # the connection log
    JSON = "json"  # as in events.jsonl
    POSTFIX = "postfix"  # the outcomes alone, as Postfix' smtp client logs them


_OUTCOMES = frozenset({"attempt", "recipient.expired", "recipient.held"})


def as_line(event: LogEvent, form: Form) -> str:
    """Return the line of an event with its line end, or nothing where it has none in this form."""
    if form is Form.JSON:
        return as_json(event)
    if form is Form.TEXT:
        return as_text(event.at, event.kind, event.fields)
    return _as_postfix(event) if event.kind in _OUTCOMES else ""


def as_json(event: LogEvent) -> str:
    """Return the event as one line of JSON, as it stands in events.jsonl, kinds and fields of the future included."""
    record = {"v": VERSION, "n": event.number, "at": event.at, "kind": event.kind, **event.fields}
    return json.dumps(record, separators=(",", ":")) + "\n"


def _as_postfix(event: LogEvent) -> str:
    """Return `TIME maildrill postfix/smtp[SESSION]: ID: to=<…>, relay=…`; the ID is the recipient's in all tries."""
    outcome = as_text(event.at, event.kind, event.fields).partition(" === ")[2]
    recipient = str(event.fields["recipient"])
    queue_id = blake2b(recipient.casefold().encode("utf-8", "surrogatepass"), digest_size=5).hexdigest().upper()
    session = event.fields.get("session", 0)
    return f"{timestamp(event.at)} maildrill postfix/smtp[{session}]: {queue_id}: {outcome}"
