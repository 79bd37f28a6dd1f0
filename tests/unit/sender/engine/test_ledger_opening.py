"""Opening a ledger in a file: what is refused and in which words, what is set, and what is given back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import Durability, LedgerError, change_ledger, is_leased, open_ledger, read_ledger
from maildrill.sender.ledger.group import TURNS
from maildrill.sender.ledger.opening import change_book, is_shared, open_book, read_book
from maildrill.sender.ledger.schema import APPLICATION, MIGRATIONS
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.smtp import ConfigurationError

Make = Callable[..., Campaign]
Way = Callable[[Path], SqliteLedger]


@pytest.fixture(params=["open", "read", "change"])
def way(request: pytest.FixtureRequest, campaign: Make) -> Way:
    """One of the three ways to open a ledger."""
    ways: dict[str, Way] = {
        "open": lambda file: open_ledger(file, campaign(), at=300.0, durability=Durability.PROCESS),
        "read": read_ledger,
        "change": change_ledger,
    }
    return ways[request.param]


@pytest.fixture
def file(tmp_path: Path, campaign: Make) -> Iterator[Path]:
    """A ledger that a run of `club` has made, begun at second 100."""
    file = tmp_path / "club.ledger"
    open_ledger(file, campaign(), at=100.0, durability=Durability.PROCESS).close()
    yield file
    assert not is_leased(file)


def _sql(file: Path, statement: str) -> tuple[object, ...]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        found: tuple[object, ...] = connection.execute(statement).fetchone() or ()
        return found


def refused(act: Callable[[], object], error: type[Exception] = ConfigurationError) -> str:
    """Return what is said, whole."""
    with pytest.raises(error) as caught:
        act()
    return str(caught.value)


def _asked(ledger: SqliteLedger, *pragmas: str) -> list[object]:
    return [(ledger.do(f"PRAGMA {pragma}") or (None,))[0] for pragma in pragmas]


@pytest.mark.parametrize(("durability", "synchronous"), [("power", 1), ("process", 0), ("none", 0)])
def test_how_it_is_written_is_what_was_asked_for(
    durability: str, synchronous: int, tmp_path: Path, campaign: Make
) -> None:
    """Power: we flush what SQLite has committed (NORMAL); none: all is written at the end."""
    kind = Durability(durability)
    with closing(open_ledger(tmp_path / "a.ledger", campaign(), at=1.0, durability=kind)) as ledger:
        assert _asked(ledger, "synchronous", "journal_mode", "foreign_keys") == [synchronous, "wal", 1]
        assert (ledger.lazy, ledger._group.turns) == (kind is Durability.NONE, TURNS)
        assert (ledger._flusher is not None) is (kind is Durability.POWER)


def test_power_is_what_nobody_has_to_ask_for(tmp_path: Path, campaign: Make) -> None:
    """In a file, by either name: we flush (NORMAL); and for an operator: SQLite does (FULL)."""
    ways: list[tuple[Callable[[], object], bool]] = [
        (lambda: open_ledger(tmp_path / "a.ledger", campaign(), at=1.0), True),
        (lambda: open_book(str(tmp_path / "b.ledger"), campaign(), at=1.0), True),
        (lambda: change_ledger(tmp_path / "a.ledger"), False),
    ]
    for way, ours in ways:
        ledger = way()
        assert isinstance(ledger, SqliteLedger)
        with closing(ledger):
            assert _asked(ledger, "synchronous", "foreign_keys") == [1 if ours else 2, 1]
            assert (ledger._group.disk is not None) is ours
    with closing(open_book(tmp_path / "b.ledger", campaign(), at=2.0, durability=Durability.NONE)) as ledger:
        assert isinstance(ledger, SqliteLedger)
        assert (ledger.lazy, ledger.created, ledger.run) == (True, 1.0, 2)


def test_where_we_cannot_flush_sqlite_does(tmp_path: Path, campaign: Make) -> None:
    """There is no -wal in memory, nor where somebody has moved it: nothing is promised that SQLite does not keep."""
    file = tmp_path / "a.ledger"
    with closing(open_ledger(None, campaign(), at=1.0)) as ledger:
        assert (_asked(ledger, "synchronous"), ledger._group.disk) == ([2], None)
    with closing(open_ledger(file, campaign(), at=1.0, durability=Durability.PROCESS)) as ledger:
        ledger.do("PRAGMA synchronous = FULL")
        Path(f"{file}-wal").rename(tmp_path / "moved")
        ledger.flush_apart()
        assert (_asked(ledger, "synchronous"), ledger._group.disk) == ([2], None)
        (tmp_path / "moved").rename(f"{file}-wal")


def test_the_wal_of_a_link_is_beside_the_file_itself(tmp_path: Path, campaign: Make) -> None:
    """That is where SQLite has it."""
    (tmp_path / "link.ledger").symlink_to(tmp_path / "a.ledger")
    with closing(open_ledger(tmp_path / "link.ledger", campaign(), at=1.0)) as ledger:
        assert not (tmp_path / "link.ledger-wal").exists()
        assert _asked(ledger, "synchronous") == [1]


def test_a_ledger_in_memory_needs_no_lease(campaign: Make) -> None:
    """It is nobody else's."""
    with closing(open_ledger(None, campaign(), at=7.0)) as ledger:
        assert ledger.file_lease is None
        assert (ledger.created, ledger.run, ledger.campaign) == (7.0, 1, "club")
        assert _asked(ledger, "database_list") == [0]


