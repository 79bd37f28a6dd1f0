"""Turn the octets of a list file into text, line by line: UTF-8, or UTF-16 where a byte order mark says so.

Rule: no guessing between the 8-bit charsets; a wrong guess prints wrong names on a thousand letters.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from maildrill.smtp import ConfigurationError
from maildrill.smtp.document import read_text

_WHAT = "recipient list"
_HEAD = 2**20  # characters from which the delimiter is told
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
# The first octets of what people hand in instead of a CSV file.
_BINARY = {b"PK\x03\x04": "a workbook or a ZIP archive", b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"%PDF": "a PDF"}


@dataclass(frozen=True, slots=True)
class ListText:
    """The text of a list. head: its beginning, which may be all of it; lines: all of its lines, to be read once."""

    head: str
    lines: Iterator[str]


def list_text(text: str) -> ListText:
    """Return a text that is in memory."""
    return ListText(text, io.StringIO(text, newline=""))


@contextmanager
def open_list(path: Path) -> Iterator[ListText]:
    """Open a list file, without its byte order mark; whatever is not text in it is found when its lines are read.

    Raises ConfigurationError with file and line, out of the block, too.
    """
    codec = None
    try:
        with path.open("rb") as file:
            first = file.read(4)
            if (kind := _BINARY.get(first)) is not None:
                raise ConfigurationError(
                    f"{_WHAT} is {kind}", where=str(path), expected="a CSV file", hint="save the sheet as CSV (UTF-8)"
                )
            codec = _UTF_16.get(first[:2])
            head = _decoded(file, codec).read(_HEAD)
            if len(head) == _HEAD:
                head = head[: head.rfind("\n") + 1] or head  # half a record would tell another delimiter
            yield ListText(head, _checked(_decoded(file, codec), path))
    except UnicodeDecodeError:
        _explain(path, codec)
    except OSError:
        read_text(path, _WHAT)  # says what is wrong with the file
        raise


def _decoded(file: io.BufferedReader, codec: str | None) -> io.TextIOWrapper:
    """Return the text of a file from its beginning; line ends as they are."""
    again = open(file.fileno(), "rb", closefd=False)  # noqa: SIM115 - the caller closes the file itself
    again.seek(2 if codec else 0)
    return io.TextIOWrapper(again, encoding=codec or "utf-8-sig", newline="")


def _checked(lines: Iterable[str], path: Path) -> Iterator[str]:
    number = 1
    for line in lines:
        if "\0" in line:
            raise ConfigurationError(
                f"{_WHAT} holds a NUL character", where=f"{path}:{number}", expected="a CSV file in UTF-8 or UTF-16"
            )
        number += line.endswith("\n")
        yield line


def _explain(path: Path, codec: str | None) -> NoReturn:
    """Say where a file stops being text; for that it is read once more."""
    if codec is None:
        read_text(path, _WHAT)
    octets = path.read_bytes()[2:]
    try:
        octets.decode(codec or "utf-8")
    except UnicodeDecodeError as error:
        line = octets[: error.start].decode(codec or "utf-8", "replace").count("\n") + 1
        raise ConfigurationError(
            f"{_WHAT} begins with the mark of UTF-16, but is not UTF-16 at octet {error.start + 2}",
            where=f"{path}:{line}",
            hint="save the file as UTF-8",
        ) from None
    raise ConfigurationError(f"{_WHAT} has changed while it was read", where=str(path), hint="run again")
