"""The words that SMTP commands are made of: domains, address literals, strings (RFC 5321 section 4.1.2 and 4.1.3).

Rule: to the letter, and with the letters beyond ASCII that SMTPUTF8 brings (RFC 6531 section 3.3). Pure.
"""

from __future__ import annotations

import re

#: Characters beyond ASCII that SMTPUTF8 brings; control characters and surrogates are none.
WIDE = "\u00a0-\ud7ff\ue000-\U0010ffff"
ATOM = rf"[A-Za-z0-9!#$%&'*+\-/=?^_`{{|}}~{WIDE}]+"
QUOTED = rf'"(?:[ !#-\[\]-~{WIDE}]|\\[ -~])*"'
_LABEL = rf"[A-Za-z0-9{WIDE}](?:[A-Za-z0-9\-{WIDE}]*[A-Za-z0-9{WIDE}])?"
DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"

# In octets: RFC 1035 section 2.3.4, RFC 5321 section 4.5.3.1.2.
_MAX_LABEL = 63
_MAX_DOMAIN = 255

_DOMAIN = re.compile(DOMAIN)
_STRING = re.compile(rf"{ATOM}|{QUOTED}")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_HEX = re.compile(r"[0-9A-Fa-f]{1,4}")


def is_domain(text: str) -> bool:
    """Whether this is a domain: labels of letters, digits and inner hyphens, not too long."""
    if _DOMAIN.fullmatch(text) is None or len(text.encode()) > _MAX_DOMAIN:
        return False
    return all(len(label.encode()) <= _MAX_LABEL for label in text.split("."))


def is_literal(text: str) -> bool:
    """Whether this is an address in brackets: IPv4, or `IPv6:` and an address; no other tag is registered."""
    if not (text.startswith("[") and text.endswith("]")):
        return False
    inner = text[1:-1]
    return _is_ipv6(inner[5:]) if inner[:5].upper() == "IPV6:" else _is_ipv4(inner)


def is_string(text: str) -> bool:
    """Whether this is what VRFY, EXPN, HELP and NOOP take: an atom or a quoted string."""
    return _STRING.fullmatch(text) is not None


def _is_ipv4(text: str) -> bool:
    return _IPV4.fullmatch(text) is not None and all(int(number) <= 255 for number in text.split("."))


def _is_ipv6(text: str) -> bool:
    """Whether this is an IPv6 address as RFC 5321 has it: there `::` stands for two groups at least."""
    room = 8
    if "." in text:
        text, _, quad = text.rpartition(":")
        if not _is_ipv4(quad):
            return False
        room = 6
        text += ":" * text.endswith(":")
    head, gap, tail = text.partition("::")
    groups = [group for part in (head, tail) if part for group in part.split(":")]
    if not all(map(_HEX.fullmatch, groups)):
        return False
    return len(groups) <= room - 2 if gap else len(groups) == room
