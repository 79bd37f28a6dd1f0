r"""Patterns: how a script names addresses, as a glob, as a regular expression, or as what it is not.

`*@busy.test` glob (`*` any run, `?` one character) · `~^bob\+(?P<tag>.*)@` regular expression, found anywhere
· `!` before either: not. Case never counts. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

PATTERN_WORDS = 'a glob such as "*@busy.test", or "~" and a regular expression; "!" before it means not'


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern as written in a script; raises ValueError where a regular expression cannot be read."""

    text: str
    negated: bool = field(init=False, compare=False, repr=False)
    groups: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _regex: re.Pattern[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        negated = self.text.startswith("!")
        body = self.text[1:] if negated else self.text
        regex = _expression(body[1:]) if body.startswith("~") else _glob(body)
        object.__setattr__(self, "negated", negated)
        object.__setattr__(self, "groups", () if negated else tuple(regex.groupindex))
        object.__setattr__(self, "_regex", regex)

    def find(self, value: str) -> dict[str, str] | None:
        """Return the named groups where the pattern (its `!` aside) fits `value`, None where it does not."""
        match = self._regex.search(value)
        return None if match is None else match.groupdict(default="")


def select(patterns: Sequence[Pattern], value: str) -> dict[str, str] | None:
    """Return the named groups where `value` is meant by the patterns, None where it is not.

    It is meant when any of the plain patterns fits (or there is none) and none of the negated ones does; the
    groups are those of the first that fits.
    """
    found: dict[str, str] | None = {} if all(pattern.negated for pattern in patterns) else None
    for pattern in patterns:
        if pattern.negated:
            if pattern.find(value) is not None:
                return None
        elif found is None:
            found = pattern.find(value)
    return found


def _expression(source: str) -> re.Pattern[str]:
    try:
        return re.compile(source, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"regular expression cannot be read: {error}") from None


def _glob(source: str) -> re.Pattern[str]:
    # Only * and ? are special: brackets are part of addresses such as user@[192.0.2.1].
    parts = (".*" if mark == "*" else "." if mark == "?" else re.escape(mark) for mark in source)
    return re.compile(rf"\A{''.join(parts)}\Z", re.IGNORECASE | re.DOTALL)
