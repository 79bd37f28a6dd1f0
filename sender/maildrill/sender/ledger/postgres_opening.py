"""Open a ledger in PostgreSQL: connect, make the tables, see that it is this campaign's.

Rule 1: a campaign has a schema of its own in the database. Rule 2: the password in a URL is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import postgres_statements as pg
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.claim import claim
from maildrill.sender.ledger.identity import fingerprint
from maildrill.sender.ledger.postgres import PostgresLedger, in_words
from maildrill.sender.ledger.schema import MIGRATIONS
from maildrill.smtp import ConfigurationError

_PATIENCE = 10  # seconds for the database to answer
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


def redacted(url: str) -> str:
    """Return a URL without its password, wherever that stands in it."""
    url = re.sub(r"(://[^/@:]*):[^@/]*@", r"\1:***@", url)
    return re.sub(r"(?i)((?:ssl)?password=)[^&\s]*", r"\1***", url)


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
        connection.execute("SET client_min_messages TO warning")
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
            ledger.recovered = ledger.take_over(at)
        return ledger


def read_postgres(url: str, campaign: str | None = None) -> PostgresLedger:
    """Open a ledger only to read it, as of this moment; campaign: its name, where the database has several."""
    with _opened(url) as connection:
        schemas = [name for (name,) in connection.execute(pg.SCHEMAS.replace("%%", "%")).fetchall()]
        wanted = [name for name in schemas if campaign is None or name == schema_of(campaign)]
        if len(wanted) != 1:
            raise ConfigurationError(
                "there is no such ledger in this database" if not wanted else f"{len(wanted)} campaigns are there",
                where=redacted(url),
                hint="send the campaign" if not wanted else "name the campaign, too",
            )
        connection.execute(f"SET search_path TO {wanted[0]}")
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = connection.execute(sql.CAMPAIGN).fetchone()
        name, _, created = found or ("", "", 0.0)
        return PostgresLedger(connection, redacted(url), created=created, run=0, campaign=name)


@contextmanager
def _opened(url: str) -> Iterator[Any]:
    """Connect; closed where what is done with it fails, which is said in our words."""
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
            said = _without_password(in_words(error), url)
            raise ConfigurationError(
                f"the ledger cannot be opened: {said}",
                where=redacted(url),
                expected="postgresql://USER@HOST/DATABASE, where USER may create a schema",
                hint="give the password in ~/.pgpass or PGPASSWORD",
            ) from None
        raise


def _without_password(text: str, url: str) -> str:
    found = re.search(r"://[^/@:]*:([^@/]*)@", url)
    if found and found[1]:
        text = text.replace(found[1], "***").replace(unquote(found[1]), "***")
    return redacted(text)


def _migrate(connection: Any, name: str) -> None:
    found = connection.execute(pg.TABLES).fetchone()
    if found == (0,):
        for statement in _VERSIONS.values():
            connection.execute(statement)
    (version,) = connection.execute("SELECT number FROM version FOR UPDATE").fetchone()
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"the ledger was written by a newer maildrill (schema {version}, this one knows {len(MIGRATIONS)})",
            where=name,
            hint="run the newer maildrill",
        )
    for migration in MIGRATIONS[version:]:
        for statement in migration:
            connection.execute(_in_postgres(statement))
    if version == 0:
        for statement in _LEASES:
            connection.execute(statement)
    connection.execute("UPDATE version SET number = %s", (len(MIGRATIONS),))


def _in_postgres(statement: str) -> str:
    """Return a statement of the schema as PostgreSQL has it: other types, keys that count by themselves."""
    statement = re.sub(r"\) STRICT\s*$", ")", statement)
    statement = re.sub(r"\bonly INTEGER PRIMARY KEY CHECK \(only = 1\)", '"only" BIGINT PRIMARY KEY', statement)
    statement = re.sub(r"\bid INTEGER PRIMARY KEY", "id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", statement)
    statement = re.sub(r" REFERENCES \w+ \(id\)", "", statement)  # attempt and recipient name each other
    return re.sub(r"\bREAL\b", "DOUBLE PRECISION", re.sub(r"\bINTEGER\b", "BIGINT", statement))
