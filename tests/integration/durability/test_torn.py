"""Files that a power cut or a full disk has torn: the next run and every reading command get on with what is left."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.scenarios.mutants.patching import Patching
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.fold import fold
from maildrill.sender.ledger import Durability, open_ledger, read_ledger
from maildrill.sender.ledger.gathered import Gathered
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.ledger.statements import LAST_TRY
from maildrill.sender.log_json import last_number, read_events
from maildrill.sender.log_sinks import JsonLines, Sink, TextFile, _torn_line
from maildrill.smtp import ConfigurationError

CAMPAIGN = """\
[campaign]
name = "spring"
from = "news@hall.example"
subject = "Hello"

[account]
host = "mx.relay.example"

[list]
file = "list.csv"
email = "Email"

[message]
text = '''
Hello.
'''
"""
SCRIPT = """
version = 1

[[rule]]
at = "rcpt"
rcpt = "bob@*"
reply = "550 5.1.1 no such user: Zoë"
"""
GUESTS = ("ann@one.example", "bob@one.example", "cyd@two.example")
READING = (("status",), ("log",), ("report",), ("explain", GUESTS[1]))


def _plan(folder: Path) -> Plan:
    campaign = read_campaign(folder / "spring.toml")
    script = read_script(SCRIPT, "test.toml")
    return Plan(campaign=campaign, script=script, ledger=folder / "spring.ledger", durability=Durability.PROCESS)


def _rehearse(folder: Path) -> None:
    sinks: list[Sink] = [JsonLines(folder / "spring.events.jsonl"), TextFile(folder / "spring.connection.log")]
    try:
        rehearse(_plan(folder), sinks)
    finally:
        for sink in sinks:
            sink.close()


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """Return a folder in which a small campaign has been sent."""
    folder = tmp_path / "sent"
    folder.mkdir()
    (folder / "spring.toml").write_text(CAMPAIGN)
    (folder / "list.csv").write_text("\n".join(("Email", *GUESTS, "")))
    _rehearse(folder)
    return folder


def _told(folder: Path) -> list[str]:
    """Run every reading command; return what each that did not end well, or said nothing clear, came to."""
    found = []
    for command, *words in READING:
        ended = CliRunner().invoke(main, [command, str(folder / "spring.toml"), *words])
        clear = ended.exit_code in (0, 1) or (ended.exit_code in (75, 78) and "expected" in ended.stderr)
        if not clear:
            found.append(f"{command}: {ended.exit_code} {ended.output}")
    return found


def _last(file: Path) -> bytes:
    """Return the last lines of a log, some hundred octets: what stands before them is nobody's concern."""
    lines = file.read_bytes().splitlines(keepends=True)
    return b"".join(lines[-6:])


def _events_mended_wrongly(sent: Path) -> list[int]:
    """Cut the end of an event log at every octet, and append to it; return after how many it went wrong."""
    whole, file, wrong = _last(sent / "spring.events.jsonl"), sent / "cut.events.jsonl", []
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        kept = whole[: whole.rfind(b"\n", 0, length) + 1]
        before = json.loads(kept.splitlines()[-1])["n"] if kept else 0
        sink = JsonLines(file)
        sink.take(1, 0.0, "run.stopping", {"reason": "asked to stop"})
        sink.close()
        found = file.read_bytes()
        line = found[len(kept) :]
        right = line.startswith(b'{"v":1,"n":%d,' % (before + 1)) and line.count(b"\n") == 1
        wrong += [] if found.startswith(kept) and right else [length]
    return wrong


def _lines_mended_wrongly(sent: Path) -> list[int]:
    """Do the same to a log for people."""
    whole, file, wrong = _last(sent / "spring.connection.log"), sent / "cut.connection.log", []
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        sink = TextFile(file)
        sink.take(1, 0.0, "run.stopping", {"reason": "asked to stop"})
        sink.close()
        found = file.read_bytes()
        rest = found[length:]
        right = rest.startswith(b"\n") is (length > 0 and whole[length - 1 : length] != b"\n")
        right = right and rest.strip(b"\n").count(b"\n") == 0
        wrong += [] if found.startswith(whole[:length]) and right else [length]
    return wrong


def test_an_event_log_cut_at_every_octet_keeps_what_is_whole(sent: Path) -> None:
    """Every whole line stays as it was, the torn one goes, and the next event has the next number."""
    assert _events_mended_wrongly(sent) == []


def test_a_log_for_people_cut_at_every_octet_loses_nothing(sent: Path) -> None:
    """What is there stays to the last octet, and what comes then has a line of its own."""
    assert _lines_mended_wrongly(sent) == []


def _does_not_cut(self: JsonLines, file: BinaryIO) -> None:
    self._offset = last_number(file, *_torn_line(file), str(self.path))


def _does_not_count(self: JsonLines, file: BinaryIO) -> None:
    self._offset = 0
    file.truncate(_torn_line(file)[0])


@pytest.mark.parametrize("mend", [_does_not_cut, _does_not_count])
def test_an_event_log_that_is_not_mended_is_found(sent: Path, mend: object) -> None:
    """The seeded defects: the torn line stays, or numbers begin anew."""
    with Patching() as patch:
        patch.setattr(JsonLines, "_mend", mend)

        assert _events_mended_wrongly(sent)


def test_a_log_for_people_that_is_not_mended_is_found(sent: Path) -> None:
    """The seeded defect: what comes next goes on in the torn line."""
    with Patching() as patch:
        patch.setattr(TextFile, "_mend", lambda *_: None)

        assert _lines_mended_wrongly(sent)


