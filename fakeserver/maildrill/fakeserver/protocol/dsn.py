"""What DSN adds to MAIL and RCPT: RET, ENVID, NOTIFY and ORCPT, and the encoding of their values (RFC 3461).

Rule: each reader returns None for what the grammar does not have. Pure.
"""

from __future__ import annotations

import re

from maildrill.fakeserver.protocol.grammar import ATOM, WIDE

# RFC 3461 sections 4.2 and 4.4: characters, as encoded.
_MAX_ENVID = 100
_MAX_ORCPT = 500

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_TO_ENCODE = re.compile(r"[^!-*,-<>-~]")
_TYPE = re.compile(ATOM, re.ASCII)
# RFC 6533 section 3: beyond ASCII an address of type utf-8 is spelt out, or has \x{…}; + and = are xtext's.
_UNITEXT = re.compile(rf"(?:[!-*,-<>-\[\]-~{WIDE}]|\\x\{{[0-9A-F]{{2,6}}\}}|\+[0-9A-F]{{2}})*")
_POINT = re.compile(r"\\x\{([0-9A-F]{2,6})\}|\+([0-9A-F]{2})")
_LAST_POINT = 0x10FFFF
_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})


def read_xtext(text: str) -> str | None:
    """Return what xtext says, each octet a character (RFC 3461 section 4)."""
    if _XTEXT.fullmatch(text) is None:
        return None
    return _HEXCHAR.sub(lambda match: chr(int(match[1], 16)), text)


def write_xtext(text: str) -> str:
    """Return ASCII text as xtext. Raises ValueError for other text, which xtext cannot hold."""
    if not text.isascii():
        raise ValueError("xtext holds ASCII only")
    return _TO_ENCODE.sub(lambda match: f"+{ord(match[0]):02X}", text)


def read_ret(value: str) -> str | None:
    """Return how much of a message a bounce returns: FULL or HDRS."""
    word = value.upper()
    return word if word in ("FULL", "HDRS") else None


def read_envid(value: str) -> str | None:
    """Return the envelope identifier: printable, and not nothing."""
    text = _ascii(read_xtext(value)) if len(value) <= _MAX_ENVID else None
    return text if text and text.isprintable() else None


def read_notify(value: str) -> frozenset[str] | None:
    """Return what the sender wants to hear of: some of SUCCESS, FAILURE and DELAY; nothing for NEVER."""
    words = value.upper().split(",")
    if words == ["NEVER"]:
        return frozenset()
    return frozenset(words) if _NOTIFY.issuperset(words) else None


def read_orcpt(value: str) -> tuple[str, str] | None:
    """Return the original recipient: the type of the address (`rfc822`) in lower case, and the address."""
    kind, semicolon, coded = value.partition(";")
    if len(value) > _MAX_ORCPT or not semicolon or not kind.isascii() or _TYPE.fullmatch(kind) is None:
        return None
    kind = kind.lower()
    address = _read_unitext(coded) if kind == "utf-8" else _ascii(read_xtext(coded))
    return (kind, address) if address and address.isprintable() else None


def _ascii(text: str | None) -> str | None:
    return text if text is not None and text.isascii() else None


def _read_unitext(text: str) -> str | None:
    if _UNITEXT.fullmatch(text) is None:
        return None
    points = [int(long or short, 16) for long, short in _POINT.findall(text)]
    if max(points, default=0) > _LAST_POINT:
        return None
    left = iter(points)
    return _POINT.sub(lambda _match: chr(next(left)), text)
