r"""Octets as a transcript writes them: `"250 ok\r\n"`, with \r \n \t \0 \" \\ and \xNN for what cannot be seen.

What is beyond ASCII and can be seen stands for its UTF-8. Pure.
"""

from __future__ import annotations

import re

from maildrill.fakeserver.language.octets import ESCAPES
from maildrill.smtp.text import escape

OCTETS_WORDS = r'text in double quotes with \r \n \t \0 \" \\ or \xNN for the rest, such as "250 ok\r\n"'
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PIECE = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)|([^\\]+)", re.DOTALL)
_NAMED = ESCAPES | {'"': b'"'}
_WRITTEN = {octets: f"\\{letter}" for letter, octets in _NAMED.items()}


def read_octets(text: str) -> bytes:
    """Return the octets that a quoted text stands for; raises ValueError with what was expected."""
    match = _QUOTED.fullmatch(text.strip())
    if match is None:
        raise ValueError(OCTETS_WORDS)
    return b"".join(_octets(piece) for piece in _PIECE.finditer(match[1]))


def write_octets(octets: bytes) -> str:
    """Return octets as quoted text; read_octets reads the same back."""
    return '"' + "".join(map(_written, octets.decode("utf-8", "surrogateescape"))) + '"'


def _octets(piece: re.Match[str]) -> bytes:
    if piece[1] is not None:
        return bytes.fromhex(piece[1])
    if piece[2] is None:
        return str(piece[3]).encode("utf-8", "surrogateescape")
    octets = _NAMED.get(piece[2])
    if octets is None:
        raise ValueError(rf'{OCTETS_WORDS}; "\{escape(piece[2])}" is none of them')
    return octets


def _written(mark: str) -> str:
    octets = mark.encode("utf-8", "surrogateescape")
    if octets in _WRITTEN:
        return _WRITTEN[octets]
    if escape(mark) == mark and mark.isprintable():
        return mark
    return "".join(f"\\x{octet:02x}" for octet in octets)
