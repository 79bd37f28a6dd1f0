"""Whose ledger it is: the campaign's that began it, as long as its messages stay the same (invariant I42)."""

from __future__ import annotations

from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.smtp import ConfigurationError, escape


def claim(ledger: SqlLedger, name: str, campaign: Campaign, mark: str, at: float) -> float:
    """Return when the campaign was begun; refuse another one's ledger, or messages that would differ."""
    found = ledger.do(sql.CAMPAIGN)
    if found is None:
        ledger.do(sql.BEGIN_CAMPAIGN, (campaign.name, mark, at))
        return at
    owner, known, created = found
    if owner != campaign.name:
        raise ConfigurationError(
            f'this is the ledger of the campaign "{escape(owner)}", not of "{escape(campaign.name)}"',
            where=name,
            hint="name another file with --ledger",
        )
    if known != mark:
        raise ConfigurationError(
            "the message has changed since this campaign was begun: some recipients have the earlier one",
            where=name,
            expected="the same sender, subject, text, HTML, attachments, mode and seed in every run",
            hint="undo the change to go on, or give the campaign another name and another --ledger",
        )
    return float(created)
