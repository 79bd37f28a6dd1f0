"""Where messages go and how hard they may push, as a campaign file says it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from maildrill.sender.campaign import Account, DestinationLimits, Limits, Member, Route, RouteKind, UnusableMx
from maildrill.sender.pacing.hours import Hours, Opening
from maildrill.sender.route_file import open_words, read_limits, read_route
from maildrill.smtp import ConfigurationError
from maildrill.smtp.document import Table, parse_document
from maildrill.smtp.quantity import Rate

TWO = '[[route.account]]\nname = "one"\nhost = "a.test"\n[[route.account]]\nhost = "b.test"\n'


def _account(table: Table) -> Account:
    account = Account(host=table.text("host"), port=table.number("port", 25))
    table.finish()
    return account


def _route(text: str) -> tuple[Account, Route]:
    document = parse_document(text, "c.toml")
    found = read_route(document, _account)
    document.finish()
    return found


def _limits(text: str) -> Limits:
    document = parse_document(text, "c.toml")
    found = read_limits(document)
    document.finish()
    return found


def test_one_account_needs_no_route() -> None:
    """As ever."""
    assert _route('[account]\nhost = "a.test"\n') == (Account(host="a.test"), Route())


def test_accounts_have_names_shares_and_limits_of_their_own() -> None:
    """The first is the campaign's account."""
    text = f'{TWO}weight = 3\nconnections = 2\nrate = "100/1h"\nburst = 5\nwarm_up = [50, 100]\nidle = "30s"\n'
    account, route = _route(f'[route]\nkind = "failover"\n{text}')
    limits = DestinationLimits(connections=2, rate=Rate(100, 3600.0), burst=5, warm_up=(50, 100), idle=30.0)

    assert account == Account(host="a.test", name="one")
    assert route == Route(
        kind=RouteKind.FAILOVER,
        members=(Member(account=account), Member(account=Account(host="b.test"), weight=3, limits=limits)),
    )


def test_a_direct_route_names_no_host() -> None:
    """Its port, what becomes of domains without a usable host, and whom to ask."""
    text = '[route]\nkind = "direct"\nport = 2525\nunusable_mx = "fail"\nresolvers = ["192.0.2.53"]\n'

    assert _route(text) == (
        Account(host="", port=2525),
        Route(kind=RouteKind.DIRECT, unusable_mx=UnusableMx.FAIL, resolvers=("192.0.2.53",)),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[route]\nkind = "drect"\n', 'c.toml:2: route.kind is "drect"\n  expected one of: rotation failover direct'),
        (
            '[route]\nkind = "direct"\n[account]\nhost = "a"\n',
            "c.toml:3: a campaign that delivers directly has no account",
        ),
        (f'[route]\nkind = "direct"\n{TWO}', "c.toml:3: a campaign that delivers directly has no account"),
        ('[route]\nkind = "direct"\nport = 70000\n', "c.toml:3: route.port is 70000"),
        ("[route]\nport = 25\n", 'c.toml:2: route.port is for kind = "direct"'),
        (f'{TWO}[account]\nhost = "c.test"\n', "c.toml:6: there is an [account] beside [[route.account]]"),
        ('[[route.account]]\nhost = "a"\n[[route.account]]\nhost = "a"\n', 'c.toml:2: two accounts are called "a:25"'),
        (
            '[route]\nkind = "failover"\n[[route.account]]\nhost = "a"\n',
            "c.toml:2: route.kind is failover, and there is nothing",
        ),
        ('[[route.account]]\nhost = "a"\nwieght = 3\n', 'c.toml:3: unknown key "wieght"'),
        ('[[route.account]]\nhost = "a"\nburst = 3\n', "c.toml:3: route.account.burst stands without rate"),
    ],
)
def test_a_route_that_makes_no_sense_is_refused(text: str, told: str) -> None:
    """With file and line, and what was meant."""
    with pytest.raises(ConfigurationError) as caught:
        _route(text)

    assert str(caught.value).startswith(told)


