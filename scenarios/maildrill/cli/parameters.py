"""Kinds of values that options take, besides click's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import click

from maildrill.fakeserver.language.script_clock import ScriptClock
from maildrill.smtp.quantity import DURATION_WORDS, parse_duration, parse_size


class Parsed(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """What `parse` makes of a text; it raises ValueError with what was expected."""

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return what was parsed; fails with what was expected."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(f'"{value}" is not {error}', param, ctx)


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A duration such as 30s or 5m; the command gets seconds."""

    name = "duration"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds; fails with what was expected."""
        if not isinstance(value, str):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(f'"{value}" is not {error}', param, ctx)


DURATION = Duration()


class Size(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A size such as 64MB; the command gets octets."""

    name = "size"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return octets; fails with what was expected."""
        if not isinstance(value, str):
            return value
        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(f'"{value}" is not {error}', param, ctx)


@dataclass(frozen=True, slots=True)
class Enough:
    """When a server has served enough: after so many messages, or so many seconds."""

    messages: int | None = None
    seconds: float | None = None


class EnoughType(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A number of messages (10, or 10 messages) or a duration; the command gets an Enough."""

    name = "n|duration"

    def convert(self, value: str | Enough, param: click.Parameter | None, ctx: click.Context | None) -> Enough:
        """Return when it is enough; fails with what was expected."""
        if isinstance(value, Enough):
            return value
        count = re.fullmatch(r"([1-9]\d{0,11})(?: messages?)?", value.strip(), re.ASCII)
        if count is not None:
            return Enough(messages=int(count[1]))
        try:
            return Enough(seconds=parse_duration(value))
        except ValueError:
            self.fail(f'"{value}" is neither a number of messages nor {DURATION_WORDS}', param, ctx)


class ClockType(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """`real` or `scaled:60`; the command gets a ScriptClock."""

    name = "real|scaled:n"

    def convert(
        self, value: str | ScriptClock, param: click.Parameter | None, ctx: click.Context | None
    ) -> ScriptClock:
        """Return the clock; fails with what was expected."""
        try:
            clock = value if isinstance(value, ScriptClock) else ScriptClock(value)
        except ValueError as error:
            self.fail(f'"{value}" is not {error}', param, ctx)
        if clock.factor is None:
            self.fail("a server on real sockets has no virtual clock; take real or scaled:60", param, ctx)
        return clock


SIZE = Size()
ENOUGH = EnoughType()
CLOCK = ClockType()
