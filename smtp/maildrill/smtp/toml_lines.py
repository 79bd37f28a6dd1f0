"""Find the line of every key in a TOML text that is known to be valid.

tomllib forgets where a value stood; this scan remembers it, so that an error can name the line. It needs no more
of TOML than where keys, headers, strings, brackets and comments begin and end.
"""

from __future__ import annotations

import re
import tomllib

Where = tuple[str | int, ...]
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}=\n]|[^\s\[\]{}="\'#]+|[^\S\n]+',
    re.DOTALL,
)


def line_map(text: str) -> dict[Where, int]:
    """Return the line (from 1) of each table header and key; elements of `[[x]]` and of `x = [{…}]` count from 0."""
    lines: dict[Where, int] = {}
    counts: dict[Where, int] = {}
    prefix: Where = ()
    for line, statement, tables in _statements(text):
        if statement.startswith("["):
            double = statement.startswith("[[")
            path = _resolve(_keys(statement.strip("[]")), counts)
            if double:
                counts[path] = counts.get(path, -1) + 1
                path = (*path, counts[path])
            for depth in range(1, len(path)):
                lines.setdefault(path[:depth], line)
            prefix = path
            lines[path] = line
        else:
            keys = _keys(statement)
            for depth in range(1, len(keys) + 1):
                lines.setdefault((*prefix, *keys[:depth]), line)
            for number, place in enumerate(tables):
                lines[(*prefix, *keys, number)] = place
    return lines


def _statements(text: str) -> list[tuple[int, str, list[int]]]:
    """Return (line, header or the key before `=`, the lines of the tables in its list) for each statement."""
    found: list[tuple[int, str, list[int]]] = []
    line, start, words, in_value, inside = 1, 1, "", False, ""
    tables: list[int] = []
    for piece in (match[0] for match in _TOKEN.finditer(text + "\n")):
        if piece == "\n" and not (in_value and inside):
            if words.strip():
                found.append((start, words.strip(), tables))
            words, in_value, inside, tables = "", False, "", []
        elif in_value:
            if piece == "{" and inside == "[":
                tables.append(line)
            inside = inside + piece if piece in ("[", "{") else inside[:-1] if piece in ("]", "}") else inside
        elif piece == "=":
            in_value = True
        elif not piece.startswith("#"):
            start = start if words.strip() else line
            words += piece
        line += piece.count("\n")
    return found


def _keys(dotted: str) -> tuple[str, ...]:
    """Return the parts of a dotted key; tomllib itself reads the quoting."""
    value: object = tomllib.loads(f"{dotted.strip()} = 0")
    keys = []
    while isinstance(value, dict):
        key, value = next(iter(value.items()))
        keys.append(key)
    return tuple(keys)


def _resolve(keys: tuple[str, ...], counts: dict[Where, int]) -> Where:
    """Put the number of the current element behind each array of tables on the way."""
    path: Where = ()
    for depth, key in enumerate(keys):
        path = (*path, key)
        if depth < len(keys) - 1 and path in counts:
            path = (*path, counts[path])
    return path
