"""Files and folders that may only be read: sending is refused before anything happens, looking goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from maildrill.sender.ledger.lease import take_lease

Play = Callable[..., Any]

#: Root may write everywhere: it gives up its capabilities, so that permissions bind it as they bind anybody.
BOUND = """\
import ctypes
give_up = getattr(ctypes.CDLL(None), "capset", None)
if give_up:
    give_up((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
"""
STOPPED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (160_000, 160_000))\n"  # a campaign half sent
READING = ("status", "log")


def test_what_may_not_be_written_is_named_and_nothing_is_sent(play: Play) -> None:
    """One after the other: the ledger, its lease, each log, the folder; then all may be written again."""
    endings = (".ledger", ".ledger-lease", ".events.jsonl", ".connection.log", "")

    async def story(site: Any) -> None:
        await site.send(STOPPED)
        doubted, sessions = site.doubted(), len(site.journal.sessions)
        for ending in endings:
            reading = READING if ending == ".ledger" else ()
            place = site.file(ending) if ending else site.folder
            place.chmod(0o444 if ending else 0o555)
            sent = await site.send(BOUND)
            told = [(await site.run(command, "spring.toml", before=BOUND)).code for command in reading]
            place.chmod(0o644 if ending else 0o755)

            first, *more = sent.errors.splitlines()
            assert (sent.code, first.startswith(f"error: spring{ending or '.ledger'}: ")) == (78, True), sent.errors
            assert [line.strip().partition(" ")[0] for line in more] == ["expected", "check"], sent.errors
            assert set(told) <= {0}, ending
        assert len(site.journal.sessions) == sessions
        last = await site.send(BOUND)

        assert last.code == (1 if doubted else 0), last.errors
        assert site.wrong(doubted) == []

    play(story)


def test_an_archived_campaign_can_be_looked_at(play: Play) -> None:
    """A folder and files that nobody may write, as on a CD: SQLite can make no -shm there, and need not."""

    async def story(site: Any) -> None:
        await site.send()
        files = list(site.folder.iterdir())
        for file in files:
            file.chmod(0o444)
        site.folder.chmod(0o555)
        told = [await site.run(command, "spring.toml", before=BOUND) for command in READING]
        explained = await site.run("explain", "spring.toml", site.guests[0], before=BOUND)
        site.folder.chmod(0o755)

        assert [one.code for one in (*told, explained)] == [0, 0, 0], (*told, explained)
        assert sorted(site.folder.iterdir()) == sorted(files)

    play(story)


def test_a_strange_lease_is_nobodys_and_is_named(play: Play) -> None:
    """The commands that look do not mind it; sending says what to do about it, and it can be done."""
    content = b"no lease at all, and long enough to be anything" * 100

    async def story(site: Any) -> None:
        site.file(".ledger-lease").write_bytes(content)
        refused = await site.send()
        site.file(".ledger-lease").unlink()
        sent = await site.send()
        site.file(".ledger-lease").write_bytes(content)
        told = await site.run("status", "spring.toml")

        assert (refused.code, refused.errors.startswith("error: spring.ledger-lease: ")) == (78, True), refused.errors
        assert "may be removed" in refused.errors
        assert (sent.code, told.code) == (0, 0), told.errors

    play(story)


def test_a_lease_that_needs_no_permission_would_be_no_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded defect: on a file that it may only read SQLite lets two senders have the lease at once (I41)."""
    ledger = tmp_path / "spring.ledger"
    file = ledger.with_name("spring.ledger-lease")
    file.touch()
    connect = sqlite3.connect

    def only_read(_: Path, **words: Any) -> sqlite3.Connection:
        found: sqlite3.Connection = connect(f"file:{file}?mode=ro", uri=True, **words)
        return found

    monkeypatch.setattr(sqlite3, "connect", only_read)
    with closing(take_lease(ledger)), closing(take_lease(ledger)) as second:
        assert second.in_transaction


def test_output_that_finds_no_room_is_no_bug(play: Play) -> None:
    """Status 74, said plainly; also where stderr is as full, and then silently."""

    async def story(site: Any) -> None:
        full = "import os, sys; os.dup2(os.open('/dev/full', os.O_WRONLY), 1)\n"
        told = await site.send(full)
        silent = await site.send(f"{full}os.dup2(1, 2)\n")

        assert (told.code, "the output cannot be written: " in told.errors) == (74, True), told.errors
        assert "Traceback" not in told.errors
        assert (silent.code, silent.errors, len(site.journal.messages)) == (74, "", 12)

    play(story)
