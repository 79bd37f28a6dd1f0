"""What stands at the door of a ledger in a file: whose it is, who has it, what its place allows, what SQLite says."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import Durability, LedgerError, open_ledger
from maildrill.sender.ledger.identity import fingerprint
from maildrill.sender.ledger.lease import is_leased, take_lease
from maildrill.sender.ledger.place import check_writable, is_frozen, open_frozen
from maildrill.sender.ledger.trouble import TROUBLES, Busy, at_the_door, code_of, in_words, not_flushed
from maildrill.smtp import ConfigurationError

Deny = Callable[..., None]
Make = Callable[..., Campaign]
#: A name that means something in a URI.
STRANGE = "a b?mode=rw#%41.ledger"


@pytest.fixture
def deny(monkeypatch: pytest.MonkeyPatch) -> Deny:
    """Have the system say that these may not be written (or read: `mode`): to root, too, whom nothing binds."""
    access = os.access

    def forbid(*places: Path, mode: int = os.W_OK) -> None:
        monkeypatch.setattr(os, "access", lambda at, asked: access(at, asked) and not (at in places and asked & mode))

    return forbid


def refused(error: type[Exception], act: Callable[[], object]) -> str:
    """Return what is said, whole."""
    with pytest.raises(error) as caught:
        act()
    return str(caught.value)


# Its place


def test_what_may_not_be_written_is_named(tmp_path: Path, deny: Deny) -> None:
    """The ledger, what SQLite keeps beside it, the folder; before SQLite leaves a file there."""
    ledger = tmp_path / "club.ledger"
    places = (ledger, tmp_path / "club.ledger-wal", tmp_path / "club.ledger-shm")
    deny(*places)
    check_writable(ledger)  # none of them is there
    for place in (*places, tmp_path):
        if place != tmp_path:
            place.touch()
        deny(place)

        assert refused(ConfigurationError, lambda: check_writable(ledger)) == (
            f"{ledger}: the ledger cannot be written: permission denied{'' if place == ledger else f' for {place}'}\n"
            "  expected a file, its -wal and -shm, and a folder, all of which this user may write\n"
            "  check folder and permissions"
        )
    deny()
    check_writable(ledger)


def test_a_ledger_is_frozen_where_it_may_only_be_read(tmp_path: Path, deny: Deny) -> None:
    """The file, or its folder; with a -wal somebody is at work, and what may not be read is no archive."""
    ledger = tmp_path / "club.ledger"
    ledger.touch()
    assert not is_frozen(ledger)
    deny(ledger)
    assert is_frozen(ledger)
    deny(tmp_path)
    assert is_frozen(ledger)
    deny(tmp_path, ledger)
    assert is_frozen(ledger)
    deny(ledger, mode=os.R_OK | os.W_OK)
    assert not is_frozen(ledger)
    deny(ledger)
    (tmp_path / "club.ledger-shm").touch()
    assert is_frozen(ledger)
    (tmp_path / "club.ledger-wal").touch()
    assert not is_frozen(ledger)


def test_what_is_frozen_is_read_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made beside it, whatever its name means elsewhere."""
    with closing(sqlite3.connect(tmp_path / STRANGE)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE one (number)")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    with closing(open_frozen(Path(STRANGE))) as frozen:
        assert frozen.execute("SELECT count(*) FROM one").fetchone() == (0,)
        assert frozen.isolation_level is None
        assert sorted(tmp_path.iterdir()) == before
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            frozen.execute("INSERT INTO one VALUES (1)")


# The lease


def test_one_has_the_lease(tmp_path: Path) -> None:
    """In a file of its own (invariant I41); the second is told at once; looking is free, and makes no file."""
    ledger = tmp_path / STRANGE
    assert not is_leased(ledger)
    assert list(tmp_path.iterdir()) == []
    lease = take_lease(ledger)
    assert [file.name for file in tmp_path.iterdir()] == [f"{STRANGE}-lease"]
    assert (lease.isolation_level, lease.in_transaction) == (None, True)
    assert lease.execute("PRAGMA journal_mode").fetchone() == ("memory",)
    assert is_leased(ledger)

    with pytest.raises(sqlite3.OperationalError) as told:
        take_lease(ledger)
    assert code_of(told.value) == sqlite3.SQLITE_BUSY
    lease.close()
    assert not is_leased(ledger)
    take_lease(ledger).close()


def test_a_lease_is_found_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a name that is relative."""
    monkeypatch.chdir(tmp_path)
    with closing(take_lease(Path("club.ledger"))):
        assert is_leased(Path("club.ledger"))
        assert is_leased(tmp_path / "club.ledger")


def test_a_lease_that_cannot_be_taken_is_named(tmp_path: Path, deny: Deny) -> None:
    """What is wrong with its file, and what to do; whoever looks finds that nobody has it."""
    ledger, file = tmp_path / "club.ledger", tmp_path / "club.ledger-lease"
    file.write_bytes(b"no lease at all, and long enough to be anything" * 100)

    def told(why: str, file: Path = file) -> str:
        return (
            f"{file}: the lease cannot be taken: {why}\n"
            "  expected an empty file, or none, in a folder that this user may write\n"
            "  check folder and permissions; where nobody is sending, the file may be removed"
        )

    assert refused(ConfigurationError, lambda: take_lease(ledger)) == told("file is not a database")
    assert not is_leased(ledger)
    gone = tmp_path / "no" / "club.ledger"
    assert refused(ConfigurationError, lambda: take_lease(gone)) == told(
        "unable to open database file", tmp_path / "no" / "club.ledger-lease"
    )
    file.write_bytes(b"")
    deny(file)
    assert refused(ConfigurationError, lambda: take_lease(ledger)) == told("Permission denied")
    deny(file, mode=os.R_OK | os.X_OK)
    take_lease(ledger).close()


# What SQLite says


def _said(text: str, code: int | None) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    if code is not None:
        error.sqlite_errorcode = code
    return error


def test_the_primary_code_is_what_counts() -> None:
    """An extended one has it in its lowest eight bits (https://www.sqlite.org/rescode.html)."""
    assert code_of(_said("locked", sqlite3.SQLITE_BUSY_SNAPSHOT)) == sqlite3.SQLITE_BUSY
    assert code_of(_said("strange", 0x1FF)) == 0xFF
    assert code_of(_said("closed", None)) == 0
    assert code_of(ValueError()) == 0
    assert code_of(None) == 0


@pytest.mark.parametrize("code", [*TROUBLES, 0, None])
def test_trouble_is_told_in_our_words(code: int | None) -> None:
    """And in SQLite's; at the door it is a fault of the set-up where another run would fare no better."""
    trouble = TROUBLES.get(code or 0)
    what = trouble.what if trouble else "the ledger cannot be used"
    found, error = in_words("club.ledger", _said("so it is", code)), _said("so it is", code)
    door = at_the_door("club.ledger", error)

    assert type(found) is LedgerError
    assert (found.what, found.where) == (f"{what}: so it is", "club.ledger")
    assert found.expected == (trouble.expected if trouble else "")
    assert found.hint == (
        trouble.hint if trouble else "put it right; nothing that was written is lost: run again to go on"
    )
    assert type(door) is (ConfigurationError if trouble and trouble.lasting else LedgerError)
    assert (door.what, door.where, door.expected, door.hint) == (found.what, found.where, found.expected, found.hint)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, sqlite3.SQLITE_FULL),
        (errno.EIO, sqlite3.SQLITE_IOERR),
        (errno.EDQUOT, sqlite3.SQLITE_IOERR),  # whose words name the quota
    ],
)
def test_a_disk_that_does_not_flush_is_said_in_our_words(code: int, kind: int) -> None:
    """Only a full one wants room; what the system says of it is told, and when it was."""
    found, trouble = not_flushed("club.ledger", code), TROUBLES[kind]

    assert type(found) is LedgerError
    assert found.what == f"{trouble.what}: {os.strerror(code)}, when what was written was flushed to the disk"
    assert (found.where, found.expected, found.hint) == ("club.ledger", trouble.expected, trouble.hint)


