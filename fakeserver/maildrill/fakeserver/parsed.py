"""Messages as people read them: header fields, text and attachments, by the email package.

Rule: whatever a client sent can be read: what the email package stumbles over is given as it is. Pure.
"""

from __future__ import annotations

import email.policy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from functools import partial
from typing import Any, TypeVar, cast

from maildrill.smtp import decode

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of a message: its type, the name of its file ("" for none), its octets as they were before encoding."""

    content_type: str
    filename: str
    content: bytes


def parse(content: bytes) -> EmailMessage:
    """Return the message that these octets are; never raises."""
    return message_from_bytes(content, policy=email.policy.default)


def header_of(message: EmailMessage, name: str) -> str:
    """Return a field, decoded and on one line; "" where there is none."""
    for field, value in fields_of(message):
        if field.casefold() == name.casefold():
            return value
    return ""


def fields_of(message: EmailMessage) -> Iterator[tuple[str, str]]:
    """Return all fields of the header in order, decoded, each on one line."""
    for name, raw in message.raw_items():
        value = _octets(str(raw))
        read = partial(message.policy.header_fetch_parse, name, value)
        yield name, " ".join(str(_tried(read, value)).split())


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    """Return the body that is `text/plain` (or `kind`) and no attachment; "" where there is none."""
    part = _tried(partial(message.get_body, (kind,)), None)
    if part is None:
        return ""
    content = _content(part)
    charset = str(_tried(part.get_content_charset, None) or "utf-8")
    try:
        text = content.decode(charset)
    except (LookupError, ValueError):
        text = decode(content)
    return text.replace("\r\n", "\n")


def parts_of(message: EmailMessage) -> tuple[Part, ...]:
    """Return the leaves of the message in order."""
    return tuple(
        Part(part.get_content_type(), str(_tried(part.get_filename, None) or ""), _content(part))
        for part in message.walk()
        if not part.is_multipart()
    )


def _content(part: object) -> bytes:
    payload = _tried(partial(cast("EmailMessage", part).get_payload, decode=True), b"")
    return payload if isinstance(payload, bytes) else b""


def _tried(read: Callable[[], object], otherwise: _T) -> _T | Any:
    """Return what the email package reads; on some values it fails with errors of any kind."""
    try:
        return read()
    except Exception:
        return otherwise


def _octets(text: str) -> str:
    """Return text that the email package read as ASCII with surrogates as what it is."""
    return decode(text.encode("utf-8", "surrogateescape"))
