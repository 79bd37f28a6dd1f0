"""Build MIME parts as octets (RFC 2045, 2046): text, alternatives, attachments.

Rule: everything is 7-bit, so that no server needs 8BITMIME; the same input gives the same octets on every machine.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Callable, Sequence
from functools import cache

from maildrill.sender import headers
from maildrill.sender.octets import Piece
from maildrill.sender.shelf import kept

# Own table: mimetypes reads the machine's files, and its defaults differ between Python versions.
_TYPES = {
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "gz": "application/gzip",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "zip": "application/zip",
}
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# 8-bit and control characters, and what could be taken for a boundary (ours all begin "=_", which neither
# quoted-printable nor base64 can produce).
_NEEDS_ENCODING = re.compile(r"[^\t\r\n\x20-\x7e]|^--=_", re.MULTILINE)
LONGEST_LINE = 998  # octets; RFC 5322 section 2.1.1
_WHOLE_LINES = 57 * 1024  # octets of a file that are encoded at once: they fill lines of base64

#: A MIME part, header and body: octets of one message, and such as all messages share.
Part = tuple[Piece, ...]


def text_part(subtype: str, text: str) -> bytes:
    """Return a text part of that subtype, header and body; the body ends with CRLF."""
    body = with_crlf(text)
    if not body.endswith("\r\n"):
        body += "\r\n"
    encoding, octets = _encode(body)
    return text_head(subtype, encoding) + octets


@cache  # two subtypes, three encodings
def text_head(subtype: str, encoding: str) -> bytes:
    """Return the header of a text part, with the empty line behind it."""
    return (
        headers.parameters("Content-Type", f"text/{subtype}", charset="utf-8")
        + headers.tokens("Content-Transfer-Encoding", encoding)
        + b"\r\n"
    )


def with_crlf(text: str) -> str:
    """Return a text whose lines end with CRLF, whatever they ended with."""
    return _LINE_BREAK.sub("\r\n", text)


def is_seven_bit(text: str) -> bool:
    """Whether a text can go as it is, as far as its characters go."""
    return _NEEDS_ENCODING.search(text) is None


def attachment_part(filename: str, octets: Callable[[int], bytes]) -> Part:
    """Return a part that offers a file of that name. octets: gives the next so many octets of it, as `read` does.

    What is large is encoded once, piece by piece, into a file of our own. Raises ConfigurationError for a full disk.
    """
    kind = _TYPES.get(filename.rpartition(".")[2].lower(), "application/octet-stream")
    header = (
        headers.parameters("Content-Type", kind)
        + headers.tokens("Content-Transfer-Encoding", "base64")
        + headers.parameters("Content-Disposition", "attachment", filename=filename)
    )
    return (header + b"\r\n", kept(map(_base64, iter(lambda: octets(_WHOLE_LINES), b""))))


def multipart(subtype: str, parts: Sequence[Part], boundary: str) -> Part:
    """Return a multipart of that subtype around the parts; `boundary` must begin with "=_"."""
    mark = boundary.encode("ascii")
    header = headers.parameters("Content-Type", f"multipart/{subtype}", boundary=boundary)
    between = b"\r\n--" + mark + b"\r\n"
    return (header, *(piece for part in parts for piece in (between, *part)), b"\r\n--" + mark + b"--\r\n")


def _encode(body: str) -> tuple[str, bytes]:
    """Return the transfer encoding of a text with CRLF line ends, and its octets in it."""
    if is_seven_bit(body) and max(map(len, body.split("\r\n"))) <= LONGEST_LINE:
        return "7bit", body.encode("ascii")
    octets = body.encode("utf-8", "replace")
    quoted = b2a_qp(octets, istext=True)
    coded = _base64(octets)
    # Quoted-printable can be read in the raw, which helps people: base64 must be clearly shorter.
    return ("base64", coded) if len(coded) < len(quoted) * 0.9 else ("quoted-printable", quoted)


def _base64(content: bytes) -> bytes:
    return encodebytes(content).replace(b"\n", b"\r\n")
