"""Write a campaign as TOML: what `campaign_file` reads, the other way round. Pure.

Rule: every setting is written out, so that the copy does not change when a default does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from maildrill.sender.campaign import Campaign, Mailbox
from maildrill.smtp.quantity import format_duration


def campaign_to_toml(campaign: Campaign, *, list_file: str) -> str:
    """Return the campaign file; texts stand in it, list_file is what it calls the list.

    A text that is one line without an end gets one, since without it the text would be the name of a file.
    """
    limits, retry = campaign.limits, campaign.retry
    tables: dict[str, dict[str, object]] = {
        "campaign": {
            "name": campaign.name,
            "from": _mailbox(campaign.sender),
            "reply_to": _mailbox(campaign.reply_to) if campaign.reply_to else None,
            "subject": campaign.subject,
            "mode": campaign.mode.value,
            "seed": campaign.seed,
        },
        "account": {"host": campaign.account.host, "port": campaign.account.port},
        "list": {"file": list_file, "email": campaign.email},
        "message": {
            "text": _inline(campaign.text),
            "html": _inline(campaign.html),
            "attachments": [str(path) for path in campaign.attachments] or None,
        },
        "retry": {
            "schedule": [format_duration(seconds) for seconds in retry.schedule],
            "cap": format_duration(retry.cap),
            "jitter": retry.jitter,
            "lifetime": format_duration(retry.lifetime),
            "unknown": retry.unknown.value,
        },
        "limits": {
            "connections": limits.connections,
            "messages_per_connection": limits.messages_per_connection,
            "recipients_per_transaction": limits.recipients_per_transaction,
            "rate": str(limits.rate) if limits.rate else None,
        },
    }
    return "\n".join(_table(name, values) for name, values in tables.items())


def _table(name: str, values: Mapping[str, object]) -> str:
    lines = [f"{key} = {_written(value)}" for key, value in values.items() if value is not None]
    return "\n".join([f"[{name}]", *lines, ""])


def _written(value: object) -> str:
    """JSON's strings, numbers and lists are TOML's, too, but for DEL, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _mailbox(mailbox: Mailbox) -> str:
    if not mailbox.name:
        return mailbox.address
    name = mailbox.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{mailbox.address}>'


def _inline(text: str | None) -> str | None:
    return text if text is None or "\n" in text else text + "\n"
