"""Write a campaign as TOML: what `campaign_file` reads, the other way round. Pure.

Rule: every setting is written out, so that the copy does not change when a default does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from maildrill.sender.campaign import Account, Campaign, Chunking, DestinationLimits, Mailbox, Member
from maildrill.sender.credentials import TOKENS
from maildrill.sender.dsn import DsnRequest
from maildrill.sender.override import Override
from maildrill.sender.route_file import destination_words, open_words
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
            "rules": str(campaign.overrides.rules) if campaign.overrides.rules else None,
        },
        **_route(campaign),
        "list": {"file": list_file, "email": campaign.email},
        "message": {
            "text": _inline(campaign.text),
            "html": _inline(campaign.html),
            "chunking": Chunking.AUTO if campaign.chunk else Chunking.OFF,
            "chunk": str(campaign.chunk) if campaign.chunk else None,
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
            "burst": limits.burst if limits.rate else None,
            "group": limits.group or None,
            "interval": format_duration(limits.interval) if limits.group else None,
            "idle": format_duration(limits.idle),
            "pause_after": limits.pause_after,
            "connections_per_destination": limits.each.connections,
            "rate_per_destination": str(limits.each.rate) if limits.each.rate else None,
            "warm_up": list(limits.each.warm_up) if limits.each.warm_up is not None else None,
        },
        "dsn": _dsn(campaign.dsn),
        "hours": {
            "zone": str(limits.opening.zone) if limits.opening.zone else None,
            "open": [open_words(hours) for hours in limits.opening.hours] or None,
        },
    }
    parts = [
        _table(f"[{name}]", values) for name, values in tables.items() if any(v is not None for v in values.values())
    ]
    parts += [_table("[[route.account]]", _member(member)) for member in campaign.route.members]
    parts += [
        _table("[[destination]]", {"match": pattern, **_destination(own)})
        for pattern, own in limits.destinations.items()
    ]
    parts += [_table("[[override]]", _override(one)) for one in campaign.overrides.each]
    return "\n".join(parts)


def _override(one: Override) -> dict[str, object]:
    words = {name: list(getattr(one, name)) or None for name in ("category", "code", "status", "text", "match")}
    after = None if one.after is None else format_duration(one.after)
    return {**words, "at": [stage.value for stage in one.at] or None, "then": one.then.value, "after": after}


def _dsn(request: DsnRequest | None) -> dict[str, object]:
    if request is None:
        return {}
    return {
        "notify": [word.value for word in request.notify] or None,
        "ret": request.ret.value if request.ret else None,
        "envid": request.envid,
        "orcpt": request.orcpt,
    }


def _route(campaign: Campaign) -> dict[str, dict[str, object]]:
    route, account = campaign.route, campaign.account
    if campaign.direct:
        words = {"kind": route.kind.value, "port": account.port, "unusable_mx": route.unusable_mx.value}
        return {"route": {**words, "resolvers": list(route.resolvers) or None}}
    if route.members:
        return {"route": {"kind": route.kind.value}}
    return {"account": _account(account)}


def _member(member: Member) -> dict[str, object]:
    account = member.account
    words = {"name": account.name or None, **_account(account), "weight": member.weight}
    return {**words, **_destination(member.limits)}


def _destination(limits: DestinationLimits) -> dict[str, object]:
    return {**destination_words(limits), "idle": None if limits.idle is None else format_duration(limits.idle)}


def _account(account: Account) -> dict[str, object]:
    """Return the account's keys: of a secret its source; authorities are left out, they were a file of their own."""
    security, auth = account.security, account.auth
    said: dict[str, object] = {"host": account.host, "port": account.port, "tls": security.mode.value}
    if security.enforced:
        pins = [str(pin) for pin in security.pins]
        said |= {"verify": security.verify, "tls_name": security.name or None, "pins": pins or None}
    if auth is not None:
        kind = "token" if TOKENS & set(auth.mechanisms) else "password"
        mechanisms = [mechanism.value for mechanism in auth.mechanisms]
        said |= {"user": auth.user, kind: auth.secret.source, "auth": mechanisms, "plaintext": auth.plaintext}
    return said


def _table(name: str, values: Mapping[str, object]) -> str:
    lines = [f"{key} = {_written(value)}" for key, value in values.items() if value is not None]
    return "\n".join([name, *lines, ""])


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
