"""Open a ledger: make sure that the file is one, that it is this campaign's, and that nobody else has it.

Rule 1: what is wrong with a file is said as a ConfigurationError, before a single connection is made.
Rule 2: who writes has the lease (see `lease`); who only reads needs none, and sees the ledger as it was at one moment.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path

from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.claim import claim
from maildrill.sender.ledger.identity import fingerprint
from maildrill.sender.ledger.lease import take_lease
from maildrill.sender.ledger.place import check_writable, is_frozen, open_frozen
from maildrill.sender.ledger.recovery import recover
from maildrill.sender.ledger.schema import APPLICATION, MIGRATIONS
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.ledger.store import LedgerError
from maildrill.sender.ledger.trouble import at_the_door
from maildrill.sender.share import Share
from maildrill.smtp import ConfigurationError

_PATIENCE = 5.0  # seconds to wait while a reader or a writer tidies up what a crash left


class Durability(StrEnum):
    """What a write must have survived when it returns (docs/ledger.md)."""

    POWER = "power"  # the machine losing power
    PROCESS = "process"  # the process being killed: enough for a drill
    NONE = "none"  # nothing: a killed run may have to be sent again from its beginning


#: SQLite's `synchronous` for each, until a run has begun (see `SqliteLedger.flush_apart`).
_SYNCHRONOUS = {Durability.POWER: "FULL", Durability.PROCESS: "OFF", Durability.NONE: "OFF"}


def open_ledger(
    path: Path | None, campaign: Campaign, *, at: float, durability: Durability = Durability.POWER
) -> SqliteLedger:
    """Open the ledger of `campaign` for a run that begins `at`, and make it if there is none; None: in memory.

    Recipients whose final dot had left when an earlier run ended get the state that the campaign's policy says;
    `recovered` lists them. Raises ConfigurationError for a file that is not this campaign's ledger or is in use.
    """
    mark = fingerprint(campaign)
    name = ":memory:" if path is None else str(path)
    if path is not None:
        check_writable(path)
    with _explained(name):
        connection = _connect(name)
        try:
            _check_kind(connection, name)
            with _leased(path) as lease:
                _prepare(connection, durability)
                ledger = _begin(connection, name, campaign, mark, at)
                ledger.file_lease = lease
                if durability is Durability.NONE:
                    ledger.put_off()
                elif durability is Durability.POWER:
                    ledger.flush_apart()
                return ledger
        except BaseException:
            connection.close()
            raise


def join_ledger(  # noqa: PLR0913 - what whoever began the run knows of it, and what is ours of it
    path: Path,
    campaign: str,
    share: Share,
    *,
    run: int,
    created: float,
    turn: Callable[[], AbstractContextManager[object]],
    durability: Durability = Durability.POWER,
) -> SqliteLedger:
    """Open a ledger to send a share of a run; whoever began the run has the lease, and has taken in the list.

    turn: held while it is written. Raises LedgerError where the disk fails.
    """
    name = str(path)
    with _explained(name):
        connection = _connect(name)
        try:
            _prepare(connection, durability)
        except BaseException:
            connection.close()
            raise
    ledger = SqliteLedger(connection, name, created=created, run=run, campaign=campaign, share=share)
    ledger.turn = turn
    if durability is Durability.POWER:
        ledger.flush_apart()
    return ledger


def is_shared(place: str | Path | None) -> bool:
    """Whether a ledger's place is a URL of PostgreSQL, not a file."""
    return isinstance(place, str) and place.startswith(("postgresql://", "postgres://"))


def open_book(
    place: str | Path, campaign: Campaign, *, at: float, durability: Durability = Durability.POWER
) -> SqlLedger:
    """Open the ledger of `campaign` in a file, or in PostgreSQL where `place` is its URL; see `open_ledger`."""
    if is_shared(place):
        from maildrill.sender.ledger.postgres_opening import open_postgres  # noqa: PLC0415 - an extra

        return open_postgres(str(place), campaign, at=at, power_safe=durability is Durability.POWER)
    return open_ledger(Path(place), campaign, at=at, durability=durability)


def read_book(place: str | Path, campaign: str | None) -> SqlLedger:
    """Open a ledger only to read it, in a file or in PostgreSQL; campaign: its name, where that is known."""
    if is_shared(place):
        from maildrill.sender.ledger.postgres_opening import read_postgres  # noqa: PLC0415 - an extra

        return read_postgres(str(place), campaign)
    return read_ledger(Path(place))


