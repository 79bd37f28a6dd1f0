"""`maildrill account`: which accounts there are, what they are like, and whether one works. No secret is ever shown."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from maildrill.cli.exits import Exit, error_exits
from maildrill.cli.system_clock import SystemClock
from maildrill.sender.account_file import account_named, accounts_path, exposed, read_accounts
from maildrill.sender.account_trial import Tested, try_account
from maildrill.sender.account_words import described, summary
from maildrill.sender.campaign import Account
from maildrill.smtp import Line, Said, escape

_FILE = click.option(
    "--accounts",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The accounts file. [accounts.toml here, else $MAILDRILL_ACCOUNTS, else the user's]",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def account() -> None:
    """Look at the accounts that campaigns send through, and try them."""


@account.command("list")
@_FILE
@_JSON
def list_(file: Path | None, *, as_json: bool) -> None:
    """List the accounts: name, server, TLS, who logs in."""
    accounts = _read(file)[1]
    if as_json:
        click.echo(json.dumps([described(one) for one in accounts.values()], indent=2))
    else:
        click.echo("\n".join(escape(summary(one)) for one in accounts.values()))


@account.command()
@click.argument("name")
@_FILE
@_JSON
def show(name: str, file: Path | None, *, as_json: bool) -> None:
    """Show what account NAME is like; of its secret only where it comes from."""
    path, accounts = _read(file)
    said = described(account_named(name, accounts, "", path))
    if as_json:
        click.echo(json.dumps(said, indent=2))
    else:
        width = max(map(len, said)) + 2
        click.echo("\n".join(f"{key:{width}}{escape(_words(value))}" for key, value in said.items()))


@account.command(
    epilog="Exit status: 0 mail could be sent, 75 not now, 77 the server does not let us in, 78 configuration, TLS or "
    "certificate."
)
@click.argument("name")
@_FILE
@_JSON
def test(name: str, file: Path | None, *, as_json: bool) -> int:
    """Connect as account NAME would, and show the whole dialogue up to the first MAIL; nothing is sent.

    Greeting, EHLO, STARTTLS with the server's certificates, EHLO again, AUTH (redacted), what the server offers, QUIT.
    """
    with error_exits(configuration=Exit.CONFIGURATION, others=Exit.LEFTOVERS):
        path, accounts = _read(file)
        one = account_named(name, accounts, "", path)
        if one.auth is not None:
            one.auth.secret.reveal()  # that it cannot be had is known before a connection is made
        tested = asyncio.run(_tried(one, quiet=as_json))
    if as_json:
        click.echo(json.dumps(tested.to_json(), indent=2))
    else:
        click.echo("\n".join(escape(line) for line in tested.report))
    return Exit(tested.exit_code)


async def _tried(one: Account, *, quiet: bool) -> Tested:
    return await try_account(one, clock=SystemClock(), on_said=(lambda *_: None) if quiet else _echo)


def _echo(at: float, said: Said) -> None:
    for mark, text in said:
        click.echo(str(Line(at, mark, text)))


def _read(file: Path | None) -> tuple[Path, dict[str, Account]]:
    path = file or accounts_path(Path())
    accounts = read_accounts(path)
    warning = exposed(path)
    if warning:
        click.echo(f"warning: {warning}", err=True)
    return path, accounts


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