def test_limits_of_all_of_each_and_of_one() -> None:
    """Together, for each destination, and for those whose name fits a pattern."""
    found = _limits("""
[limits]
connections = 20
rate = "1000/1h"
burst = 10
group = 50
interval = "5m"
idle = "1m"
connections_per_destination = 2
rate_per_destination = "100/1h"
warm_up = [50, 100]

[hours]
zone = "Europe/Berlin"
open = ["mon-fri 09:00-17:30", "sat 22:00-06:00"]

[[destination]]
match = "*.example"
messages_per_connection = 5
recipients_per_transaction = 10
""")

    assert found == Limits(
        connections=20,
        rate=Rate(1000, 3600.0),
        burst=10,
        group=50,
        interval=300.0,
        idle=60.0,
        opening=Opening(
            (Hours(540, 1050, frozenset(range(5))), Hours(1320, 360, frozenset({5}))), ZoneInfo("Europe/Berlin")
        ),
        each=DestinationLimits(connections=2, rate=Rate(100, 3600.0), warm_up=(50, 100)),
        destinations={"*.example": DestinationLimits(messages_per_connection=5, recipients_per_transaction=10)},
    )
    assert _limits("") == Limits()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("08:00-24:00", range(7)),
        ("mon,wed 08:00-24:00", (0, 2)),
        ("fri-mon 08:00-24:00", (4, 5, 6, 0)),
        ("Mon-Tue,sun 08:00-24:00", (0, 1, 6)),
    ],
)
def test_days_are_lists_and_spans(text: str, days: tuple[int, ...]) -> None:
    """Over the week's end, too; what is written reads the same."""
    (hours,) = _limits(f'[hours]\nzone = "UTC"\nopen = "{text}"\n').opening.hours

    assert hours == Hours(480, 1440, frozenset(days))
    assert _limits(f'[hours]\nzone = "UTC"\nopen = "{open_words(hours)}"\n').opening.hours == (hours,)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[limits]\ngroup = 5\n", "c.toml:2: limits.group stands without interval"),
        ('[limits]\ninterval = "5m"\n', "c.toml:2: limits.interval stands without group"),
        ("[limits]\nburst = 5\n", "c.toml:2: limits.burst stands without rate"),
        ("[limits]\nwarm_up = []\n", "c.toml:2: limits.warm_up is no list of numbers"),
        ("[limits]\nwarm_up = [true]\n", "c.toml:2: limits.warm_up is no list of numbers"),
        ("[limits]\nwarm_up = 5\n", "c.toml:2: limits.warm_up is no list of numbers"),
        ("[limits]\nwarm_up = [50, 20]\n", "c.toml:2: limits.warm_up falls"),
        ("[limits]\nconections = 5\n", 'c.toml:2: unknown key "conections" in [limits]'),
        ('[hours]\nopen = "09:00-17:00"\n', "c.toml:2: hours.open stands without a zone"),
        ('[hours]\nzone = "Europe/Brelin"\n', 'c.toml:2: hours.zone is "Europe/Brelin"\n  expected a time zone'),
        ('[hours]\nzone = "../x"\n', 'c.toml:2: hours.zone is "../x"'),
        ('[hours]\nzone = "UTC"\nopen = "9-17"\n', 'c.toml:3: hours.open holds "9-17"'),
        ('[hours]\nzone = "UTC"\nopen = "09:00-09:00"\n', 'c.toml:3: hours.open holds "09:00-09:00"'),
        (
            '[hours]\nzone = "UTC"\nopen = "09:60-10:00"\n',
            'c.toml:3: hours.open holds "09:60-10:00": there is no 09:60',
        ),
        (
            '[hours]\nzone = "UTC"\nopen = "mno 09:00-10:00"\n',
            'c.toml:3: hours.open holds "mno 09:00-10:00": there is no day "mno"',
        ),
        ('[[destination]]\nmatch = ""\n', "c.toml:2: match is empty"),
        ('[[destination]]\nmatch = "a"\n[[destination]]\nmatch = "a"\n', 'c.toml:4: "a" is matched twice'),
        ('[[destination]]\nmatch = "a"\nrat = "1/1s"\n', 'c.toml:3: unknown key "rat" in [destination]'),
    ],
)
def test_limits_that_make_no_sense_are_refused(text: str, told: str) -> None:
    """With file and line, and what was meant."""
    with pytest.raises(ConfigurationError) as caught:
        _limits(text)

    assert str(caught.value).startswith(told)


def test_a_misspelt_zone_is_guessed() -> None:
    """Among all that this system knows."""
    with pytest.raises(ConfigurationError, match=r'did you mean "Europe/Berlin"\?'):
        _limits('[hours]\nzone = "Europe/Brelin"\n')
