"""Which ledger and log a reading command looks at, and what all of these commands take.

Rule 1: reading needs no campaign file; where there is one, it is read for its retry policy and its list.
Rule 2: whatever is not there is said with what would make it be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from maildrill.cli.exits import Exit, error_exits
from maildrill.sender.campaign import Campaign
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.ledger import read_ledger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_json import last_events, read_events

ENDING = ".ledger"
EVENTS = ".events.jsonl"
_SQLITE = b"SQLite format 3\x00"
TEXT = ".connection.log"
_DRILLED, _DRILLED_TEXT = "events.jsonl", "connection.log"  # beside the ledger of `drill --out`


@dataclass(frozen=True, slots=True)
class Books:
    """The files of one campaign. campaign: None where only a ledger was named."""

    ledger: Path
    events: Path
    campaign: Campaign | None

    @property
    def connection_log(self) -> Path:
        """The log for people, beside the one for programs."""
        name = self.events.name
        return self.events.with_name(_DRILLED_TEXT if name == _DRILLED else name.removesuffix(EVENTS) + TEXT)

    @contextmanager
    def reading(self) -> Iterator[SqliteLedger]:
        """Open the ledger to read it."""
        book = read_ledger(self.ledger)
        try:
            yield book
        finally:
            book.close()

    def log(self) -> Iterator[LogEvent]:
        """Yield the events of the log; none where there is no log."""
        return read_events(self.events) if self.events.exists() else iter(())

    def end_of_log(self) -> Iterator[LogEvent]:
        """Yield the last events of the log; none where there is no log."""
        return last_events(self.events) if self.events.exists() else iter(())


def books(campaign: Path | None, ledger: Path | None, log_dir: Path | None) -> Books:
    """Find the files that a command line means. Raises ConfigurationError, UsageError."""
    if campaign is None and ledger is None:
        ledger = _only_ledger(Path())
    if campaign is not None and ledger is None and _is_database(campaign):
        campaign, ledger = None, campaign  # somebody completed the wrong name
    read = None if campaign is None else read_campaign(campaign)
    file = ledger or (campaign or Path()).with_suffix(ENDING)
    events = (log_dir or file.parent) / f"{file.stem}{EVENTS}"
    drilled = (log_dir or file.parent) / _DRILLED
    return Books(file, drilled if drilled.exists() and not events.exists() else events, read)


def _is_database(file: Path) -> bool:
    if not file.is_file():
        return file.suffix == ENDING
    with file.open("rb") as opened:
        return opened.read(len(_SQLITE)) == _SQLITE


def _only_ledger(folder: Path) -> Path:
    found = sorted(folder.glob(f"*{ENDING}"))
    if len(found) == 1:
        return found[0]
    there = ", ".join(map(str, found)) if found else "there is none in this folder"
    raise click.UsageError(f"which campaign? Name its file, or its ledger with --ledger ({there})")


def asks_books(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command CAMPAIGN, --ledger and --log-dir, and hand it a Books as its first argument.

    Configuration errors end it with 78, a ledger that cannot be used with 75, as `send` does.
    """

    @ledger_options
    @wraps(command)
    def asked(campaign: Path | None, ledger: Path | None, log_dir: Path | None, **options: Any) -> Any:
        with reading_exits():
            return command(books(campaign, ledger, log_dir), **options)

    return asked


def ledger_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --ledger and --log-dir."""
    path = click.Path(path_type=Path)
    log_dir = click.option("--log-dir", type=path, metavar="DIR", help="Where the logs are. [the ledger's folder]")
    ledger = click.option("--ledger", type=path, metavar="FILE", help="Where everybody stands. [CAMPAIGN.ledger]")
    return ledger(log_dir(command))


def reading_exits() -> Any:
    """Give errors the exit statuses that `send` gives them."""
    return error_exits(configuration=Exit.CONFIGURATION, others=Exit.LEFTOVERS)


campaign_argument = click.argument("campaign", required=False, type=click.Path(path_type=Path))