def test_what_is_leased_is_given_back(file: Path, campaign: Make) -> None:
    """A sender and an operator have the lease until they close; a reader needs none."""
    ways: list[Callable[[], SqlLedger]] = [
        lambda: open_ledger(file, campaign(), at=1.0),
        lambda: change_book(str(file), None),
    ]
    for way in ways:
        with closing(way()):
            assert is_leased(file)
        assert not is_leased(file)
    with closing(read_book(file, None)):
        assert not is_leased(file)


def test_who_reads_changes_nothing(file: Path) -> None:
    """And is told the campaign and when it was begun."""
    with closing(read_ledger(file)) as ledger:
        assert (ledger.campaign, ledger.created, ledger.run) == ("club", 100.0, 0)
        assert refused(ledger.forget, LedgerError).startswith(f"{file}: the ledger cannot be written: attempt to write")


def test_an_archive_is_read_as_it_lies_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made beside what may only be read; who wants to change it is refused."""
    access = os.access
    monkeypatch.setattr(os, "access", lambda at, asked: access(at, asked) and not (at == file and asked & os.W_OK))
    before = sorted(file.parent.iterdir())
    with closing(read_ledger(file)) as ledger:
        assert ledger.created == 100.0
        assert sorted(file.parent.iterdir()) == before
    assert "permission denied" in refused(lambda: change_ledger(file))


def test_who_changes_can(file: Path) -> None:
    """It is the same ledger, without a run of its own."""
    with closing(change_ledger(file)) as ledger:
        ledger.enrol([Row(2, "a@x.example", {})], lambda row: "<id>", 5.0)
        assert (ledger.campaign, ledger.created, ledger.run) == ("club", 100.0, 0)
    with closing(read_ledger(file)) as ledger:
        assert [one.address for one in ledger.recipients()] == ["a@x.example"]


def test_a_ledger_has_its_marks(file: Path) -> None:
    """By which it is known, and its version."""
    assert _sql(file, "PRAGMA application_id") == (APPLICATION,)
    assert _sql(file, "PRAGMA user_version") == (len(MIGRATIONS),)


@pytest.mark.parametrize("way", ["read", "change"], indirect=True)
def test_what_is_not_there_is_not_made(way: Way, tmp_path: Path) -> None:
    """A folder is no ledger, either."""
    for place in (tmp_path / "club.ledger", tmp_path):
        assert refused(lambda place=place: way(place)) == (  # type: ignore[misc]
            f"{place}: there is no such ledger\n  nothing was sent yet; or name another file with --ledger"
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["read", "change"], indirect=True)
@pytest.mark.parametrize("version", [0, len(MIGRATIONS) - 1])
def test_what_no_run_of_this_version_has_made_is_refused(way: Way, version: int, file: Path) -> None:
    """Only sending brings it up to date."""
    _sql(file, f"PRAGMA user_version = {version}")

    assert refused(lambda: way(file)) == (
        f"{file}: the ledger is empty or of an earlier version\n"
        "  expected one to which a run of this maildrill has written\n"
        "  send the campaign"
    )


def test_a_newer_one_is_refused(way: Way, file: Path) -> None:
    """As it is by whoever opens it; and is left as it is."""
    newer = len(MIGRATIONS) + 1
    _sql(file, f"PRAGMA user_version = {newer}")

    assert refused(lambda: way(file)) == (
        f"{file}: the ledger was written by a newer maildrill (schema {newer}, this one knows {newer - 1})\n"
        "  run the newer maildrill"
    )
    assert _sql(file, "PRAGMA user_version") == (newer,)


@pytest.mark.parametrize("made", ["CREATE TABLE invoice (id)", "PRAGMA user_version = 1", "PRAGMA application_id = 9"])
def test_any_other_database_is_refused(way: Way, made: str, tmp_path: Path) -> None:
    """By any of its marks."""
    file = tmp_path / "club.ledger"
    _sql(file, made)

    assert refused(lambda: way(file)) == (
        f"{file}: this is a database, but not a ledger\n  name another file with --ledger"
    )
    assert not is_leased(file)


def test_a_file_that_is_no_database_is_refused(way: Way, tmp_path: Path) -> None:
    """In our words, with SQLite's."""
    file = tmp_path / "club.ledger"
    file.write_text("a shopping list, long enough to be a header\n" * 9)

    assert refused(lambda: way(file)) == (
        f"{file}: this is not a ledger: file is not a database\n"
        "  expected a file that maildrill made\n"
        "  name another file with --ledger"
    )


