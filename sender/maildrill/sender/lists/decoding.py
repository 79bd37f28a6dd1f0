"""Turn the octets of a list file into text: UTF-8, or UTF-16 where a byte order mark says so.

Rule: no guessing between the 8-bit charsets; a wrong guess prints wrong names on a thousand letters.
"""

from __future__ import annotations

from pathlib import Path

from maildrill.smtp import ConfigurationError
from maildrill.smtp.document import read_text

_WHAT = "recipient list"
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
# The first octets of what people hand in instead of a CSV file.
_BINARY = {b"PK\x03\x04": "a workbook or a ZIP archive", b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"%PDF": "a PDF"}


def read_list_text(path: Path) -> str:
    """Return the text of a list file without its byte order mark; raises ConfigurationError with file and line."""
    try:
        octets = path.read_bytes()
    except OSError:
        octets = b""  # read_text says what is wrong with the file
    if (kind := _BINARY.get(octets[:4])) is not None:
        raise ConfigurationError(
            f"{_WHAT} is {kind}", where=str(path), expected="a CSV file", hint="save the sheet as CSV (UTF-8)"
        )
    codec = _UTF_16.get(octets[:2])
    text = read_text(path, _WHAT) if codec is None else _decode(octets[2:], codec, path)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigurationError(
            f"{_WHAT} holds a NUL character", where=f"{path}:{line}", expected="a CSV file in UTF-8 or UTF-16"
        )
    return text


def _decode(octets: bytes, codec: str, path: Path) -> str:
    try:
        return octets.decode(codec)
    except UnicodeDecodeError as error:
        line = octets[: error.start].decode(codec, "replace").count("\n") + 1
        raise ConfigurationError(
            f"{_WHAT} begins with the mark of UTF-16, but is not UTF-16 at octet {error.start + 2}",
            where=f"{path}:{line}",
            hint="save the file as UTF-8",
        ) from None
