"""TOML written as a person would write it: keys and values, lists that break where they are long. Pure.

Values come as TOML text already; None means that the key is not said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_WIDTH = 110


def lines(words: Iterable[tuple[str, str | None]]) -> str:
    """Return `key = value` lines, without those that have no value."""
    return "".join(f"{key} = {value}\n" for key, value in words if value is not None)


def one_or_list(texts: Iterable[str]) -> str | None:
    """Return one text, or a list of several, or None for no text at all."""
    words = [quoted(text) for text in texts]
    if len(words) < 2:
        return words[0] if words else None
    line = f"[{', '.join(words)}]"
    return line if len(line) <= _WIDTH else "[\n" + "".join(f"  {text},\n" for text in words) + "]"


def inline(words: Iterable[tuple[str, str | None]]) -> str | None:
    """Return a table within a line, `{ a = 1, b = 2 }`, or None where nothing is said."""
    said = ", ".join(f"{key} = {value}" for key, value in words if value is not None)
    return f"{{ {said} }}" if said else None


def dotted(key: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield a key and its value for a line; for each value within where it is a table: `limits.connections = 1`."""
    if not isinstance(value, Mapping) or not value:
        yield key, value_text(value)
        return
    for name, one in value.items():
        yield from dotted(f"{key}.{bare_or_quoted(name)}", one)


def value_text(value: object) -> str:
    """Return a value as TOML, in one line: a text, a number, true or false, a list or a table of such."""
    if isinstance(value, Mapping):
        return inline((bare_or_quoted(key), value_text(one)) for key, one in value.items()) or "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return quoted(value) if isinstance(value, str) else str(value).lower()


def bare_or_quoted(key: str) -> str:
    """Return a key, in quotes where it must be."""
    return key if _BARE.fullmatch(key) else quoted(key)


def quoted(text: str) -> str:
    """Return a text in quotes; what cannot be shown is written out."""
    return '"' + "".join(_ESCAPES.get(mark) or _shown(mark) for mark in text) + '"'


def _shown(mark: str) -> str:
    return mark if mark.isprintable() else f"\\U{ord(mark):08X}"
