"""Read from a campaign file where messages go and how hard they may push: routes, limits, hours, destinations.

Rules: every error names file and line; what makes no sense together is refused, never silently left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from maildrill.sender.campaign import Account, DestinationLimits, Limits, Member, Route, RouteKind, UnusableMx
from maildrill.sender.pacing.hours import DAYS, Hours, Opening
from maildrill.smtp import did_you_mean, escape
from maildrill.smtp.document import Table

OPEN_WORDS = 'days and hours such as "mon-fri 09:00-17:30", "sat,sun 22:00-06:00" or "08:00-24:00"'

_OPEN = re.compile(r"(?:(?P<days>[a-z,\-]+)\s+)?(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)", re.ASCII)

ReadAccount = Callable[[Table], Account]


def read_route(document: Table, account: ReadAccount, named: Sequence[Account] = ()) -> tuple[Account, Route]:
    """Return the account (the first, where there are several) and the route. Raises ConfigurationError.

    account: reads one account from its table, and refuses keys of it that nobody has asked for. named: accounts that
    the campaign has named instead of describing them.
    """
    table = document.table("route")
    tables = table.tables("account")
    kind = RouteKind(table.choice("kind", [*RouteKind], RouteKind.ROTATION))
    if kind is RouteKind.DIRECT:
        return _direct(document, table, tables)
    for key in ("port", "unusable_mx", "resolvers"):
        if table.has(key):
            table.fail(key, f'route.{key} is for kind = "direct"', expected=f'kind = "{RouteKind.DIRECT}"')
    if tables and "account" in document:
        document.fail("account", "there is an [account] beside [[route.account]]", expected="one or the other")
    members = tuple(_member(one, account) for one in tables)
    if named:
        members = tuple(Member(account=one) for one in named)
    table.finish()
    labels = [member.account.label for member in members]
    for one, label in zip(tables, labels, strict=False):  # those that are named have names of their own
        if labels.count(label) > 1:
            one.fail(
                "name" if one.has("name") else "host",
                f'two accounts are called "{escape(label)}"',
                expected="a name of its own for each",
            )
    if kind is RouteKind.FAILOVER and len(members) < 2:
        table.fail(
            "kind",
            "route.kind is failover, and there is nothing to fall back on",
            expected="two [[route.account]]",
        )
    if not members:
        return account(document.table("account")), Route(kind=kind)
    document.has("account")
    return members[0].account, Route(kind=kind, members=members)


def read_limits(document: Table) -> Limits:
    """Return the limits of all messages together, of each destination, and of those that are named."""
    table, plain = document.table("limits"), Limits()
    named: dict[str, DestinationLimits] = {}
    for one in document.tables("destination"):
        pattern = one.text("match")
        if not pattern or pattern in named:
            one.fail(
                "match",
                f'"{escape(pattern)}" is matched twice' if pattern else "match is empty",
                expected='a pattern of domains, hosts or account names such as "*.example"',
            )
        named[pattern] = _of_destination(one)
        one.finish()
    rate = table.rate("rate_per_destination")
    limits = Limits(
        connections=table.number("connections", plain.connections, least=1),
        messages_per_connection=table.number("messages_per_connection", plain.messages_per_connection, least=1),
        recipients_per_transaction=table.number(
            "recipients_per_transaction", plain.recipients_per_transaction, least=1
        ),
        rate=table.rate("rate"),
        burst=table.number("burst", plain.burst, least=1),
        group=table.number("group", plain.group, least=1) if table.has("group") else 0,
        interval=table.duration("interval", plain.interval),
        idle=table.duration("idle", plain.idle),
        opening=_opening(document.table("hours")),
        each=DestinationLimits(
            connections=_number(table, "connections_per_destination"), rate=rate, warm_up=_warm_up(table)
        ),
        destinations=named,
        pause_after=table.number("pause_after", plain.pause_after, least=0),
    )
    if bool(limits.group) != table.has("interval"):
        key, other = ("group", "interval") if limits.group else ("interval", "group")
        table.fail(key, f"limits.{key} stands without {other}", expected='both, as group = 50 and interval = "5m"')
    if table.has("burst") and not table.has("rate"):
        table.fail("burst", "limits.burst stands without rate", expected='both, as rate = "100/1m" and burst = 20')
    table.finish()
    return limits


def _direct(document: Table, table: Table, accounts: list[Table]) -> tuple[Account, Route]:
    if accounts or "account" in document:
        where, key = (document, "account") if "account" in document else (table, "account")
        where.fail(key, "a campaign that delivers directly has no account", expected="[route] alone")
    document.has("account")
    port = table.number("port", 25, least=1)
    if port > 65535:
        table.fail("port", f"route.port is {port}", expected="a port from 1 to 65535")
    route = Route(
        kind=RouteKind.DIRECT,
        unusable_mx=UnusableMx(table.choice("unusable_mx", [*UnusableMx], UnusableMx.DEFER)),
        resolvers=table.texts("resolvers", ()),
    )
    table.finish()
    return Account(host="", port=port), route


def _member(table: Table, account: ReadAccount) -> Member:
    limits = _of_destination(table)
    weight = table.number("weight", 1, least=1)
    name = table.text("name", "")
    return Member(account=replace(account(table), name=name), weight=weight, limits=limits)


def _of_destination(table: Table) -> DestinationLimits:
    limits = DestinationLimits(
        connections=_number(table, "connections"),
        messages_per_connection=_number(table, "messages_per_connection"),
        recipients_per_transaction=_number(table, "recipients_per_transaction"),
        rate=table.rate("rate"),
        burst=_number(table, "burst"),
        idle=table.duration("idle") if table.has("idle") else None,
        warm_up=_warm_up(table),
    )
    if limits.burst is not None and limits.rate is None:
        table.fail("burst", f"{table.label('burst')} stands without rate", expected='both, as rate = "100/1m"')
    return limits


def _number(table: Table, key: str) -> int | None:
    return table.number(key, least=1) if table.has(key) else None


def _warm_up(table: Table) -> tuple[int, ...] | None:
    if not table.has("warm_up"):
        return None
    given = table.raw("warm_up")
    days = given if isinstance(given, list) else []
    if not days or not all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in days):
        table.fail(
            "warm_up",
            f"{table.label('warm_up')} is no list of numbers",
            expected="messages on the first day, the second, …: [50, 100, 200]",
        )
    if days != sorted(days):
        table.fail(
            "warm_up",
            f"{table.label('warm_up')} falls",
            expected="as many messages each day as the day before, or more",
        )
    return tuple(days)


def _opening(table: Table) -> Opening:
    texts = table.texts("open", ())
    zone = _zone(table)
    if texts and zone is None:
        table.fail("open", "hours.open stands without a zone", expected='zone = "Europe/Berlin", say')
    hours = tuple(_hours(table, text) for text in texts)
    table.finish()
    return Opening(hours, zone)


def _zone(table: Table) -> ZoneInfo | None:
    if not table.has("zone"):
        return None
    name = table.text("zone")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from zoneinfo import available_timezones  # noqa: PLC0415 - reads hundreds of files

        known = sorted(available_timezones())
        hint = did_you_mean(name, known) if known else "this system knows no time zones: pip install tzdata"
        table.fail("zone", f'hours.zone is "{escape(name)}"', expected="a time zone such as Europe/Berlin", hint=hint)


def _hours(table: Table, text: str) -> Hours:
    match = _OPEN.fullmatch(text.strip().lower())
    if match is None:
        table.fail("open", f'hours.open holds "{escape(text)}"', expected=OPEN_WORDS)
    begin, end = (_minute(table, text, match[side]) for side in ("begin", "end"))
    try:
        return Hours(begin, end, _days(table, text, match["days"] or "mon-sun"))
    except ValueError as error:
        table.fail("open", f'hours.open holds "{escape(text)}": {error}', expected=OPEN_WORDS)


def _minute(table: Table, text: str, clock: str) -> int:
    hour, minute = (int(part) for part in clock.split(":"))
    if minute > 59 or hour * 60 + minute > 24 * 60:
        table.fail("open", f'hours.open holds "{escape(text)}": there is no {clock}', expected=OPEN_WORDS)
    return hour * 60 + minute


def _days(table: Table, text: str, words: str) -> frozenset[int]:
    days: set[int] = set()
    for part in words.split(","):
        first, dash, last = part.partition("-")
        for word in (first, last) if dash else (first,):
            if word not in DAYS:
                table.fail(
                    "open",
                    f'hours.open holds "{escape(text)}": there is no day "{escape(word)}"',
                    expected=OPEN_WORDS,
                    hint=did_you_mean(word, DAYS),
                )
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(days)


def open_words(hours: Hours) -> str:
    """Return hours as `hours.open` has them."""
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (hours.begin, hours.end))
    return f"{','.join(DAYS[day] for day in sorted(hours.days))} {begin}-{end}"


def destination_words(limits: DestinationLimits) -> Mapping[str, object]:
    """Return what a destination's table says of these limits; None for what it leaves out."""
    return {
        "connections": limits.connections,
        "messages_per_connection": limits.messages_per_connection,
        "recipients_per_transaction": limits.recipients_per_transaction,
        "rate": str(limits.rate) if limits.rate else None,
        "burst": limits.burst,
        "warm_up": list(limits.warm_up) if limits.warm_up is not None else None,
    }
