"""The text in a message's body (RFC 2045, RFC 2046): text parts, decoded, one behind the other.

Rule: whatever the octets are there is an answer, in a time that grows as they do; what is broken stays as it came.
Pure.
"""

from __future__ import annotations

import binascii
import codecs
import re

from maildrill.smtp.text import decode

_DEEP = 10  # parts within parts; what lies deeper is not looked at
_MANY = 1_000  # parts
_PARAMETER = r';\s*{}\s*=\s*(?:"([^"]*)"|([^;\s]+))'
_BOUNDARY = re.compile(_PARAMETER.format("boundary"), re.IGNORECASE)
_CHARSET = re.compile(_PARAMETER.format("charset"), re.IGNORECASE)
_TYPE = re.compile(r"(?mi)^Content-Type:((?:.|\n[ \t])*)")
_ENCODING = re.compile(r"(?mi)^Content-Transfer-Encoding:((?:.|\n[ \t])*)")
#: Codecs of Python's that are no charset of mail, or take a time beyond all measure.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})


def text_of(kind: str, encoding: str, body: bytes) -> str:
    """Return the text of a body; `kind` is its Content-Type, `encoding` its Content-Transfer-Encoding ("": none)."""
    texts: list[str] = []
    stack = [(kind, encoding, body, 0)]
    while stack and len(texts) < _MANY:
        kind, encoding, body, depth = stack.pop()
        kind = kind.strip()
        boundary = _parameter(_BOUNDARY, kind)
        if kind.lower().startswith("multipart/") and boundary:
            parts = _parts(body, boundary) if depth < _DEEP else []
            stack += ((*_part(part), depth + 1) for part in reversed(parts))
        elif not kind or kind.lower().startswith("text/"):
            texts.append(_text(_parameter(_CHARSET, kind), encoding.strip().lower(), body))
    return "\n".join(texts)


def charset_text(octets: bytes, charset: str) -> str | None:
    """Return octets as text in a charset, its wrong octets replaced; None where there is no such charset."""
    try:
        if codecs.lookup(charset).name in _NO_CHARSETS:
            return None
        return octets.decode(charset, "replace")
    except (LookupError, ValueError):  # unknown, no charset at all, or a name with NUL in it
        return None


def base64_octets(octets: bytes) -> bytes | None:
    """Return what is written in base64, None where it is none; padding may be missing."""
    try:
        return binascii.a2b_base64(octets + b"==")
    except binascii.Error:
        return None


def quoted_octets(octets: bytes, *, header: bool = False) -> bytes:
    """Return what is written as quoted-printable; `header`: an underscore is a blank (RFC 2047 section 4.2)."""
    return binascii.a2b_qp(octets, header=header)


def _text(charset: str, encoding: str, body: bytes) -> str:
    octets: bytes | None = body
    if encoding == "base64":
        octets = base64_octets(body)
    elif encoding == "quoted-printable":
        octets = quoted_octets(body)
    octets = body if octets is None else octets
    text = charset_text(octets, charset) if charset else None
    return (decode(octets) if text is None else text).replace("\r\n", "\n")


def _parts(body: bytes, boundary: str) -> list[bytes]:
    """Return the parts between the lines of a boundary (RFC 2046 section 5.1.1); without the last line all the rest."""
    mark = b"--" + boundary.encode("utf-8", "surrogateescape")
    parts = []
    for piece in (b"\r\n" + body).split(b"\r\n" + mark)[1:]:
        if piece.startswith(b"--"):
            break
        head, end, rest = piece.partition(b"\r\n")
        if end and not head.strip():
            parts.append(rest)
    return parts


def _part(part: bytes) -> tuple[str, str, bytes]:
    head, _, body = (b"\r\n" + part).partition(b"\r\n\r\n")
    header = decode(head).replace("\r\n", "\n")
    kind, encoding = (match[1] if (match := field.search(header)) else "" for field in (_TYPE, _ENCODING))
    return kind, encoding, body


def _parameter(parameter: re.Pattern[str], value: str) -> str:
    match = parameter.search(value)
    return (match[1] or match[2] or "") if match else ""
