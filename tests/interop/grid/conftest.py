"""The fault grid: what seven clients do when a server misbehaves is data, in what_clients_do.toml."""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from maildrill.fakeserver.harness.threaded import ServerThread, ThreadedServer
from maildrill.fakeserver.text.script_file import read_script

TABLE = Path(__file__).with_name("what_clients_do.toml")
CLIENTS = ("smtplib", "aiosmtplib", "swaks", "curl", "msmtp", "nodemailer", "postfix")
SENDER = "news@shop.test"
LETTER = "From: news@shop.test\r\nTo: ann@x.test\r\nSubject: Hello\r\n\r\nHello.\r\n.\r\n..two dots\r\n"
LIMIT = 60.0  # seconds after which a client counts as stuck


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table. script: what the server plays. does: what each client may report, and what was taken.

    to: the recipients. patience: seconds that a client waits for a reply. login: whether it has to log in. tls: whether
    it has to ask for STARTTLS, and to check the certificate. stuck: seconds after which a program that is not done is
    killed.
    """

    name: str
    script: str
    does: dict[str, list[str]]
    to: list[str] = field(default_factory=lambda: ["ann@x.test"])
    patience: int = 20
    login: bool = False
    tls: bool = False
    stuck: float = LIMIT


def faults() -> list[Fault]:
    """Read the table: `rule` is a rule that fires once, `script` a whole script."""
    rows = []
    for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["fault"]:
        script = row.get("script", f"[[rule]]\n{row.get('rule')}\ntimes = 1\n")
        settings = {name: row[name] for name in ("name", "to", "patience", "login", "tls", "stuck") if name in row}
        does = {client: row.get(client, row.get("all")) for client in CLIENTS}
        may = {client: [what] if isinstance(what, str) else what for client, what in does.items()}
        rows.append(Fault(script=script, does=may, **settings))
    return rows


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that wants a `fault` with each."""
    if "fault" in metafunc.fixturenames:
        rows = faults()
        metafunc.parametrize("fault", rows, ids=[row.name for row in rows])


@pytest.fixture(name="faults")
def every_fault() -> list[Fault]:
    """Return the whole table."""
    return faults()


@pytest.fixture(scope="session")
def thread() -> Iterator[ServerThread]:
    """Run the servers in one thread; nothing may go wrong in it."""
    with ServerThread() as thread:
        yield thread
        assert thread.failures == []


@pytest.fixture
def serving(thread: ServerThread) -> Callable[[Fault], ThreadedServer]:
    """Return a function that makes the server of a row; start it, and stop it before reading its journal."""
    return lambda fault: ThreadedServer(read_script(fault.script, fault.name), thread=thread)


@pytest.fixture
def meet(serving: Callable[[Fault], ThreadedServer], fault: Fault) -> Callable[[Callable[..., str]], str]:
    """Return a function that lets a client meet the fault, and tells what it reports and what the server took."""

    def met(send: Callable[[str, int, Fault], str]) -> str:
        with serving(fault) as server:
            report = send(server.host, server.port, fault)
        return f"{report} | {taken(server)}"

    return met


def taken(server: ThreadedServer) -> str:
    """Return how often the message was taken for a recipient, and how often the client was told so."""
    journal = server.journal
    committed = sum(map(journal.committed, journal.recipients))
    acknowledged = sum(map(journal.acknowledged, journal.recipients))
    return f"taken {committed}, told {acknowledged}"


@pytest.fixture(name="taken")
def taken_fixture() -> Callable[[ThreadedServer], str]:
    """Return the function."""
    return taken


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Return a function that gives a program the letter, and tells how it ended."""

    def started(fault: Fault, program: str, *arguments: str) -> str:
        letter = tmp_path / "letter"
        letter.write_bytes(LETTER.encode())
        with letter.open("rb") as text, suppress(subprocess.TimeoutExpired):
            done = subprocess.run(  # noqa: S603 - a client's program
                [program, *arguments],
                stdin=text,
                capture_output=True,
                env={**os.environ, "LC_ALL": "C", "HOME": str(tmp_path), "no_proxy": "*"},
                timeout=fault.stuck,
                check=False,
            )
            return f"exit {done.returncode}" if done.returncode else "ok"
        return "stuck"

    return started


@pytest.fixture(scope="session")
def letter() -> str:
    """Return what is sent: dots at the beginning of lines, as they are before stuffing."""
    return LETTER


@pytest.fixture(scope="session")
def sender() -> str:
    """Return who sends it."""
    return SENDER
