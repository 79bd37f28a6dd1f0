"""Quantities as people write them: durations, rates and sizes.

Durations: `30s`, `5m`, `1h30m`, `5d`. Rates: `100/1m`. Sizes: `10MB` (powers of 1000), `1MiB` (of 1024).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
# Twelve digits: more than any week or file has, less than where a float overflows or rounds.
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(ms|s|m|h|d|w)", re.ASCII)
_RATE = re.compile(r"(\d{1,12})\s*/\s*(.+)", re.ASCII)
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(B|KB|MB|GB|KIB|MIB|GIB)?", re.ASCII | re.IGNORECASE)
_OCTETS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}

DURATION_WORDS = 'a duration such as "30s", "5m", "1h30m" or "5d"'
RATE_WORDS = 'a rate such as "100/1m" (count / duration)'
SIZE_WORDS = 'a size such as "512", "4096B", "10MB" or "1MiB"'


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds; `count` >= 1, `seconds` >= 0.001."""

    count: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.count}/{format_duration(self.seconds)}"


def parse_duration(text: str) -> float:
    """Return seconds; raises ValueError with what was expected."""
    compact = text.strip()
    parts = _PART.findall(compact)
    if not parts or _PART.sub("", compact).strip():
        raise ValueError(DURATION_WORDS)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_rate(text: str) -> Rate:
    """Return the Rate that `text` says; raises ValueError with what was expected."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(RATE_WORDS)
    rest = match[2].strip()
    try:
        seconds = parse_duration(rest if rest[:1].isdigit() else f"1{rest}")
    except ValueError:
        raise ValueError(RATE_WORDS) from None
    if int(match[1]) < 1 or seconds < 0.001:
        raise ValueError(RATE_WORDS)
    return Rate(int(match[1]), seconds)


def parse_size(text: str) -> int:
    """Return octets; raises ValueError with what was expected."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(SIZE_WORDS)
    return round(float(match[1]) * _OCTETS[(match[2] or "").upper()])


def format_duration(seconds: float) -> str:
    """Write seconds the way people read them: `5d`, `1h30m`, `2.5s`, `0s`; parse_duration reads it back."""
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    milliseconds = round(seconds * 1000)
    words = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            words.append(f"{count}{unit}")
    if milliseconds or not words:
        words.append(f"{milliseconds / 1000:g}s")
    return "".join(words)
