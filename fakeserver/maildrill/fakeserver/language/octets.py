r"""Octets: how a script writes raw ones, how many, and in what manner they leave.

`\x00\xff\r\n` raw · `4096B` a size · `1B/500ms` so many, then so long · `30s x 20` so long, so often. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from maildrill.smtp.quantity import SIZE_WORDS, parse_duration, parse_size

RAW_WORDS = r"""octets such as '\x00\xff 250 ok\r\n'; the escapes are \xNN \r \n \t \0 \\"""
DRIP_WORDS = 'octets and a pause such as "1B/500ms"'
TEASE_WORDS = 'a pause and a number of lines such as "30s x 20"'

_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.?))", re.DOTALL)
#: What stands behind a backslash for one octet, besides `xNN`.
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
_TEASE = re.compile(r"(.+?)\s*x\s*([1-9]\d{0,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Octets:
    r"""Octets as a script writes them: `\xNN \r \n \t \0 \\`, all else as UTF-8. Raises ValueError."""

    text: str
    octets: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        octets, start = b"", 0
        for match in _ESCAPE.finditer(self.text):
            if match[1] is None and match[2] not in ESCAPES:
                raise ValueError(f'"{match[0]}" is no escape; write "\\\\" for a backslash')
            octets += _encoded(self.text[start : match.start()])
            octets += bytes.fromhex(match[1]) if match[1] else ESCAPES[match[2]]
            start = match.end()
        object.__setattr__(self, "octets", octets + _encoded(self.text[start:]))


@dataclass(frozen=True, slots=True)
class Size:
    """A number of octets, 1 or more: `4096B`, `1MB`. Raises ValueError with what was expected."""

    text: str
    octets: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "octets", _size(self.text, SIZE_WORDS))


@dataclass(frozen=True, slots=True)
class Drip:
    """So many octets at a time, then a pause: `1B/500ms`. Raises ValueError with what was expected."""

    text: str
    octets: int = field(init=False, compare=False, repr=False)
    seconds: float = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        count, _, pause = self.text.partition("/")
        pause = pause.strip()
        object.__setattr__(self, "octets", _size(count, DRIP_WORDS))
        object.__setattr__(self, "seconds", _pause(pause if pause[:1].isdigit() else f"1{pause}", DRIP_WORDS))


@dataclass(frozen=True, slots=True)
class Tease:
    """A pause before each of so many continuation lines (1 to 9999): `30s x 20`. Raises ValueError."""

    text: str
    seconds: float = field(init=False, compare=False, repr=False)
    count: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        match = _TEASE.fullmatch(self.text.strip())
        if match is None:
            raise ValueError(TEASE_WORDS)
        object.__setattr__(self, "seconds", _pause(match[1], TEASE_WORDS))
        object.__setattr__(self, "count", int(match[2]))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _size(text: str, words: str) -> int:
    try:
        octets = parse_size(text)
    except ValueError:
        raise ValueError(words) from None
    if octets < 1:
        raise ValueError(words)
    return octets


def _pause(text: str, words: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError:
        raise ValueError(words) from None
    if seconds < 0.001:
        raise ValueError(words)
    return seconds