def test_what_is_damaged_is_refused_at_the_door(file: Path, campaign: Make) -> None:
    """Also where the fault shows only in what opening writes; the lease is given back."""
    pages = file.read_bytes()
    file.write_bytes(pages[:4096] + b"\xff" * (len(pages) - 4096))

    said = refused(lambda: open_ledger(file, campaign(), at=2.0, durability=Durability.PROCESS))
    assert said.startswith(f"{file}: the ledger is damaged: database disk image is malformed\n  expected a file as SQL")


def test_what_lacks_a_table_is_refused_at_the_door(file: Path, campaign: Make) -> None:
    """With the file's name and what SQLite says, though it is found out by what opening writes."""
    _sql(file, "DROP TABLE campaign")

    said = refused(lambda: open_ledger(file, campaign(), at=2.0, durability=Durability.PROCESS), LedgerError)
    assert said.startswith(f"{file}: the ledger cannot be used: no such table: campaign\n")


def test_a_ledger_in_use_is_refused(file: Path, campaign: Make) -> None:
    """To a sender and to an operator; a reader is welcome (invariant I41)."""
    with closing(change_ledger(file)):
        for act in (lambda: open_ledger(file, campaign(), at=2.0), lambda: change_ledger(file)):
            assert refused(act) == (
                f"{file}: the ledger is in use by another maildrill: database is locked\n"
                "  expected one sender at a time\n"
                "  wait for it, or stop it with Ctrl-C"
            )
        read_ledger(file).close()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, campaign: Make) -> None:
    """Before anything is made."""
    file = tmp_path / "no" / "club.ledger"

    assert refused(lambda: open_ledger(file, campaign(), at=0.0)).startswith(
        f"{file}: the ledger cannot be opened: unable to open database file\n"
    )


@pytest.mark.parametrize(
    ("place", "shared"),
    [
        ("postgresql://drill@/club", True),
        ("postgres://drill@/club", True),
        ("mysql://drill@/club", False),
        ("club.ledger", False),
        (Path("postgresql://drill@/club"), False),
        (None, False),
    ],
)
def test_a_url_is_no_file(place: str | Path | None, shared: bool) -> None:
    """PostgreSQL has two schemes (its manual, section 34.1.1.2)."""
    assert is_shared(place) is shared


def test_a_url_leads_to_postgresql(campaign: Make) -> None:
    """To send, to look and to change: whoever cannot get in there is told the place; no file of that name is made."""
    url = "postgres://drill@/club?host=/nowhere"
    ways: list[Callable[[], object]] = [
        lambda: open_book(url, campaign(), at=1.0),
        lambda: read_book(url, None),
        lambda: change_book(url, None),
    ]
    for way in ways:
        assert refused(way).startswith(f"{url}: ")
