"""Spans: how a script says which attempt, which age, which hours, how long, how often and how many.

Each keeps the text that was written and reads it once. Durations are seconds. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from maildrill.fakeserver.language.template import Template
from maildrill.smtp.quantity import parse_duration, parse_rate, parse_size

ATTEMPT_WORDS = 'a number or a span of numbers from 1: "2", "1-2" or "3-"'
AGE_WORDS = 'an age such as "<5m", ">=1h" or "5m..1h"'
DURING_WORDS = 'a time since the start such as "10m..20m", "2d.." or "..1h"'
AMOUNT_WORDS = 'a number or a comparison such as "3", ">2", "<=10MB" or "1..5"'

_ATTEMPTS = re.compile(r"([1-9]\d{0,8})(?:(-)([1-9]\d{0,8})?)?", re.ASCII)
_COMPARISON = re.compile(r"\s*(?:[<>]|\d*\.\.\d*\s*$)", re.ASCII)
_COMPARED = re.compile(r"([<>]=?)(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Which events of a key: the nth, from 1. Raises ValueError with what was expected."""

    text: str
    first: int = field(init=False, compare=False, repr=False)
    last: float = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        match = _ATTEMPTS.fullmatch(self.text.strip())
        if match is None:
            raise ValueError(ATTEMPT_WORDS)
        first = int(match[1])
        last = int(match[3]) if match[3] else math.inf if match[2] else first
        if last < first:
            raise ValueError(ATTEMPT_WORDS)
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "last", last)

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last


@dataclass(frozen=True, slots=True)
class Age:
    """How long ago a key was first seen: `<5m`, `<=5m`, `>1h`, `>=1h`, or from..to (the end not included).

    Raises ValueError with what was expected.
    """

    text: str
    least: float = field(init=False, compare=False, repr=False)
    most: float = field(init=False, compare=False, repr=False)
    _ends: tuple[bool, bool] = field(init=False, compare=False, repr=False)  # is each end part of it?

    def __post_init__(self) -> None:
        compared = _COMPARED.fullmatch(self.text.strip())
        if compared is None:
            (least, most), ends = _window(self.text, AGE_WORDS), (True, False)
        else:
            bound, closed = _duration(compared[2], AGE_WORDS), compared[1].endswith("=")
            upper = compared[1].startswith("<")
            least, most = (0.0, bound) if upper else (bound, math.inf)
            ends = (True, closed) if upper else (closed, True)
        object.__setattr__(self, "least", least)
        object.__setattr__(self, "most", most)
        object.__setattr__(self, "_ends", ends)

    def __contains__(self, seconds: float) -> bool:
        above = seconds >= self.least if self._ends[0] else seconds > self.least
        return above and (seconds <= self.most if self._ends[1] else seconds < self.most)


@dataclass(frozen=True, slots=True)
class During:
    """A part of the run, in time since the server started: from..to, either may be left out; the end not included.

    Raises ValueError with what was expected.
    """

    text: str
    begin: float = field(init=False, compare=False, repr=False)
    end: float = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        begin, end = _window(self.text, DURING_WORDS)
        object.__setattr__(self, "begin", begin)
        object.__setattr__(self, "end", end)

    def __contains__(self, seconds: float) -> bool:
        return self.begin <= seconds < self.end


@dataclass(frozen=True, slots=True)
class Duration:
    """A time that passes: `2s`, `1h30m`. Raises ValueError with what was expected."""

    text: str
    seconds: float = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", parse_duration(self.text))


@dataclass(frozen=True, slots=True)
class Pause:
    """A duration that may have fields, `{n}s`: how long a rule waits. Raises ValueError with what was expected."""

    text: str
    fields: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _template: Template = field(init=False, compare=False, repr=False)
    _fixed: float | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        template = Template(self.text)
        seconds = parse_duration(template.fill(dict.fromkeys(template.fields, "1")))
        object.__setattr__(self, "fields", template.fields)
        object.__setattr__(self, "_template", template)
        object.__setattr__(self, "_fixed", None if template.fields else seconds)

    def seconds(self, values: Mapping[str, str]) -> float:
        """Return the seconds with `values` put in; raises ValueError where that is no duration."""
        return parse_duration(self._template.fill(values)) if self._fixed is None else self._fixed


@dataclass(frozen=True, slots=True)
class Quota:
    """So many in any stretch of so many seconds: `100/1h`. Raises ValueError with what was expected."""

    text: str
    count: int = field(init=False, compare=False, repr=False)
    seconds: float = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        rate = parse_rate(self.text)
        object.__setattr__(self, "count", rate.count)
        object.__setattr__(self, "seconds", rate.seconds)


@dataclass(frozen=True, slots=True)
class Amount:
    """How many, or how much: `>2`, `>=2`, `<10MB`, `<=10MB`, from..to (the end not included), or a number alone.

    Raises ValueError with what was expected.
    """

    text: str
    _least: float = field(init=False, compare=False, repr=False)
    _most: float = field(init=False, compare=False, repr=False)  # both ends are part of it: amounts are whole

    def __post_init__(self) -> None:
        text = self.text.strip()
        compared = _COMPARED.fullmatch(text)
        begin, dots, end = text.partition("..")
        if compared is not None:
            bound = _size(compared[2])
            least, most = {">": (bound + 1, math.inf), ">=": (bound, math.inf), "<": (0, bound - 1), "<=": (0, bound)}[
                compared[1]
            ]
        elif dots and (begin or end):
            least, most = _size(begin) if begin else 0, _size(end) - 1 if end else math.inf
        else:
            least = most = _size(text)
        if most < least:
            raise ValueError(AMOUNT_WORDS)
        object.__setattr__(self, "_least", least)
        object.__setattr__(self, "_most", most)

    def __contains__(self, number: float) -> bool:
        return self._least <= number <= self._most


def compares(text: str) -> bool:
    """Whether a text that may also be a pattern is an Amount: `>1000` and `1..5` are, a number alone is none."""
    return _COMPARISON.match(text) is not None


def _window(text: str, words: str) -> tuple[float, float]:
    begin, dots, end = (part.strip() for part in text.partition(".."))
    if not dots or not (begin or end):
        raise ValueError(words)
    first = _duration(begin, words) if begin else 0.0
    last = _duration(end, words) if end else math.inf
    if last <= first:
        raise ValueError(words)
    return first, last


def _duration(text: str, words: str) -> float:
    try:
        return parse_duration(text)
    except ValueError:
        raise ValueError(words) from None


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError:
        raise ValueError(AMOUNT_WORDS) from None