# Whose it is


def _begin(file: Path, campaign: Campaign, at: float) -> float:
    with closing(open_ledger(file, campaign, at=at, durability=Durability.PROCESS)) as ledger:
        return ledger.created


def test_a_ledger_is_its_campaigns(tmp_path: Path, campaign: Make) -> None:
    """From the moment at which that was begun; another campaign, and another message, are refused."""
    file = tmp_path / "club.ledger"
    assert _begin(file, campaign(), 100.5) == 100.5
    created = _begin(file, campaign(), 200.0)
    assert (created, type(created)) == (100.5, float)

    assert refused(ConfigurationError, lambda: _begin(file, campaign(name='\x1b"'), 300.0)) == (
        f'{file}: this is the ledger of the campaign "club", not of "\\x1b""\n  name another file with --ledger'
    )
    assert refused(ConfigurationError, lambda: _begin(file, campaign(text="Bye!"), 300.0)) == (
        f"{file}: the message has changed since this campaign was begun: some recipients have the earlier one\n"
        "  expected the same sender, subject, text, HTML, attachments, mode and seed in every run\n"
        "  undo the change to go on, or give the campaign another name and another --ledger"
    )
    assert refused(
        ConfigurationError,
        lambda: _begin(tmp_path / "other", campaign(name="a\x07"), 1.0) and _begin(tmp_path / "other", campaign(), 2.0),
    ).startswith(f'{tmp_path}/other: this is the ledger of the campaign "a\\x07", not of "club"')


def test_an_attachment_is_part_of_the_message(tmp_path: Path, campaign: Make) -> None:
    """Its name, though it is strange, its size, and all its octets, however many; one that is not there is named."""
    file, other, gone = tmp_path / "a.bin", tmp_path / "\udcff.bin", tmp_path / "gone.bin"
    octets = bytes(range(256)) * 1024
    file.write_bytes(octets)
    first = fingerprint(campaign(attachments=(file,)))
    other.write_bytes(octets)
    assert fingerprint(campaign(attachments=(other,))) != first
    file.write_bytes(octets[:-1] + b"!")
    assert fingerprint(campaign(attachments=(file,))) != first
    file.write_bytes(octets)
    assert fingerprint(campaign(attachments=(file,))) == first

    assert refused(ConfigurationError, lambda: fingerprint(campaign(attachments=(gone,)))) == (
        f"{gone}: cannot read attachment: No such file or directory"
    )


def test_who_cannot_be_asked_to_stop_is_waited_for() -> None:
    """A ledger that others have says what helps, where Ctrl-C reaches none of them."""
    found = at_the_door("club.ledger", Busy("its first process is gone", hint="wait"))

    assert str(found) == (
        "club.ledger: the ledger is in use by another maildrill: its first process is gone\n"
        "  expected one sender at a time\n"
        "  wait"
    )
    assert isinstance(found, ConfigurationError)
