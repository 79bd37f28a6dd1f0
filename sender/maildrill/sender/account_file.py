"""The accounts file: tables `[account.NAME]`, or `[[account]]` with a name, each a server and the way in.

Rule: a campaign names its accounts, and holds no secret; who may read this file may log in as you.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from maildrill.sender.account_table import read_account
from maildrill.sender.campaign import Account
from maildrill.smtp import ConfigurationError, did_you_mean, escape
from maildrill.smtp.document import Table, parse_document, read_text

FILE_NAME = "accounts.toml"


def accounts_path(folder: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the accounts file: that beside the campaign, else MAILDRILL_ACCOUNTS, else that of the user."""
    beside = folder / FILE_NAME
    if beside.is_file():
        return beside
    told = environ.get("MAILDRILL_ACCOUNTS")
    if told:
        return Path(told)
    return Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "maildrill" / FILE_NAME


def read_accounts(path: Path) -> dict[str, Account]:
    """Return the accounts in a file by their names, in order; raises ConfigurationError."""
    document = parse_document(read_text(path, "accounts file"), str(path))
    base = path.resolve().parent
    if isinstance(document.raw("account"), list):
        named = [(_name(table), table) for table in document.tables("account")]
    else:
        tables = document.table("account")
        named = [(name, tables.table(name)) for name in tables]
    document.finish()
    accounts: dict[str, Account] = {}
    for name, table in named:
        if not name or not name.isprintable() or name in accounts:
            table.fail(None, f'an account is called "{escape(name)}"', expected="a name that no other has")
        accounts[name] = read_account(table, base, name)
    if not accounts:
        raise ConfigurationError(
            "there is no account in it", where=str(path), expected='[account.main] and host = "smtp.example.com"'
        )
    return accounts


def account_named(name: str, accounts: Mapping[str, Account], where: str, file: Path) -> Account:
    """Return an account by its name; raises ConfigurationError that says which there are."""
    if name not in accounts:
        raise ConfigurationError(
            f'no account is called "{escape(name)}" in {file}',
            where=where,
            expected="one of: " + " ".join(map(escape, accounts)),
            hint=did_you_mean(name, accounts),
        )
    return accounts[name]


def exposed(path: Path) -> str:
    """Return a warning where others than its owner may read or change the file; "" else (always on Windows)."""
    mode = path.stat().st_mode if os.name == "posix" else 0
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return ""
    return f"{path} is open to others ({stat.S_IMODE(mode):04o}): chmod 600 {path}"


def _name(table: Table) -> str:
    return table.text("name")
