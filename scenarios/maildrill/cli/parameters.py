"""Kinds of values that options take, besides click's own."""

from __future__ import annotations

import click

from maildrill.smtp.quantity import parse_duration


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
