"""Which ledger and log a command looks at, and what all of these commands take.

Rule 1: reading needs no campaign file; where there is one, it is read for its retry policy and its list.
Rule 2: whatever is not there is said with what would make it be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

import click

from maildrill.cli.exits import Exit, error_exits
from maildrill.cli.place import PLACE
from maildrill.sender.campaign import Campaign
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import change_book, is_shared, read_book
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_files import log_files
from maildrill.sender.log_json import last_events, read_events

ENDING = ".ledger"
EVENTS = ".events.jsonl"
_SQLITE = b"SQLite format 3\x00"
TEXT = ".connection.log"
_DRILLED, _DRILLED_TEXT = "events.jsonl", "connection.log"  # beside the ledger of `drill --out`


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger and the logs of one campaign.

    ledger: a file, or the URL of a database. events: the log for programs; None where nobody can know: a database has
    no folder. campaign: None where only a ledger was named.
    """

    ledger: Path | str = field(repr=False)  # there may be a password in it
    events: Path | None
    campaign: Campaign | None

    @property
    def known_events(self) -> Path:
        """The log for programs; raises UsageError where nobody said whose."""
        if self.events is None:
            raise click.UsageError("which campaign? The logs of a ledger in a database are beside its file: name that")
        return self.events

    @property
    def connection_log(self) -> Path:
        """The log for people, beside the one for programs."""
        name = self.known_events.name
        return self.known_events.with_name(_DRILLED_TEXT if name == _DRILLED else name.removesuffix(EVENTS) + TEXT)

    @contextmanager
    def reading(self) -> Iterator[SqlLedger]:
        """Open the ledger to read it."""
        with closing(read_book(self.ledger, self._name)) as book:
            yield book

    @contextmanager
    def changing(self) -> Iterator[SqlLedger]:
        """Open the ledger to move recipients."""
        self.known_events  # noqa: B018 - said before anything is asked or changed
        with closing(change_book(self.ledger, self._name)) as book:
            yield book

    @contextmanager
    def logging(self) -> Iterator[ConnectionLog]:
        """Open both logs to append to them, and raise what kept them from being written."""
        with (
            log_files(self.known_events, self.connection_log, shared=is_shared(self.ledger)) as sinks,
            ConnectionLog(*sinks, eager=True) as log,
        ):
            yield log
        if log.fault:
            raise log.fault

    @property
    def _name(self) -> str | None:
        return None if self.campaign is None else self.campaign.name

    def log(self) -> Iterator[LogEvent]:
        """Yield the events of the log; none where there is no log."""
        return read_events(self.events) if self.events and self.events.exists() else iter(())

    def end_of_log(self) -> Iterator[LogEvent]:
        """Yield the last events of the log; none where there is no log."""
        return last_events(self.events) if self.events and self.events.exists() else iter(())


def books(campaign: Path | str | None, ledger: Path | str | None, log_dir: Path | None) -> Books:
    """Find what a command line means. Raises ConfigurationError, UsageError."""
    if campaign is None and ledger is None:
        ledger = _only_ledger(Path())
    if campaign is not None and ledger is None and (isinstance(campaign, str) or _is_database(campaign)):
        campaign, ledger = None, campaign  # somebody completed the wrong name, or gave the URL alone
    if isinstance(campaign, str):
        raise click.UsageError("a URL is a ledger's, and --ledger names another")
    read = None if campaign is None else read_campaign(campaign)
    if isinstance(ledger, str):
        return Books(ledger, None if campaign is None else _events(campaign, log_dir), read)
    file = ledger or (campaign or Path()).with_suffix(ENDING)
    events = _events(file, log_dir)
    drilled = events.with_name(_DRILLED)
    return Books(file, drilled if drilled.exists() and not events.exists() else events, read)


def _events(beside: Path, log_dir: Path | None) -> Path:
    return (log_dir or beside.parent) / f"{beside.stem}{EVENTS}"


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
    def asked(campaign: Path | str | None, ledger: Path | str | None, log_dir: Path | None, **options: Any) -> Any:
        with reading_exits():
            return command(books(campaign, ledger, log_dir), **options)

    return asked


def ledger_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --ledger and --log-dir."""
    path = click.Path(path_type=Path)
    log_dir = click.option(
        "--log-dir",
        type=path,
        metavar="DIR",
        help="Where the logs are. [the ledger's folder; if that is a URL, the campaign's]",
    )
    ledger = click.option(
        "--ledger",
        type=PLACE,
        metavar="FILE|URL",
        help="Where everybody stands; postgresql://… if it is shared. [CAMPAIGN.ledger]",
    )
    return ledger(log_dir(command))


def reading_exits() -> Any:
    """Give errors the exit statuses that `send` gives them."""
    return error_exits(configuration=Exit.CONFIGURATION, others=Exit.LEFTOVERS)


campaign_argument = click.argument("campaign", required=False, type=PLACE)
