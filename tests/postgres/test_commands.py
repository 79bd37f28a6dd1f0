"""The commands that read and change a ledger, on one in PostgreSQL: as on a file, and beside senders at work."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from maildrill.cli.main import main
from maildrill.sender.attempt import State
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.ledger import Intent, Refusal, change_book, read_book
from maildrill.sender.ledger import postgres_statements as pg
from maildrill.sender.ledger.postgres import PostgresLedger
from maildrill.sender.ledger.postgres_opening import open_postgres
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.smtp import Reply

TABLES = ("campaign", "run", "recipient", "attempt", "intent", "lesson", "requeue")
NOW = 2e9  # after all that the campaign did


def _review() -> ModuleType:
    """Return what the tests of these commands on a file begin with."""
    place = Path(__file__).parents[1] / "integration" / "review" / "conftest.py"
    spec = importlib.util.spec_from_file_location("review_ground", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class There:
    """A campaign that has been sent: its folder, and where its ledger is."""

    folder: Path
    ledger: str

    def run(self, command: str, *options: str, said: bytes = b"", campaign: bool = True) -> Result:
        """Run `maildrill COMMAND spring.toml OPTIONS --ledger …`."""
        file = str(self.folder / "spring.toml")
        named = ["--campaign", file] if command == "bounces" else [file]
        words = [command, *(named if campaign else []), *options, "--ledger", self.ledger]
        return CliRunner().invoke(main, words, input=said, catch_exceptions=False)

    def standing(self) -> dict[str, tuple[object, ...]]:
        """Return where everybody stands."""
        with closing(read_book(self._place, "spring")) as book:
            return {
                one.address[:3]: (one.state.value, one.attempts, one.expires_at, one.reason)
                for one in book.recipients()
            }

    def bounce(self, name: str) -> bytes:
        """Return a report that somebody's message has failed."""
        with closing(read_book(self._place, "spring")) as book:
            found = next(one for one in book.recipients() if one.address.startswith(name))
        return (
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n"
            f"Final-Recipient: rfc822; {found.address}\nAction: failed\nStatus: 5.1.1\n"
            f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {found.message_id}\n--b--\n"
        ).encode()

    def sender(self, at: float = NOW) -> PostgresLedger:
        """Begin one more run."""
        return open_postgres(self.ledger, read_campaign(self.folder / "spring.toml"), at=at)

    @property
    def _place(self) -> str | Path:
        return self.ledger if "://" in self.ledger else Path(self.ledger)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The campaign, sent, with its ledger in a file."""
    folder = tmp_path_factory.mktemp("sent")
    _review().send_into(folder)
    return folder


@pytest.fixture
def in_file(once: Path, tmp_path: Path) -> There:
    """A copy of it."""
    shutil.copytree(once, tmp_path / "file")
    return There(tmp_path / "file", str(tmp_path / "file" / "spring.ledger"))


@pytest.fixture
def shared(once: Path, tmp_path: Path, new_database: Callable[[], str]) -> There:
    """The same ledger in a database."""
    folder = tmp_path / "shared"
    shutil.copytree(once, folder)
    there = There(folder, new_database())
    with closing(there.sender()) as book, closing(sqlite3.connect(folder / "spring.ledger")) as file, book.writing():
        for table in TABLES:
            book.do(f"DELETE FROM {table}")  # noqa: S608 - the names above
            rows = file.execute(f"SELECT * FROM {table}")  # noqa: S608 - the names above
            columns = ", ".join(f'"{column}"' for column, *_ in rows.description)
            marks = ", ".join("?" for _ in rows.description)
            book.each(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 - the names above
        for table in ("run", "recipient", "attempt", "requeue"):
            book.do(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1000)")
    (folder / "spring.ledger").unlink()
    return there


@pytest.fixture
def sender(shared: There) -> Iterator[PostgresLedger]:
    """A sender at work."""
    with closing(shared.sender()) as book:
        yield book


def _timeless(text: str) -> str:
    """Return what was told without the moment at which it was."""
    text = re.sub(r'"(at|made)": [0-9.]+', "", text)
    return re.sub(r"20[2-9][6-9]-\d\d-\d\dT[\d:.]+Z|made [^\n]*", "", text)


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["status", "--json"],
        *(["explain", f"{name}.example"] for name in ("ann@one", "bob@one", "cyd@two", "dan@two", "eve@three")),
        ["explain", "cyd@two.example", "--json"],
        ["explain", "zoe@two.example"],
        ["report"],
        ["report", "--format", "json"],
        ["report", "--format", "csv"],
        ["log", "--to", "cyd@two.example"],
        ["retry"],
        ["requeue", "--state", "failed", "--state", "expired", "--yes"],
        ["requeue", "--domain", "two.example", "--dry-run", "--json"],
        ["settle", "eve@three.example", "--delivered"],
        ["settle", "EVE@three.example", "--retry"],
        ["settle", "ann@one.example", "--failed"],
    ],
    ids=" ".join,
)
def test_a_database_tells_what_a_file_tells(command: list[str], in_file: There, shared: There) -> None:
    """The same page, the same exit status, and everybody stands where they would in a file."""
    told = [there.run(*command) for there in (in_file, shared)]

    assert _timeless(told[1].stdout) == _timeless(told[0].stdout)
    assert [one.exit_code for one in told] == [told[0].exit_code] * 2
    assert _timeless(told[1].stderr) == _timeless(told[0].stderr)
    assert shared.standing() == in_file.standing()


def test_reports_settle_as_in_a_file(in_file: There, shared: There) -> None:
    """Two of them about one recipient too, the second as the first has left it."""
    told = []
    for there in (in_file, shared):
        box = b"".join(b"From x\n" + there.bounce(name) + b"\n" for name in ("ann", "eve", "eve", "cyd"))
        told.append(there.run("bounces", "-", "--suppress", str(there.folder / "vain.txt"), said=box))

    assert (told[0].exit_code, told[0].stdout) == (told[1].exit_code, told[1].stdout)
    assert told[1].exit_code == 0
    assert shared.standing() == in_file.standing()
    assert (shared.folder / "vain.txt").read_text("utf-8") == (in_file.folder / "vain.txt").read_text("utf-8")


def test_the_url_alone_will_do_for_reading(shared: There) -> None:
    """Where the database has one campaign; what only file and logs know is left open."""
    assert 'Campaign "spring"' in shared.run("status", campaign=False).stdout
    assert 'Campaign "spring"' in CliRunner().invoke(main, ["status", shared.ledger]).stdout
    assert shared.run("report", campaign=False).exit_code == 0
    assert shared.run("explain", "cyd@two.example", campaign=False).exit_code == 0


def test_a_campaign_that_is_not_there_is_said(shared: There) -> None:
    """78: with those that are."""
    file = shared.folder / "spring.toml"
    file.write_text(file.read_text("utf-8").replace('"spring"', '"autumn"'), "utf-8")
    result = shared.run("status")

    assert (result.exit_code, 'there is no campaign "autumn" in this database' in result.stderr) == (78, True)
    assert 'expected one of "spring"' in result.stderr


def test_an_empty_database_is_said(new_database: Callable[[], str]) -> None:
    """78."""
    result = CliRunner().invoke(main, ["status", "--ledger", new_database()])

    assert (result.exit_code, "there is no campaign in this database" in result.stderr) == (78, True), result.output


@pytest.mark.parametrize(("number", "told"), [(99, "written by a newer maildrill"), (1, "of an earlier version")])
def test_tables_of_another_version_are_refused(number: int, told: str, shared: There) -> None:
    """78: nothing is read that means something else."""
    with closing(change_book(shared.ledger, "spring")) as book, book.writing():
        book.do("UPDATE version SET number = ?", (number,))
    result = shared.run("status")

    assert (result.exit_code, told in result.stderr) == (78, True), result.output


def test_a_database_that_goes_away_is_said(shared: There, monkeypatch: pytest.MonkeyPatch) -> None:
    """75, in the middle of a page."""
    honest = PostgresLedger.recipients

    def cut_off(book: PostgresLedger) -> Any:
        (backend,) = book.all("SELECT pg_backend_pid()")[0]
        with closing(change_book(shared.ledger, "spring")) as other:
            other.all("SELECT pg_terminate_backend(?)", (backend,))
        return honest(book)

    monkeypatch.setattr(PostgresLedger, "recipients", cut_off)
    result = shared.run("status")

    assert (result.exit_code, "ledger cannot be used" in result.stderr) == (75, True), result.output


def _alive(there: There) -> list[int]:
    return [run["run"] for run in json.loads(there.run("status", "--json").stdout)["runs"] if run["alive"]]


def test_status_says_which_runs_are_alive(shared: There, sender: PostgresLedger) -> None:
    """Those whose senders are connected and have not ended; a dead one is not, whatever it had leased."""
    with closing(shared.sender()) as other:
        assert _alive(shared) == [sender.run, other.run]
        assert f"run {sender.run} since" in shared.run("status").stdout
    _settled(lambda: _alive(shared) == [sender.run])
    sender.ended(NOW)

    assert _alive(shared) == []
    assert f"nobody is sending; run {other.run} of" in shared.run("status").stdout


def _settled(holds: Callable[[], bool]) -> None:
    """Look until the server has noticed that a connection is closed."""
    assert any(holds() for _ in range(200))


def _have(there: There, ledger: SqlLedger, *names: str) -> None:
    """Let these wait for a try, and the sender have them."""
    with closing(change_book(there.ledger, "spring")) as book:
        found = [one for one in book.recipients() if one.address[:3] in names]
        given = [
            (one, replace(one.waiting.standing, state=State.DEFERRED, due=NOW - 1, expires_at=None)) for one in found
        ]
        assert book.requeue(given, at=NOW, by="requeue") == ()
    assert {one.address[:3] for one in ledger.lease(NOW, NOW, 9).waiting} == set(names)


def _moves(there: There) -> tuple[set[str], list[Result]]:
    """Try to move who waits and who has expired; return who was moved, and what each command said."""
    before = there.standing()
    said = [
        there.run("settle", "eve@three.example", "--delivered"),
        there.run("bounces", "-", said=there.bounce("eve")),
        there.run("requeue", "--state", "deferred", "--state", "expired", "--yes"),
    ]
    return {name for name, where in there.standing().items() if where != before[name]}, said


def test_whom_a_sender_has_is_left_alone(shared: There, sender: PostgresLedger) -> None:
    """It is said whose they are; everybody else is moved; when the sender is done with them they can be moved."""
    _have(shared, sender, "cyd", "eve")
    moved, said = _moves(shared)

    assert moved == {"dan"}
    assert [one.exit_code for one in said] == [75, 75, 0]
    assert [one.output.count(f"run {sender.run} has it at this moment") for one in said] == [1, 1, 2]
    sender.let_go()
    assert shared.run("settle", "eve@three.example", "--delivered").exit_code == 0


def test_a_sender_at_work_is_not_waited_for(shared: There, sender: PostgresLedger) -> None:
    """Not even for its transaction: whom it is just writing down is left alone."""
    with sender.writing():
        sender.all("SELECT id FROM recipient FOR UPDATE")
        assert shared.run("status").exit_code == 0
        moved, said = _moves(shared)

    assert (moved, [one.exit_code for one in said]) == (set(), [75, 75, 1])
    assert "dan@two.example is left as it is: it was moved meanwhile" in said[2].stderr


def test_whom_a_dead_sender_left_in_doubt_is_left_to_the_next(shared: There, sender: PostgresLedger) -> None:
    """The dot may have left: no command takes the place of what the next run finds out."""
    _have(shared, sender, "eve")
    (eve,) = (one for one in sender.recipients() if one.address.startswith("eve"))
    refused = Refusal(eve.key, "rcpt-4yz", Reply(450))
    intent = Intent(keys=(), session=1, transaction=1, started=NOW, at=NOW, body_hash="b0d1", refused=(refused,))
    asyncio.run(sender.intend(intent))
    with sender.writing():
        sender.do(
            "UPDATE recipient SET lease_until = lease_until - make_interval(hours => 1) WHERE lease_run IS NOT NULL"
        )
    moved, said = _moves(shared)

    assert moved == {"dan"}
    assert said[0].stderr.count(f"run {sender.run} died with it; the next `maildrill send` says") == 1


def test_a_dot_that_has_left_cannot_be_settled(shared: There, sender: PostgresLedger) -> None:
    """1: nobody knows yet, and somebody will."""
    _have(shared, sender, "eve")
    (eve,) = (one for one in sender.recipients() if one.address.startswith("eve"))
    asyncio.run(sender.intend(Intent(keys=(eve.key,), session=1, transaction=1, started=NOW, at=NOW, body_hash="b0d1")))
    result = shared.run("settle", "eve@three.example", "--delivered")

    assert (result.exit_code, "the final dot for eve@three.example has left" in result.stderr) == (1, True)
    assert "the reply is awaited" in shared.run("explain", "eve@three.example").stdout


def test_who_is_moved_beside_a_sender_is_tried_by_it(shared: There, sender: PostgresLedger) -> None:
    """It asks again within a minute, as long as anybody is left."""
    _have(shared, sender, "eve")
    page = sender.lease(NOW, NOW, 9)
    assert page.next_at is None or page.next_at <= NOW + 60
    shared.run("requeue", "--address", "cyd@*", "--yes")

    assert [one.address for one in sender.lease(NOW, NOW, 9).waiting] == ["cyd@two.example"]


DEFECTS = [
    ("MOVABLE", pg.MOVABLE.replace("lease_until < clock_timestamp()", "true"), test_whom_a_sender_has_is_left_alone),
    ("MOVABLE", pg.MOVABLE.replace("NOT EXISTS", "EXISTS"), test_whom_a_dead_sender_left_in_doubt_is_left_to_the_next),
    ("RUNNING", "SELECT id FROM run WHERE ended IS NULL", test_status_says_which_runs_are_alive),
    ("LIVE", "SELECT CAST(? AS integer)", test_status_says_which_runs_are_alive),
]


@pytest.mark.parametrize(
    ("name", "statement", "story"), DEFECTS, ids=[f"{one[0]}-{one[2].__name__}" for one in DEFECTS]
)
def test_a_defect_is_found(
    name: str,
    statement: str,
    story: Callable[[There, PostgresLedger], None],
    shared: There,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each would move somebody who is being tried, or hold the dead for alive: the test above says so."""
    assert statement != getattr(pg, name)
    monkeypatch.setattr(pg, name, statement)

    with closing(shared.sender()) as sender, pytest.raises(AssertionError):
        story(shared, sender)
