from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.cli.progress import Lines
from maildrill.cli.stopping import Stop

CAMPAIGN = """\
[campaign]
name = "spring"
from = "ann@example.com"
subject = "Hello [Name]"

[account]
host = "127.0.0.1"
port = 1

[list]
file = "list.csv"
email = "Email"

[message]
text = "letter.txt"
"""
LIST = "Email,Name\nbob@example.org,Bob\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a campaign that can be sent."""
    (tmp_path / "spring.toml").write_text(CAMPAIGN)
    (tmp_path / "list.csv").write_text(LIST)
    (tmp_path / "letter.txt").write_text("Dear [Name],\n")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("spring.toml", CAMPAIGN + '\nhtlm = "x"\n', 'unknown key "htlm" in [message]'),
        ("spring.toml", CAMPAIGN.replace('"letter.txt"', "7"), "spring.toml:15"),
        ("spring.toml", CAMPAIGN.replace('"Email"', '"Mail"'), "Mail"),
        ("list.csv", "Email,Name\nbob@example.org\n", "list.csv:2"),
        ("list.csv", "Email,Name\nbob@example.org,\n", "[Name]"),
        ("letter.txt", "Dear [Nane],\n", 'did you mean "Name"?'),
        ("spring.ledger", "this is my diary\n" * 100, "this is not a ledger"),
        ("spring.events.jsonl", "this is my diary\n", "not an event"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_before_anything_is_sent(
    file: str, text: str, words: str, folder: Path
) -> None:
    """Status 78, the place and the reason on stderr, nothing on stdout, and the file untouched."""
    (folder / file).write_text(text)
    result = CliRunner().invoke(main, ["send", str(folder / "spring.toml")])

    assert (result.exit_code, result.stdout, words in result.stderr) == (78, "", True), result.stderr
    assert ("Traceback" in result.stderr, (folder / file).read_text()) == (False, text)


@pytest.mark.parametrize("file", ["spring.toml", "list.csv", "letter.txt"])
def test_a_missing_file_is_named(file: str, folder: Path) -> None:
    """Status 78, and the path."""
    (folder / file).unlink()
    result = CliRunner().invoke(main, ["send", str(folder / "spring.toml")])

    assert (result.exit_code, file in result.stderr) == (78, True), result.stderr


def test_a_text_that_is_not_utf8_is_refused_with_its_line(folder: Path) -> None:
    """Status 78, file and line."""
    (folder / "letter.txt").write_bytes(b"Dear [Name],\n\xff\n")
    result = CliRunner().invoke(main, ["send", str(folder / "spring.toml")])

    assert (result.exit_code, "letter.txt:2" in result.stderr) == (78, True), result.stderr


def test_logs_that_cannot_be_written_stop_it_before_anything_is_sent(folder: Path) -> None:
    """Status 78 and the path: nobody sends what cannot be accounted for."""
    (folder / "logs").write_text("a file, not a folder")
    result = CliRunner().invoke(main, ["send", str(folder / "spring.toml"), "--log-dir", str(folder / "logs")])

    assert (result.exit_code, "cannot write log" in result.stderr) == (78, True), result.stderr


@pytest.fixture
def handlers() -> Iterator[None]:
    """Let signals mean what they mean by default, whoever started the tests (nohup ignores one), and put it back."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop_and_a_second_one_says_why_it_takes_time(
    number: signal.Signals, handlers: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is torn down: whoever waits on the event ends in their own time."""
    stop = Stop(Lines())

    async def wait() -> None:
        with stop.on_signals():
            os.kill(os.getpid(), number)
            await stop.event.wait()
            stop.ask()

    asyncio.run(wait())

    assert capsys.readouterr().err.startswith("waiting for the reply to a message that has left")


def test_a_signal_that_is_ignored_stays_ignored(handlers: None) -> None:
    """`nohup maildrill send` outlives its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    found = []

    async def look() -> None:
        with Stop(Lines()).on_signals():
            found.append(signal.getsignal(signal.SIGHUP))

    asyncio.run(look())

    assert found == [signal.SIG_IGN]


def test_signals_mean_what_they_meant_once_it_is_over(handlers: None) -> None:
    """The handlers are put back."""
    before = signal.getsignal(signal.SIGTERM)

    async def nothing() -> None:
        with Stop(Lines()).on_signals():
            pass

    asyncio.run(nothing())

    assert signal.getsignal(signal.SIGTERM) == before
