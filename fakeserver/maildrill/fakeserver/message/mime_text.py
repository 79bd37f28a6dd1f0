"""The parts of a message's body (RFC 2045, RFC 2046, RFC 2183), decoded; and its text, one part behind the other.

Rule: whatever the octets are there is an answer, in a time that grows as they do; what is broken stays as it came.
Pure.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from maildrill.smtp.text import decode

_DEEP = 10  # parts within parts; what lies deeper is not looked at
_MANY = 1_000  # parts
_PARAMETER = r';\s*{}\s*=\s*(?:"([^"]*)"|([^;\s]+))'
_BOUNDARY = re.compile(_PARAMETER.format("boundary"), re.IGNORECASE)
_CHARSET = re.compile(_PARAMETER.format("charset"), re.IGNORECASE)
_FILENAME = re.compile(_PARAMETER.format("filename"), re.IGNORECASE)
_NAME = re.compile(_PARAMETER.format("name"), re.IGNORECASE)
_SPELT_NAME = re.compile(r";\s*(?:file)?name\*\s*=\s*([A-Za-z0-9_-]+)'[^';]*'([^;\s]*)", re.IGNORECASE)  # RFC 2231
_TYPE = re.compile(r"(?mi)^Content-Type:((?:.|\n[ \t])*)")
_ENCODING = re.compile(r"(?mi)^Content-Transfer-Encoding:((?:.|\n[ \t])*)")
_DISPOSITION = re.compile(r"(?mi)^Content-Disposition:((?:.|\n[ \t])*)")
#: Codecs of Python's that are no charset of mail, or take a time beyond all measure.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of a message: its type in lower case, its file's name ("" for none), its octets, decoded.

    charset: as it says, "" where it does not. attached: it is to be kept apart from what a person reads.
    """

    content_type: str
    filename: str
    content: bytes
    charset: str = ""
    attached: bool = False

    @property
    def text(self) -> str:
        """The octets as text, a line feed between lines."""
        text = charset_text(self.content, self.charset) if self.charset else None
        return (decode(self.content) if text is None else text).replace("\r\n", "\n")


def parts_of(kind: str, encoding: str, disposition: str, body: bytes) -> Iterator[Part]:
    """Give the leaves of a body in order, of which Content-Type, -Transfer-Encoding and -Disposition say this."""
    found = 0
    stack = [(kind, encoding, disposition, body, 0)]
    while stack and found < _MANY:
        kind, encoding, disposition, body, depth = stack.pop()
        kind = kind.strip()
        boundary = _parameter(_BOUNDARY, kind)
        if kind.lower().startswith("multipart/") and boundary:
            pieces = _pieces(body, boundary) if depth < _DEEP else []
            stack += ((*_said(piece), depth + 1) for piece in reversed(pieces))
        else:
            found += 1
            yield _part(kind, encoding.strip().lower(), disposition.strip(), body)


def text_of(kind: str, encoding: str, body: bytes) -> str:
    """Return the text of a body; `kind` is its Content-Type, `encoding` its Content-Transfer-Encoding ("": none)."""
    return "\n".join(part.text for part in parts_of(kind, encoding, "", body) if part.content_type.startswith("text/"))


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


def _part(kind: str, encoding: str, disposition: str, body: bytes) -> Part:
    octets: bytes | None = body
    if encoding == "base64":
        octets = base64_octets(body)
    elif encoding == "quoted-printable":
        octets = quoted_octets(body)
    return Part(
        content_type=kind.partition(";")[0].strip().lower() or "text/plain",
        filename=_filename(disposition, kind),
        content=body if octets is None else octets,
        charset=_parameter(_CHARSET, kind),
        attached=disposition[:10].lower() == "attachment",
    )


def _filename(disposition: str, kind: str) -> str:
    spelt = _SPELT_NAME.search(disposition) or _SPELT_NAME.search(kind)
    if spelt is not None:
        octets = unquote_to_bytes(spelt[2])
        return charset_text(octets, spelt[1]) or decode(octets)
    return _parameter(_FILENAME, disposition) or _parameter(_NAME, kind)


def _pieces(body: bytes, boundary: str) -> list[bytes]:
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


def _said(piece: bytes) -> tuple[str, str, str, bytes]:
    head, _, body = (b"\r\n" + piece).partition(b"\r\n\r\n")
    header = decode(head).replace("\r\n", "\n")
    kind, encoding, disposition = (
        match[1] if (match := field.search(header)) else "" for field in (_TYPE, _ENCODING, _DISPOSITION)
    )
    return kind, encoding, disposition, body


def _parameter(parameter: re.Pattern[str], value: str) -> str:
    match = parameter.search(value)
    return (match[1] or match[2] or "") if match else ""
