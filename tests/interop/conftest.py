"""Real processes on real sockets: the installed `maildrill` program, started as a person would start it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

MAILDRILL = Path(sysconfig.get_path("scripts")) / "maildrill"
LIMIT = 60  # seconds for anything that should take one or two
Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """Return a function that starts `maildrill` with arguments, in this test's folder; nothing outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [MAILDRILL, *arguments],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=LIMIT)


class Served:
    """A running `maildrill serve`, and where it listens."""

    def __init__(self, process: subprocess.Popen[str], line: str) -> None:
        self.process = process
        self.host, _, port = line.strip().removeprefix("listening smtp=").rpartition(":")
        self.port = int(port)

    def end(self, signal: int) -> list[str]:
        """Send a signal; return what was printed after the first line, when the process has ended well."""
        self.process.send_signal(signal)
        output, errors = self.process.communicate(timeout=LIMIT)
        if self.process.returncode:
            pytest.fail(f"exit {self.process.returncode}\n{errors}")
        return output.splitlines()


@pytest.fixture
def serve(command: Command) -> Callable[..., Served]:
    """Return a function that starts `maildrill serve` on a free port and waits until it listens."""

    def served(script: str, *arguments: str) -> Served:
        process = command("serve", script, "--port", "0", *arguments)
        assert process.stdout is not None
        return Served(process, process.stdout.readline())

    return served


@pytest.fixture
def states(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a function that reads address and state of each recipient from a ledger in this test's folder."""

    def read(ledger: str) -> dict[str, str]:
        with closing(sqlite3.connect(f"file:{tmp_path / ledger}?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT address, state FROM recipient"))

    return read


@pytest.fixture
def campaign(tmp_path: Path) -> Callable[..., Counter[str]]:
    """Return a function that writes campaign.toml and guests.csv and says how many guests each domain has.

    domains: the recipients go round them. limits, retry: the lines of those tables.
    """

    def write(port: int, domains: list[str], guests: int, *, limits: str = "", retry: str = "") -> Counter[str]:
        addresses = [f"guest{n}@{domains[n % len(domains)]}" for n in range(guests)]
        (tmp_path / "guests.csv").write_text("Email\n" + "".join(f"{address}\n" for address in addresses))
        (tmp_path / "campaign.toml").write_text(
            '[campaign]\nname = "interop"\nfrom = "news@sender.example"\nsubject = "Hello"\nmode = "merge"\n'
            f'[account]\nhost = "127.0.0.1"\nport = {port}\n[list]\nfile = "guests.csv"\nemail = "Email"\n'
            f'[message]\ntext = """\nHello\n"""\n[limits]\n{limits}\n[retry]\n{retry}\n'
        )
        return Counter(address.partition("@")[2] for address in addresses)

    return write
