"""Ask before anything is sent whether every tag can be filled, for every row.

Rule: a message with a hole in it is worse than no message; the error names tag, file and row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from maildrill.sender.campaign import Campaign, Mode
from maildrill.sender.lists.rows import Recipients, Row
from maildrill.sender.merge.template import Tag, Template
from maildrill.smtp import ConfigurationError, did_you_mean, escape


def templates(campaign: Campaign) -> tuple[Template, ...]:
    """Return the parsed templates of a campaign: subject, then the text and HTML parts it has."""
    found = [Template.parse(campaign.subject, "subject")]
    if campaign.text is not None:
        found.append(Template.parse(campaign.text, "message.text"))
    if campaign.html is not None:
        found.append(Template.parse(campaign.html, "message.html", html=True))
    return tuple(found)


def preflight(campaign: Campaign, recipients: Recipients) -> None:
    """Raise ConfigurationError when a tag without a default names no column, or a column that is empty in some row.

    In batch mode one message serves all, so that a tag without a default can never be filled. The list is gone
    through once, if a tag needs it.
    """
    found = templates(campaign)
    if campaign.mode is Mode.BATCH:
        for template in found:
            refuse_tags(template, str(campaign.file))
    needed = [_Needed(tag, template) for template in found for tag in template.tags if tag.default is None]
    known = list(takewhile(lambda one: one.tag.name in recipients.columns, needed))
    if known:
        for row in recipients.recipients:
            for one in known:
                one.look_at(row)
    for one in known:
        one.refuse_holes(campaign)
    for one in needed[len(known) :]:
        one.refuse_column(campaign, recipients.columns)


def refuse_tags(template: Template, where: str) -> None:
    """Raise ConfigurationError at the first tag without a default: there is no row to fill it from."""
    for tag in template.tags:
        if tag.default is None:
            raise ConfigurationError(
                f"the tag {escape(str(tag))} in {template.name} has no row to be filled from",
                where=where,
                expected="no tags, or tags with a default, in batch mode",
                hint='use mode = "merge" to write to each recipient in person',
            )


class _Needed:
    """A tag that every row must fill; what was seen of the rows that do not."""

    def __init__(self, tag: Tag, template: Template) -> None:
        self.tag = tag
        self._label = f"the tag {escape(str(tag))} in {template.name} (line {tag.line})"
        self._first: Row | None = None
        self._holes = 0

    def look_at(self, row: Row) -> None:
        """See if a row has a value for the tag."""
        if not row.fields.get(self.tag.name, "").strip():
            self._first = self._first or row
            self._holes += 1

    def refuse_holes(self, campaign: Campaign) -> None:
        """Raise ConfigurationError if any row had none."""
        name, first, more = self.tag.name, self._first, self._holes - 1
        if first is not None:
            others = f" and {more} more row{'s' if more > 1 else ''}" if more else ""
            raise ConfigurationError(
                f"{self._label} is empty for {escape(first.address)}{others}",
                where=f"{campaign.list_file}:{first.number}",
                expected=f'a value in the column "{escape(name)}"',
                hint=f"fill the row, or give the tag a default: [{name}|friend]",
            )

    def refuse_column(self, campaign: Campaign, columns: Sequence[str]) -> None:
        """Raise ConfigurationError: the list has no such column."""
        raise ConfigurationError(
            f"the list has no column for {self._label}",
            where=f"{campaign.list_file}:1",
            expected=f"one of: {', '.join(escape(column) for column in columns)}",
            hint=did_you_mean(self.tag.name, columns) or f"add the column, or a default: [{self.tag.name}|friend]",
        )
