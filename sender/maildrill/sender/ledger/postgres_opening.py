"""Open a ledger in PostgreSQL: connect, make the tables, see that it is this campaign's.

Rule 1: a campaign has a schema of its own in the database. Rule 2: the password in a URL is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import postgres_statements as pg
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.claim import claim
from maildrill.sender.ledger.identity import fingerprint
from maildrill.sender.ledger.postgres import PostgresLedger, in_words
from maildrill.sender.ledger.postgres_url import check_url, redacted, without_secrets
from maildrill.sender.ledger.schema import MIGRATIONS
from maildrill.smtp import ConfigurationError, escape

_PATIENCE = 10  # seconds for the database to answer
_SHOWN = 10  # campaigns that are named to whom did not say which
#: What to try, by a word of what was said; the last one where none fits.
_HINTS = (
    ("assword", "give the password in ~/.pgpass or PGPASSWORD"),
    ("permission denied", "ask the database's owner for these rights"),
    ("does not exist", "check the names of user and database"),
    ("", "is the server running, and does it listen there? A password belongs into ~/.pgpass or PGPASSWORD"),
)
#: Have the server notice within a minute that a sender's machine is gone, so that its run is not held for alive.
_KEEPALIVE = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")
_LEASES = (
    "ALTER TABLE recipient ADD COLUMN lease_run BIGINT",
    "ALTER TABLE recipient ADD COLUMN lease_until TIMESTAMPTZ",
    "CREATE INDEX recipient_free ON recipient (due, id) WHERE state IN ('pending', 'deferred') AND lease_run IS NULL",
    "CREATE INDEX recipient_leased ON recipient (lease_until) WHERE lease_run IS NOT NULL",
)
_VERSIONS = {
    0: "CREATE TABLE version (number BIGINT NOT NULL)",
    1: "INSERT INTO version VALUES (0)",
}


def schema_of(campaign: str) -> str:
    """Return the name of the schema that a campaign has in a database."""
    return f"maildrill_{blake2b(campaign.encode('utf-8', 'replace'), digest_size=8).hexdigest()}"


def open_postgres(url: str, campaign: Campaign, *, at: float, power_safe: bool = True) -> PostgresLedger:
    """Open the ledger of `campaign` for a run that begins `at`, beside other senders; make it if there is none.

    power_safe: each write survives the database's machine losing power. Raises ConfigurationError.
    """
    mark = fingerprint(campaign)
    with _opened(url) as connection:
        connection.execute(f"SET synchronous_commit TO {'on' if power_safe else 'off'}")
        for setting in ("client_min_messages TO warning", *_KEEPALIVE):
            connection.execute(f"SET {setting}")
        schema = schema_of(campaign.name)
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (schema,))
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            connection.execute(f"SET search_path TO {schema}")
            _migrate(connection, redacted(url))
        ledger = PostgresLedger(
            connection, redacted(url), created=at, run=0, campaign=campaign.name, campaign_now=campaign
        )
        with ledger.writing():
            ledger.do(pg.ONE_AT_A_TIME)
            ledger.created = claim(ledger, redacted(url), campaign, mark, at)
            (ledger.run,) = ledger.do(sql.RUN_STARTED, (at,)) or (0,)
            ledger.do(pg.LIVE, (ledger.run,))
            ledger.recovered = ledger.take_over(at)
        return ledger


def read_postgres(url: str, campaign: str | None = None) -> PostgresLedger:
    """Open a ledger only to read it, as of this moment; campaign: its name, where the database has several.

    Takes no lease and no lock that a sender would wait for. Raises ConfigurationError where there is none.
    """
    with _opened(url) as connection:
        _enter(connection, redacted(url), campaign)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")  # its first SELECT fixes the moment
        return _known(connection, redacted(url))


def change_postgres(url: str, campaign: str | None = None) -> PostgresLedger:
    """Open a ledger to move recipients as an operator says, also while senders are at work; see read_postgres."""
    with _opened(url) as connection:
        _enter(connection, redacted(url), campaign)
        return _known(connection, redacted(url))


def _enter(connection: Any, name: str, campaign: str | None) -> None:
    """Go into the schema of a campaign that is there, and of this version."""
    schemas = [schema for (schema,) in connection.execute(pg.SCHEMAS.replace("%%", "%")).fetchall()]
    wanted = [schema for schema in schemas if campaign is None or schema == schema_of(campaign)]
    if len(wanted) != 1:
        raise _which(connection, name, campaign, schemas)
    connection.execute(f"SET search_path TO {wanted[0]}")
    (version,) = connection.execute("SELECT number FROM version").fetchone()
    _refuse_newer(version, name)
    if version < len(MIGRATIONS):
        raise ConfigurationError("the ledger is of an earlier version", where=name, hint="send the campaign")


def _which(connection: Any, name: str, campaign: str | None, schemas: list[str]) -> ConfigurationError:
    """Return what to say where none is the campaign's, or where nobody said which of several is meant."""
    found = [connection.execute(f"SELECT name FROM {schema}.campaign").fetchone() for schema in schemas[:_SHOWN]]  # noqa: S608 - names of ours
    there = ", ".join([*(f'"{escape(one)}"' for (one,) in filter(None, found)), *["…"][: len(schemas) > _SHOWN]])
    if campaign is None and schemas:
        return ConfigurationError(
            f"{len(schemas)} campaigns are there", where=name, expected=f"one of {there}", hint="name its file, too"
        )
    what = "no campaign" if campaign is None else f'no campaign "{escape(campaign)}"'
    return ConfigurationError(
        f"there is {what} in this database",
        where=name,
        expected=f"one of {there}" if schemas else "",
        hint="nothing was sent yet; or name another database with --ledger",
    )


