"""Where a ledger is: a file, or a database that has a URL."""

from __future__ import annotations

from pathlib import Path

import click

from maildrill.sender.ledger import is_shared


class PlaceType(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A file, or a postgresql:// URL; the command gets a Path, or the URL as it is."""

    name = "file|url"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> str | Path:
        """Return the place; fails for another kind of URL, and does not show it: a password may be in it."""
        if isinstance(value, Path) or is_shared(value):
            return value
        if "://" in value:
            self.fail("the URL of a ledger begins with postgresql://", param, ctx)
        return Path(value)


PLACE = PlaceType()
