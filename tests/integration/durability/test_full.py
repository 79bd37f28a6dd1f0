"""The disk is full while a campaign is sent: a clear stop, and another run with room loses nobody and doubles nobody.

A limit on the size of files is a full disk for one process; a small file system of its own is a full disk indeed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from maildrill.sender.log_json import encode

EARLIER = encode(1, 0.0, "run.stopping", {"reason": "asked to stop"}).encode()
FRAME = 4_120  # octets by which a -wal grows: a page and its head; so no intent is passed over
ALREADY = 400_000  # octets that a log has: more than the ledger or its -wal will have
FORKS = hasattr(os, "fork")  # where none can, one process is all there is
LOGS = (".events.jsonl", ".connection.log")
Play = Callable[..., Any]


def room(octets: int) -> str:
    """Return the code after which no file of the process can grow beyond so many octets."""
    return f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({octets}, {octets}))\n"


def is_clear(told: str, file: str) -> bool:
    """Whether an error names the file, what is wrong, what was expected and what to do; and nothing else broke."""
    lines = told[told.index("error: ") :].splitlines()
    named = lines[0].startswith(f"error: {file}: ") and lines[1].startswith("  expected ") and len(lines) == 3
    return named and "Traceback" not in told and "never retrieved" not in told


#: Nothing can be begun; the -wal has no room for the tables; nor for an intent or an outcome.
@pytest.mark.parametrize(
    ("octets", "processes"),
    [(100, 1), (8_192, 1), (160_000, 1), *((octets, 2) for octets in (8_192, 160_000) if FORKS)],
)
def test_no_room_for_the_ledger(octets: int, processes: int, play: Play) -> None:
    """Whether an intent or an outcome finds no room: no dot leaves unwritten, and what nobody wrote down is Unknown."""

    async def story(site: Any) -> None:
        first = await site.send(room(octets))
        doubted = site.doubted()
        told = await site.run("status", "spring.toml")
        ahead = site.ahead() if first.code == 75 and told.code == 0 else []
        second = await site.send()

        assert (first.code, is_clear(first.errors, "spring.ledger")) == (75, True), first.errors
        assert (told.code in (0, 78), ahead) == (True, []), told.errors
        assert second.code == (1 if doubted else 0), second.errors
        assert site.wrong(doubted) == []

    play(story, processes=processes)


@pytest.mark.parametrize("processes", [1, 2] if FORKS else [1])
@pytest.mark.parametrize("ending", LOGS)
def test_no_room_for_a_log(ending: str, processes: int, play: Play) -> None:
    """The run stops between two transactions; the ledger has it all, and the next run mends the torn line."""

    async def story(site: Any) -> None:
        site.file(ending).write_bytes(EARLIER * (ALREADY // len(EARLIER)))
        first = await site.send(room(site.file(ending).stat().st_size + 2_000))
        told = await site.run("log", "spring.toml")
        left = 12 - len(site.journal.messages)
        second = await site.send()

        assert (first.code, is_clear(first.errors, f"spring{ending}")) == (75, True), first.errors
        assert told.code == 0
        assert left > 0
        assert (second.code, len(site.journal.messages)) == (0, 12), second.errors
        assert site.wrong(set()) == []

    play(story, processes=processes)


UNWRITTEN = """\
from contextlib import suppress
from maildrill.sender.ledger import LedgerError
from maildrill.sender.ledger.sqlite import SqliteLedger as Book
write = Book.intend
async def intend(self, intent, *then):
    with suppress(LedgerError):
        await write(self, intent, *then)
Book.intend = intend
"""
UNHEARD = """\
from maildrill.sender.connection_log import ConnectionLog
give_up = ConnectionLog._give_up
def silently(self, sink, error):
    self._on_fault = None
    give_up(self, sink, error)
    self.fault = None
ConnectionLog._give_up = silently
"""


def test_a_dot_that_leaves_without_its_intent_is_found(play: Play) -> None:
    """The seeded defect: an intent that could not be written stops nothing.

    Whether the dot leaves before the outcome of somebody else stops the run is the machine's to say: several campaigns.
    """

    async def story(site: Any) -> None:
        for octets in range(70_000, 270_000, FRAME):
            await site.send(UNWRITTEN + room(octets))
            if site.doubled():
                break

    assert any(play(story, folder=f"campaign {number}").doubled() for number in range(4))


def test_a_log_that_ends_silently_is_found(play: Play) -> None:
    """The seeded defect: a log that cannot be written is nobody's business; the exit status tells."""

    async def story(site: Any) -> None:
        site.file(".events.jsonl").write_bytes(EARLIER * (ALREADY // len(EARLIER)))
        first = await site.send(UNHEARD + room(site.file(".events.jsonl").stat().st_size + 2_000))

        assert first.code != 75

    play(story)


#: $1: what runs maildrill; a file system that only this shell sees, and its room: first so little that the run stops.
SMALL = """
mount -t tmpfs -o size=320k none disk && cp spring.toml list.csv disk && cd disk || exit 9
head -c 150000 /dev/zero > ballast
"$@" send spring.toml > ../first 2>&1; echo $? > ../codes
"$@" status spring.toml > ../status 2>&1; echo $? >> ../codes
rm ballast
cp spring.ledger* ../evidence
mount -o remount,size=4m none .
"$@" send spring.toml > ../second 2>&1; echo $? >> ../codes
cp spring.* ..
"""


def has_small_disks() -> bool:
    """Whether this machine lets us mount a file system for a process of our own."""
    unshare = shutil.which("unshare")
    trial = [str(unshare), "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return unshare is not None and subprocess.run(trial, check=False, capture_output=True).returncode == 0  # noqa: S603


if has_small_disks():  # a machine that forbids it has the limits above
    # with two connections it is by chance the ledger or a log that finds no room first
    @pytest.mark.parametrize(("connections", "files"), [(1, (".ledger",)), (2, (".ledger", *LOGS))])
    def test_a_disk_that_is_full_indeed(connections: int, files: tuple[str, ...], play: Play) -> None:
        """ENOSPC, not a limit: SQLite's and the system's own words for it, and the same end."""

        async def story(site: Any) -> None:
            (site.folder / "disk").mkdir()
            (site.folder / "evidence").mkdir()
            program = [sys.executable, "-c", "from maildrill.cli.main import main; main()"]
            process = await asyncio.create_subprocess_exec(
                "unshare", "-rm", "sh", "-c", SMALL, "sh", *program, cwd=site.folder
            )
            await process.wait()
            codes = (site.folder / "codes").read_text().split()
            first = (site.folder / "first").read_text()
            evidence = type(site)(site.folder / "evidence").doubted()

            assert codes == ["75", "0", "1" if evidence else "0"], first
            assert any(is_clear(first, f"spring{ending}") for ending in files), first
            assert site.wrong(evidence) == []

        play(story, connections=connections)