def change_book(place: str | Path, campaign: str | None) -> SqlLedger:
    """Open a ledger to move recipients as an operator says: a file between two runs, PostgreSQL also beside senders."""
    if is_shared(place):
        from maildrill.sender.ledger.postgres_opening import change_postgres  # noqa: PLC0415 - an extra

        return change_postgres(str(place), campaign)
    return change_ledger(Path(place))


def read_ledger(path: Path) -> SqliteLedger:
    """Open a ledger only to read it, also while a sender writes: everything is as of this moment.

    Raises ConfigurationError if there is none, LedgerError where the disk fails.
    """
    with _opened(path, only_read=True) as (connection, name):
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")  # its first SELECT fixes the moment
        return _known(connection, name)


def change_ledger(path: Path) -> SqliteLedger:
    """Open a ledger between two runs, to move recipients as an operator says.

    Raises ConfigurationError if there is none, or a sender is using it.
    """
    check_writable(path)
    with _opened(path) as (connection, name):
        _check_kind(connection, name)
        with _leased(path) as lease:
            ledger = _known(connection, name)
            _prepare(connection, Durability.POWER)
            ledger.file_lease = lease
            return ledger


@contextmanager
def _opened(path: Path, *, only_read: bool = False) -> Iterator[tuple[sqlite3.Connection, str]]:
    """Give a connection to a ledger that is there; closed where what is done with it fails."""
    name = str(path)
    if not path.is_file():
        hint = "nothing was sent yet; or name another file with --ledger"
        raise ConfigurationError("there is no such ledger", where=name, hint=hint)
    with _explained(name):
        connection = open_frozen(path) if only_read and is_frozen(path) else _connect(name)
        try:
            yield connection, name
        except BaseException:
            connection.close()
            raise


def _known(connection: sqlite3.Connection, name: str) -> SqliteLedger:
    if _check_kind(connection, name) < len(MIGRATIONS):
        raise ConfigurationError(
            "the ledger is empty or of an earlier version",
            where=name,
            expected="one to which a run of this maildrill has written",
            hint="send the campaign",
        )
    campaign, _, created = connection.execute(sql.CAMPAIGN).fetchone()
    return SqliteLedger(connection, name, created=created, run=0, campaign=campaign)


@contextmanager
def _leased(path: Path | None) -> Iterator[sqlite3.Connection | None]:
    """Give the lease on a ledger (None in memory); given back where what is done with it fails."""
    lease = None if path is None else take_lease(path)
    try:
        yield lease
    except BaseException:
        if lease is not None:
            lease.close()
        raise


def _prepare(connection: sqlite3.Connection, durability: Durability) -> None:
    connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _connect(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, isolation_level=None, timeout=_PATIENCE, cached_statements=64)


def _check_kind(connection: sqlite3.Connection, name: str) -> int:
    """Return the version of the schema (0: an empty file); refuse what is no ledger, or a newer one."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION and (application or version or tables):
        raise ConfigurationError(
            "this is a database, but not a ledger", where=name, hint="name another file with --ledger"
        )
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"the ledger was written by a newer maildrill (schema {version}, this one knows {len(MIGRATIONS)})",
            where=name,
            hint="run the newer maildrill",
        )
    return int(version)


def _begin(connection: sqlite3.Connection, name: str, campaign: Campaign, mark: str, at: float) -> SqliteLedger:
    """Bring the tables up to date, claim the ledger, recover, and begin a run: all in one transaction, or nothing."""
    ledger = SqliteLedger(connection, name, created=at, run=0, campaign=campaign.name)
    with ledger.writing():
        _migrate(connection)
        ledger.created = claim(ledger, name, campaign, mark, at)
        (ledger.run,) = ledger.do(sql.RUN_STARTED, (at,)) or (0,)
        ledger.recovered = recover(ledger, ledger.all(sql.INTENTS), campaign, at)
    return ledger


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for migration in MIGRATIONS[version:]:
        for statement in migration:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute(f"PRAGMA application_id = {APPLICATION}")


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Say in our words why SQLite would not open the file, or not write what opening it writes."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise at_the_door(name, error) from None
    except LedgerError as error:
        if isinstance(error.__cause__, sqlite3.Error):
            raise at_the_door(name, error.__cause__) from None
        raise