def _known(connection: Any, name: str) -> PostgresLedger:
    campaign, _, created = connection.execute(sql.CAMPAIGN).fetchone()
    return PostgresLedger(connection, name, created=created, run=0, campaign=campaign)


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    """Connect; closed where what is done with it fails, which is said in our words."""
    check_url(url)
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "a ledger in PostgreSQL needs psycopg", where=redacted(url), hint="pip install 'maildrill[postgres]'"
        ) from None
    connection = None
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=_PATIENCE, application_name="maildrill")
        yield connection
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, psycopg.Error):
            said = without_secrets(in_words(error), url)
            raise ConfigurationError(
                f"the ledger cannot be opened: {said}",
                where=redacted(url),
                expected="postgresql://USER@HOST/DATABASE, where USER may create a schema",
                hint=_hint(said),
            ) from None
        raise


def _hint(said: str) -> str:
    """Return what to try, by what the database or the driver said."""
    return next((hint for word, hint in _HINTS if word in said), _HINTS[-1][1])


def _migrate(connection: Any, name: str) -> None:
    found = connection.execute(pg.TABLES).fetchone()
    if found == (0,):
        for statement in _VERSIONS.values():
            connection.execute(statement)
    (version,) = connection.execute("SELECT number FROM version FOR UPDATE").fetchone()
    _refuse_newer(version, name)
    for migration in MIGRATIONS[version:]:
        for statement in migration:
            connection.execute(_in_postgres(statement))
    if version == 0:
        for statement in _LEASES:
            connection.execute(statement)
    connection.execute("UPDATE version SET number = %s", (len(MIGRATIONS),))


def _refuse_newer(version: int, name: str) -> None:
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"the ledger was written by a newer maildrill (schema {version}, this one knows {len(MIGRATIONS)})",
            where=name,
            hint="run the newer maildrill",
        )


def _in_postgres(statement: str) -> str:
    """Return a statement of the schema as PostgreSQL has it: other types, keys that count by themselves."""
    statement = re.sub(r"\) STRICT\s*$", ")", statement)
    statement = re.sub(r"\bonly INTEGER PRIMARY KEY CHECK \(only = 1\)", '"only" BIGINT PRIMARY KEY', statement)
    statement = re.sub(r"\bid INTEGER PRIMARY KEY", "id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", statement)
    statement = re.sub(r" REFERENCES \w+ \(id\)", "", statement)  # attempt and recipient name each other
    return re.sub(r"\bREAL\b", "DOUBLE PRECISION", re.sub(r"\bINTEGER\b", "BIGINT", statement))
