"""`maildrill serve` as a program of its own: its output, its file, its signals, its errors."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 20
SCRIPT = """
[[rule]]
name = "full"
at = "rcpt"
rcpt = "full@*"
reply = "452 4.2.2 mailbox full"

[[rule]]
name = "lost"
at = "dot"
rcpt = "lost@*"
commit = true
cut = "before"

[[rule]]
name = "never"
at = "noop"
reply = "421 4.3.2 bye"

[[rule]]
name = "draw"
at = "vrfy"
chance = 0.5
reply = "550 5.1.1 drawn"
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `maildrill` with arguments; whatever still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def started(*arguments: str) -> subprocess.Popen[str]:
        code = "from maildrill.cli.main import main; main()"
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )
        running.append(process)
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()


def listening(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Return where a server says that it listens."""
    assert process.stdout is not None
    line = process.stdout.readline()
    prefix, _, address = line.strip().partition("=")
    assert prefix == "listening smtp", line
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str], str]:
    """Return exit code, the rest of stdout and stderr."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out.splitlines(), err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_summary(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    """One line per event, then what came of it; rules that never fired are named."""
    script = tmp_path / "some.toml"
    script.write_text(SCRIPT)
    process = start("serve", str(script), "--port", "0")
    host, port = listening(process)
    with smtplib.SMTP(host, port) as client:
        client.sendmail("a@b.test", ["ann@x.test", "full@x.test"], "Subject: hi\n\nhello\n")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail("a@b.test", "lost@x.test", "Subject: hi\n\nhello\n")
    open_at_the_end = socket.create_connection((host, port))
    with open_at_the_end:
        open_at_the_end.recv(100)
        process.send_signal(number)
        code, lines, errors = ended(process)
    # smtplib says TO: before Python 3.13 and to: since
    events = [line.partition(" ")[2].replace(" to:", " TO:") for line in lines]

    assert (code, errors) == (0, "")
    assert 'session=1 at=rcpt command="RCPT TO:<full@x.test>" reply="452 4.2.2 mailbox full" rule="full"' in events
    assert 'session=1 at=dot closed=fin rule="lost"' in events
    assert "session=2 at=idle closed=stopped" in events
    assert lines[-3:] == [
        "sessions=2 messages=2 committed=2 acknowledged=1",
        'never fired: rule="never"',
        'never fired: rule="draw"',
    ]


def test_what_no_real_server_would_say_is_told_at_the_start(start: Start, tmp_path: Path) -> None:
    """On stderr; the script is played all the same."""
    script = tmp_path / "odd.toml"
    script.write_text('[[rule]]\nat = "rcpt"\nreply = "450 5.2.1 busy"')
    process = start("serve", str(script), "--port", "0")
    listening(process)
    process.send_signal(signal.SIGINT)
    code, _, errors = ended(process)

    assert code == 0
    assert errors.startswith(f"unusual: {script}:3: 450 and 5.2.1 contradict each other (contradicting-status")


def test_the_ready_file_is_there_while_it_listens(start: Start, tmp_path: Path) -> None:
    """It holds the address of each door, only its owner may read it, and it goes with the server."""
    ready = tmp_path / "ready"
    process = start("serve", "--port", "0", "--ready-file", str(ready))
    host, port = listening(process)
    with smtplib.SMTP(host, port) as client:
        client.noop()
        said, mode = ready.read_text(), ready.stat().st_mode & 0o777
    process.send_signal(signal.SIGTERM)
    code, _, _ = ended(process)

    assert (code, said, mode) == (0, f"smtp=127.0.0.1:{port}\n", 0o600)
    assert not ready.exists()


def test_a_seed_of_the_command_line_chooses_the_draws(start: Start, tmp_path: Path) -> None:
    """The same seed draws the same, another one does not."""
    script = tmp_path / "some.toml"
    script.write_text(SCRIPT)
    drawn = []
    for seed in ("1", "1", "2"):
        process = start("serve", str(script), "--port", "0", "--seed", seed)
        with smtplib.SMTP(*listening(process)) as client:
            client.ehlo("client.test")
            drawn.append([client.verify(f"user{n}@x.test")[0] for n in range(30)])
        process.send_signal(signal.SIGTERM)
        ended(process)

    assert drawn[0] == drawn[1] != drawn[2]


def test_a_port_in_use_is_a_located_error(start: Start) -> None:
    """Exit 2, with the address, the reason and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, lines, errors = ended(start("serve", "--port", str(port)))

    assert (code, lines) == (2, [])
    assert errors.splitlines() == [
        f"error: 127.0.0.1:{port}: cannot listen: Address already in use",
        "  expected an address of this machine, and a free port that you may use",
        "  port 0 takes a free one",
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["roughweek"], 'error: no script is called "roughweek"'),
        (["missing.toml"], "error: missing.toml: script not found"),
        (["--host", "256.0.0.1", "--port", "0"], "error: 256.0.0.1:0: cannot listen: "),
        (["--port", "70000"], "Usage: "),
        (
            ["--port", "0", "--ready-file", "/nowhere/ready"],
            "error: /nowhere/ready: cannot write the ready file: No such",
        ),
    ],
)
def test_bad_input_is_told(start: Start, arguments: list[str], error: str) -> None:
    """Exit 2, on stderr, without a traceback."""
    code, _, errors = ended(start("serve", *arguments))

    assert code == 2
    assert errors.startswith(error)
    assert "Traceback" not in errors


def test_a_reader_that_leaves_ends_it_quietly(start: Start) -> None:
    """`maildrill serve | head -1` does not serve for ever."""
    process = start("serve", "--port", "0")
    where = listening(process)
    assert process.stdout is not None
    process.stdout.close()
    with socket.create_connection(where) as client:
        client.settimeout(PATIENCE)
        while client.recv(100):
            pass
    assert process.stderr is not None
    errors = process.stderr.read()
    process.wait(PATIENCE)

    assert errors == ""
    assert process.returncode == 1


def test_it_listens_on_ipv6_where_there_is_any(start: Start) -> None:
    """The address is written as in a URL; on a machine without IPv6 it is an error like any other."""
    process = start("serve", "--port", "0", "--host", "::1")
    assert process.stdout is not None
    line = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    code, _, errors = ended(process)

    assert (line.startswith("listening smtp=[::1]:"), code) == (True, 0) or errors.startswith("error: ::1:0: cannot")
