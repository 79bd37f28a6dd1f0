"""Ask before anything is sent whether every tag can be filled, for every row.

Rule: a message with a hole in it is worse than no message; the error names tag, file and row.
"""

from __future__ import annotations

from collections.abc import Sequence

from maildrill.sender.campaign import Campaign, Mode
from maildrill.sender.lists.rows import RecipientList, Row
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


def preflight(campaign: Campaign, recipients: RecipientList) -> None:
    """Raise ConfigurationError when a tag without a default names no column, or a column that is empty in some row.

    In batch mode one message serves all, so that a tag without a default can never be filled.
    """
    for template in templates(campaign):
        if campaign.mode is Mode.BATCH:
            refuse_tags(template, str(campaign.file))
        for tag in template.tags:
            if tag.default is None:
                _check(tag, template, campaign, recipients)


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


def _check(tag: Tag, template: Template, campaign: Campaign, recipients: RecipientList) -> None:
    label = f"the tag {escape(str(tag))} in {template.name} (line {tag.line})"
    if tag.name not in recipients.columns:
        known = ", ".join(escape(column) for column in recipients.columns)
        raise ConfigurationError(
            f"the list has no column for {label}",
            where=f"{campaign.list_file}:1",
            expected=f"one of: {known}",
            hint=did_you_mean(tag.name, recipients.columns) or f"add the column, or a default: [{tag.name}|friend]",
        )
    holes = [row for row in recipients.recipients if not row.fields.get(tag.name, "").strip()]
    if holes:
        raise ConfigurationError(
            f"{label} is empty for {escape(holes[0].address)}{_more(holes)}",
            where=f"{campaign.list_file}:{holes[0].number}",
            expected=f'a value in the column "{escape(tag.name)}"',
            hint=f"fill the row, or give the tag a default: [{tag.name}|friend]",
        )


def _more(holes: Sequence[Row]) -> str:
    more = len(holes) - 1
    return f" and {more} more row{'s' if more > 1 else ''}" if more else ""
