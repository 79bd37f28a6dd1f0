"""The tables of a ledger in SQLite: what they take, and what writing to them costs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from maildrill.sender.attempt import State
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.enrolling import ADD
from maildrill.sender.ledger.schema import MIGRATIONS


@pytest.fixture
def tables() -> Iterator[sqlite3.Connection]:
    """The newest tables, empty."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in (one for migration in MIGRATIONS for one in migration):
            connection.execute(statement)
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


@pytest.mark.parametrize("state", State)
def test_a_recipient_can_be_in_any_state(state: State, tables: sqlite3.Connection) -> None:
    """The tables name them one by one."""
    _add(tables)
    tables.execute("UPDATE recipient SET state = ?", (state.value,))

    assert tables.execute("SELECT state FROM recipient").fetchall() == [(state.value,)]


@pytest.mark.parametrize("state", ["sent", "Pending", "", None])
def test_a_recipient_is_in_no_other_state(state: str | None, tables: sqlite3.Connection) -> None:
    """A word that is none of them is not written."""
    _add(tables)

    with pytest.raises(sqlite3.IntegrityError):
        tables.execute("UPDATE recipient SET state = ?", (state,))


@pytest.mark.parametrize(
    "statement",
    [ADD, sql.INTEND, sql.INFLIGHT, sql.NUMBERED_TRY, sql.TRIED, sql.GATHERED_TRIED, sql.STRIKE, sql.STAND],
)
def test_no_row_is_written_by_way_of_a_table_of_its_own(statement: str, tables: sqlite3.Connection) -> None:
    """To fill one for each row was a fourteenth of what a message takes."""
    steps = tables.execute(f"EXPLAIN {statement}", (None,) * statement.count("?")).fetchall()

    assert "OpenEphemeral" not in {step[1] for step in steps}


def _add(tables: sqlite3.Connection) -> None:
    tables.execute(ADD, ("ann@x.example", "ann@x.example", "x.example", 2, "{}", "<1@x.example>", 1.0, 1.0))
