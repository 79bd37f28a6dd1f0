"""How DSN writes text into a parameter: xtext (RFC 3461 section 4), and its kin for UTF-8 (RFC 6533 section 3). Pure.

Rule: what is written is printable ASCII without blank, plus and equals sign, and reads back as what it was.
"""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[^!-*,-<>-~]")
_SPECIAL_UTF8 = re.compile(r"[^!-*,-<>-\[\]-~]")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEX = re.compile(r"\+([0-9A-F]{2})")
_POINT = re.compile(r"\\x\{(0?[0-9A-F]{1,5}|10[0-9A-F]{4})\}|\+([0-9A-F]{2})", re.IGNORECASE)


def write_xtext(text: str) -> str:
    """Return ASCII text as xtext. Raises ValueError for other text, for which xtext has no form."""
    if not text.isascii():
        raise ValueError("xtext holds ASCII only")
    return _SPECIAL.sub(lambda match: f"+{ord(match[0]):02X}", text)


def read_xtext(text: str) -> str | None:
    """Return what xtext says; None where it is none, or says what is not ASCII."""
    if _XTEXT.fullmatch(text) is None:
        return None
    said = _HEX.sub(lambda match: chr(int(match[1], 16)), text)
    return said if said.isascii() else None


def write_utf8(address: str) -> str:
    """Return an address as utf-8-addr-xtext, which 7 bits hold whether SMTPUTF8 is offered or not."""
    return _SPECIAL_UTF8.sub(lambda match: f"\\x{{{ord(match[0]):02X}}}", address)


def read_utf8(text: str) -> str:
    """Return the address that any form of an address of type utf-8 spells; what is no such form stays as it is."""
    return _POINT.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
