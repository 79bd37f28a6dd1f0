"""Preflight: a message with a hole in it never leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from maildrill.sender.campaign import Campaign, Mode
from maildrill.sender.lists import parse_list
from maildrill.sender.merge import preflight
from maildrill.smtp import ConfigurationError

MakeCampaign = Callable[..., Campaign]
LIST = "Email,Name,City\nann@x.example,Ann,Ulm\nbob@x.example,,Bonn\ncid@x.example,,\n"


def refusal(campaign: Campaign, text: str = LIST) -> str:
    """Return what preflight says of a campaign that it must refuse, paths cut down to file names."""
    with pytest.raises(ConfigurationError) as caught:
        preflight(campaign, parse_list(text, "list.csv", "Email"))
    return str(caught.value).replace(f"{campaign.file.parent}/", "")


def test_tags_that_every_row_fills_pass(make_campaign: MakeCampaign) -> None:
    """Defaults cover empty values, and columns that do not exist."""
    campaign = make_campaign(subject="[Name|you]", text="[Email] [Town|x]\n", html="<p>[City|home]</p>\n")

    preflight(campaign, parse_list(LIST, "list.csv", "Email"))


def test_an_empty_value_names_row_and_tag(make_campaign: MakeCampaign) -> None:
    """The first hole is named by file, line, tag and address; the others are counted."""
    assert refusal(make_campaign(text="Dear\n[Name],\n")) == (
        "list.csv:3: the tag [Name] in message.text (line 2) is empty for bob@x.example and 1 more row\n"
        '  expected a value in the column "Name"\n'
        "  fill the row, or give the tag a default: [Name|friend]"
    )


def test_a_message_of_html_alone_is_checked(make_campaign: MakeCampaign) -> None:
    """There need not be a text part."""
    assert "[Name] in message.html (line 1) is empty" in refusal(make_campaign(text=None, html="<p>[Name]</p>\n"))


def test_many_holes_are_counted(make_campaign: MakeCampaign) -> None:
    """The reader learns whether it is one row or the whole list."""
    rows = "".join(f"p{n}@x.example,\n" for n in range(5))

    assert "p0@x.example and 4 more rows" in refusal(make_campaign(text="[Name]\n"), "Email,Name\n" + rows)
    assert "is empty for p@x.example\n" in refusal(make_campaign(text="[Name]\n"), "Email,Name\np@x.example,\n")


def test_a_tag_without_a_column_names_the_nearest_one(make_campaign: MakeCampaign) -> None:
    """A misspelt tag is the common case."""
    assert refusal(make_campaign(html="<p>[Nmae]</p>\n")) == (
        "list.csv:1: the list has no column for the tag [Nmae] in message.html (line 1)\n"
        "  expected one of: Email, Name, City\n"
        '  did you mean "Name"?'
    )


def test_a_tag_without_a_column_or_a_near_one(make_campaign: MakeCampaign) -> None:
    """Then the way out is a column or a default."""
    assert refusal(make_campaign(subject="[Seat number]")).endswith(
        "add the column, or a default: [Seat number|friend]"
    )


def test_set_aside_rows_need_no_values(make_campaign: MakeCampaign) -> None:
    """Nothing is sent to them, so nothing is missing."""
    text = "Email,Name\nann@x.example,Ann\nno address,\n"

    preflight(make_campaign(text="[Name]\n"), parse_list(text, "list.csv", "Email"))


def test_batch_mode_takes_no_tag_without_a_default(make_campaign: MakeCampaign) -> None:
    """One message serves all: there is no row to fill a tag from."""
    campaign = make_campaign(mode=Mode.BATCH, subject="Dear [Name]")

    assert refusal(campaign) == (
        "campaign.toml: the tag [Name] in subject has no row to be filled from\n"
        "  expected no tags, or tags with a default, in batch mode\n"
        '  use mode = "merge" to write to each recipient in person'
    )


def test_batch_mode_uses_defaults(make_campaign: MakeCampaign) -> None:
    """The same template can serve both modes."""
    preflight(make_campaign(mode=Mode.BATCH, text="Dear [Name|member]\n"), parse_list(LIST, "list.csv", "Email"))
