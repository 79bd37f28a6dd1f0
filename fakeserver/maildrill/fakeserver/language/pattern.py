r"""Patterns: how a script names addresses, as a glob, as a regular expression, or as what it is not.

`*@busy.test` glob (`*` any run, `?` one character) · `~^bob\+(?P<tag>.*)@` regular expression, found anywhere
· `!` before either: not. Case never counts. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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


def meant_by(patterns: Sequence[Pattern]) -> Callable[[str], bool]:
    """Return a function that says whether `select` means a value, without the groups, and faster."""
    plain = [pattern for pattern in patterns if not pattern.negated]
    negated = [pattern for pattern in patterns if pattern.negated]
    if not negated:
        return _any_of(plain)
    if not plain:
        never = _any_of(negated)
        return lambda value: not never(value)
    fits, never = _any_of(plain), _any_of(negated)
    return lambda value: fits(value) and not never(value)


def _any_of(patterns: Sequence[Pattern]) -> Callable[[str], bool]:
    """Return a function that says whether any of the patterns fits, their `!` aside."""
    regexes = [pattern._regex for pattern in patterns]
    plain = simple(patterns)

    def any_regex(value: str) -> bool:
        return any(regex.search(value) for regex in regexes)

    if plain is None and len(regexes) == 1:
        search = regexes[0].search
        return lambda value: search(value) is not None
    if plain is None:
        return any_regex
    fits = plain.test()
    return lambda value: fits(value.lower()) if value.isascii() else any_regex(value)


class Simple(NamedTuple):
    """What needs no regular expression: whole texts, beginnings and ends, in lower case."""

    exact: frozenset[str]
    heads: tuple[str, ...]
    tails: tuple[str, ...]

    def test(self) -> Callable[[str], bool]:
        """Return a function that says whether a value, in lower case, is one of these."""
        exact, heads, tails = self
        if not exact and not heads:
            return lambda lower: lower.endswith(tails)
        return lambda lower: lower in exact or lower.startswith(heads) or lower.endswith(tails)


_NOTHING = Simple(frozenset(), (), ())


class Sought(NamedTuple):
    """What is looked for in a value, where nothing is excluded: texts, and what only a regular expression finds."""

    texts: Simple
    searches: tuple[Callable[[str], object], ...]


def sought(patterns: Sequence[Pattern]) -> Sought | None:
    """Return what patterns look for in ASCII; None where one of them says what is not meant."""
    if any(pattern.negated for pattern in patterns):
        return None
    texts = [(pattern, simple((pattern,))) for pattern in patterns]
    plain = simple([pattern for pattern, text in texts if text is not None]) or _NOTHING
    return Sought(plain, tuple(pattern._regex.search for pattern, text in texts if text is None))


def union(several: Sequence[Sought]) -> Callable[[str], bool]:
    """Return a function that says whether any of what is sought is in a value in ASCII."""
    fits = Simple(
        frozenset(text for one in several for text in one.texts.exact),
        tuple(text for one in several for text in one.texts.heads),
        tuple(text for one in several for text in one.texts.tails),
    ).test()
    searches = tuple(search for one in several for search in one.searches)
    if not searches:
        return lambda value: fits(value.lower())
    if len(searches) == 1:
        search = searches[0]
        return lambda value: fits(value.lower()) or search(value) is not None
    return lambda value: fits(value.lower()) or any(search(value) for search in searches)


def simple(patterns: Sequence[Pattern]) -> Simple | None:
    """Return the globs, their `!` aside, as texts, beginnings and ends; None where one of them is more than that.

    They fit a value in ASCII that is in lower case: there a regular expression knows no other pairs of letters.
    """
    kinds: dict[str, list[str]] = {"exact": [], "head": [], "tail": []}
    for pattern in patterns:
        text = pattern.text.removeprefix("!").lower()
        if not text.isascii() or text.startswith("~") or "?" in text or "*" in text[1:-1] or text in ("*", "**"):
            return None
        stars = (text.startswith("*"), text.endswith("*"))
        if all(stars):
            return None
        kinds["tail" if stars[0] else "head" if stars[1] else "exact"].append(text.strip("*"))
    return Simple(frozenset(kinds["exact"]), tuple(kinds["head"]), tuple(kinds["tail"]))


def _expression(source: str) -> re.Pattern[str]:
    try:
        return re.compile(source, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"regular expression cannot be read: {error}") from None


def _glob(source: str) -> re.Pattern[str]:
    # Only * and ? are special: brackets are part of addresses such as user@[192.0.2.1].
    parts = (".*" if mark == "*" else "." if mark == "?" else re.escape(mark) for mark in source)
    return re.compile(rf"\A{''.join(parts)}\Z", re.IGNORECASE | re.DOTALL)
