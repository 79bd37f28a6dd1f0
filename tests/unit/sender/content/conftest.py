"""A small campaign to vary, and a folder to write campaigns into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy

MakeCampaign = Callable[..., Campaign]


@pytest.fixture
def make_campaign(tmp_path: Path) -> MakeCampaign:
    """Return a maker of campaigns: a plain one, with the fields that a test changes."""
    plain = Campaign(
        name="spring",
        sender=Mailbox("Ann Bee", "ann@sender.example"),
        subject="Hello",
        account=Account(host="mx.example"),
        list_file=tmp_path / "list.csv",
        email="Email",
        text="Hi\n",
        html=None,
        attachments=(),
        retry=RetryPolicy(schedule=(60.0,), cap=60.0),
        limits=Limits(),
        file=tmp_path / "campaign.toml",
    )
    return lambda **changes: replace(plain, **changes)
