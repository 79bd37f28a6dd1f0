"""A campaign that was written is the campaign that is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from maildrill.sender.campaign import (
    Account,
    Campaign,
    DestinationLimits,
    Limits,
    Mailbox,
    Member,
    Mode,
    RetryPolicy,
    Route,
    RouteKind,
    UnknownPolicy,
    UnusableMx,
)
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.campaign_writer import campaign_to_toml
from maildrill.sender.dsn import DsnRequest, Notify, Ret
from maildrill.sender.pacing.hours import Hours, Opening
from maildrill.smtp.quantity import Rate

PLAIN = Campaign(
    name="plain",
    sender=Mailbox("", "ann@example.com"),
    subject="Hello",
    account=Account(host="mx.example"),
    list_file=Path("list.csv"),
    email="Email",
    text="Hello\n",
    html=None,
    attachments=(),
    retry=RetryPolicy(schedule=(60.0,), cap=60.0),
    limits=Limits(),
)
FULL = replace(
    PLAIN,
    sender=Mailbox('Ann "the \\ bee" Bee, 東京', "ann@example.com"),
    reply_to=Mailbox("Bob", "bob@example.com"),
    subject='[Name|"you"], \\ é 東京',
    account=Account(host="::1", port=2525),
    text='"""quoted""" [Name|you]\n\ttab\\n\x7f\n',
    html="<p>\U0001f99c</p>\n",
    mode=Mode.MERGE,
    seed=7,
    retry=RetryPolicy(
        schedule=(0.5, 90.0, 86400.0), cap=3600.0, jitter=0.25, lifetime=90061.0, unknown=UnknownPolicy.AT_LEAST_ONCE
    ),
    limits=Limits(connections=1, messages_per_connection=2, recipients_per_transaction=3, rate=Rate(100, 90.0)),
    chunk=5000,
    dsn=DsnRequest(notify=(Notify.SUCCESS, Notify.DELAY), ret=Ret.FULL, orcpt=False),
)


TWO = replace(
    PLAIN,
    account=Account(host="a.example", name="one"),
    route=Route(
        kind=RouteKind.FAILOVER,
        members=(
            Member(account=Account(host="a.example", name="one"), weight=2),
            Member(
                account=Account(host="b.example", port=587),
                limits=DestinationLimits(connections=1, rate=Rate(5, 1.0), burst=2, warm_up=(1, 2), idle=5.0),
            ),
        ),
    ),
    limits=Limits(
        rate=Rate(9, 60.0),
        burst=3,
        group=5,
        interval=60.0,
        idle=30.0,
        opening=Opening((Hours(540, 1050, frozenset({0, 4})), Hours(0, 1440)), ZoneInfo("Europe/Berlin")),
        each=DestinationLimits(connections=2, rate=Rate(1, 2.0), warm_up=(5,)),
        destinations={"*.example": DestinationLimits(messages_per_connection=5, recipients_per_transaction=10)},
    ),
)
DIRECT = replace(
    PLAIN,
    account=Account(host="", port=2525),
    route=Route(kind=RouteKind.DIRECT, unusable_mx=UnusableMx.FAIL, resolvers=("192.0.2.53",)),
)


@pytest.mark.parametrize(
    "campaign",
    [PLAIN, FULL, replace(PLAIN, mode=Mode.BATCH), TWO, DIRECT, replace(PLAIN, dsn=DsnRequest(envid=False))],
    ids=["plain", "full", "batch", "two", "direct", "dsn"],
)
def test_a_written_campaign_reads_as_it_was(campaign: Campaign, tmp_path: Path) -> None:
    """Every setting survives, with quotes, backslashes and every script."""
    attachment = tmp_path / "a.txt"
    attachment.touch()
    (tmp_path / "list.csv").touch()
    file = tmp_path / "campaign.toml"
    there = replace(campaign, file=file, list_file=tmp_path / "list.csv", attachments=(attachment,))
    file.write_text(campaign_to_toml(there, list_file="list.csv"), encoding="utf-8")

    assert read_campaign(file) == there


def test_a_text_without_a_line_end_gets_one(tmp_path: Path) -> None:
    """Without a line break the text would be taken for the name of a file."""
    (tmp_path / "list.csv").touch()
    file = tmp_path / "campaign.toml"
    file.write_text(campaign_to_toml(replace(PLAIN, text="Hello"), list_file="list.csv"), encoding="utf-8")

    assert read_campaign(file).text == "Hello\n"