def _cuts(whole: bytes) -> Iterator[int]:
    """Yield where to cut a log: at each line's end, beside it, and in its middle."""
    start = 0
    while start < len(whole):
        end = whole.index(b"\n", start) + 1
        yield from (start + 1, (start + end) // 2, end - 1, end)
        start = end


def test_a_torn_log_hinders_nobody(sent: Path) -> None:
    """Status, log, report and explain end well on each; another run makes log and ledger agree again."""
    whole = {ending: (sent / f"spring{ending}").read_bytes() for ending in (".events.jsonl", ".connection.log")}

    for number, length in enumerate(_cuts(whole[".events.jsonl"])):
        if number % 13:  # each kind of line and of cut comes up
            continue
        for ending, content in whole.items():
            (sent / f"spring{ending}").write_bytes(content[:length])
        assert _told(sent) == [], length
        _rehearse(sent)
        with closing(read_ledger(sent / "spring.ledger")) as book:
            assert fold(read_events(sent / "spring.events.jsonl")) == {
                one.address: one.state for one in book.recipients()
            }, length


def _tries(ledger: Path) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return who was tried with what verdict, in order, and where everybody stands; nothing where there is no table."""
    try:
        book = read_ledger(ledger)
    except ConfigurationError as error:
        if "the ledger is empty" in error.what:
            return [], {}
        raise
    with closing(book):
        tries = [(one.recipient, one.verdict.value) for one in book.attempts()]
        return tries, {one.address: one.state.value for one in book.recipients()}


def _frame(wal: bytes) -> int:
    return 24 + int(struct.unpack(">I", wal[8:12])[0])  # https://www.sqlite.org/fileformat2.html#walformat


@pytest.fixture
def cut_off(sent: Path) -> Path:
    """Return the folder as `kill -9` leaves it: everything since the first write of the ledger is in its -wal."""
    (sent / "spring.ledger").unlink()
    campaign = read_campaign(sent / "spring.toml")
    holding = open_ledger(sent / "spring.ledger", campaign, at=0.0, durability=Durability.PROCESS)
    assert holding.file_lease is not None
    holding.file_lease.close()  # ours is in nobody's way
    reader = sqlite3.connect(sent / "spring.ledger", isolation_level=None)
    reader.execute("PRAGMA wal_autocheckpoint = 0")
    _rehearse(sent)
    kept = sent.with_name("kept")
    shutil.copytree(sent, kept)
    reader.close()
    holding.close()
    return kept


def _mixtures(cut_off: Path, filling: bytes) -> tuple[list[int], set[int]]:
    """Tear the -wal at each frame, and inside; return where there was no earlier moment, and how many tries there were.

    A moment: the first so many tries, and who had one of them, and nobody else, stands where it left them.
    """
    wal = (cut_off / "spring.ledger-wal").read_bytes()
    whole, states = _tries(cut_off / "spring.ledger")
    frame, seen, wrong = _frame(wal), set(), []
    folder = cut_off.with_name("torn")
    for start in range(32, len(wal) + 1, frame):
        for length in (start - 8, start, start + frame // 2)[:: 1 if start % 3 else 2]:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(cut_off, folder)
            (folder / "spring.ledger-shm").unlink(missing_ok=True)
            (folder / "spring.ledger-wal").write_bytes(wal[:length] + filling * (len(wal[length:]) if filling else 0))
            tries, now = _tries(folder / "spring.ledger")
            tried = {who for who, _ in tries}
            stand = all((state == states[who]) is (who in tried) for who, state in now.items())
            wrong += [] if tries == whole[: len(tries)] and tried <= set(now) <= set(states) and stand else [length]
            seen.add(len(tries))
    return wrong, seen


@pytest.mark.parametrize("filling", [b"", b"\0", b"\xff"])
def test_a_torn_wal_is_an_earlier_moment(cut_off: Path, filling: bytes) -> None:
    """Cut at each frame and inside, the rest gone, or zeros, or noise: a moment that was, and never a mixture."""
    assert _mixtures(cut_off, filling) == ([], set(range(len(GUESTS) + 1)))


def test_a_ledger_that_writes_tries_and_standings_apart_is_found(request: pytest.FixtureRequest) -> None:
    """The seeded defect: a transaction for each statement; some moment has one without the other."""

    def pour(self: SqliteLedger) -> None:
        gathered, self._gathered = self._gathered, Gathered()
        if not gathered:
            return
        (last,) = self._connection.execute(LAST_TRY).fetchone()
        for statement, rows in gathered.rows(last + 1):
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN IMMEDIATE")

    with Patching() as patch:
        patch.setattr(SqliteLedger, "_pour", pour)

        assert _mixtures(request.getfixturevalue("cut_off"), b"")[0]


def test_after_a_torn_wal_all_goes_on(cut_off: Path, tmp_path: Path) -> None:
    """The reading commands end well or say what is wrong, and the next run serves everybody whom the ledger lacks."""
    wal = (cut_off / "spring.ledger-wal").read_bytes()
    folder = tmp_path / "torn"

    for length in range(0, len(wal) + 1, max(1, len(wal) // 12)):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(cut_off, folder)
        (folder / "spring.ledger-shm").unlink(missing_ok=True)
        (folder / "spring.ledger-wal").write_bytes(wal[:length])
        assert _told(folder) == [], length
        _rehearse(folder)
        with closing(read_ledger(folder / "spring.ledger")) as book:
            ends = {one.address: one.state.value for one in book.recipients()}
        assert set(ends) == set(GUESTS), length
        assert set(ends.values()) <= {"delivered", "failed", "unknown"}, length
