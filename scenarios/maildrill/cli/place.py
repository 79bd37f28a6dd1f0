"""Where a ledger is: a file, or a database that has a URL."""

from __future__ import annotations

from collections.abc import Sequence
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


class CampaignType(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """A campaign's file; the command gets a Path. A URL is refused, and not shown."""

    name = "file"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; fails for a URL."""
        if isinstance(value, str) and "://" in value:
            self.fail("a campaign is a file; the URL of its ledger stands behind --ledger", param, ctx)
        return Path(value)


PLACE = PlaceType()
CAMPAIGN = CampaignType()


def of_whom(words: Sequence[str]) -> tuple[str | Path | None, str]:
    """Return the campaign, if there is one, and the address of `[CAMPAIGN] ADDRESS`; raises UsageError."""
    *campaign, address = words
    if "://" in address:
        raise click.UsageError("say which address, behind the campaign")
    plain = address.strip().removeprefix("<").removesuffix(">")
    return (PLACE.convert(campaign[0], None, None) if campaign else None), plain
