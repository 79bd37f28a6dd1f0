"""`maildrill log` on the log of a campaign that was sent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from maildrill.sender.log_json import encode, read_events


def test_everything_is_the_connection_log(sent: Any) -> None:
    """Without an option, line by line."""
    assert sent.told("log") == (sent.folder / "spring.connection.log").read_text("utf-8")
    assert sent.told("log", "--format", "json") == (sent.folder / "spring.events.jsonl").read_text("utf-8")


def test_one_recipient_has_its_dialogue_alone(sent: Any) -> None:
    """Each of its tries from MAIL to the outcome, nobody else's; where no session came about, its set-up."""
    bob, ann = (sent.told("log", "--to", who).splitlines() for who in ("BOB@one.example", "ann@*"))

    assert sum("RCPT TO:<bob@one.example>" in line for line in bob) == 2
    assert bob[-1].endswith("status=sent (250 2.0.0 message taken)")
    assert [line for line in bob if "ann@" in line or "dan@" in line or "EHLO" in line] == []
    assert [line.partition(" #2 ")[2] for line in ann[:3]] == [
        "=== connecting to mx.relay.example:25",
        "=== connected",
        "<** 421 4.3.2 too busy",
    ]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--code", "45*"], {"452 4.2.2", "450 4.2.1"}),
        (["--code", "5xx", "--stage", "rcpt"], {"550 5.1.1"}),
        (["--code", "421", "--to", "@one.example"], {"421 4.3.2"}),
        (["--stage", "banner", "--session", "1"], {"220 mx.tes"}),
    ],
)
def test_codes_and_stages_choose(options: list[str], shown: set[str], sent: Any) -> None:
    """Of lines and outcomes; several options hold together."""
    events = [json.loads(line) for line in sent.told("log", "--format", "json", *options).splitlines()]
    said = {event["text"][:10].strip() for event in events if event["kind"] == "line"}

    assert {text[:9] for text in said} == {text[:9] for text in shown}
    if options[0] == "--code":
        assert [event for event in events if event["kind"] == "attempt"] != []


def test_times_and_runs_choose(sent: Any) -> None:
    """Since and until, both included; relative ones count back from now."""
    early = sent.told("log", "--until", "2026-01-05T09:00:00", "--run", "1")
    late = sent.told("log", "--since", "2026-01-05T09:45Z", "-n", "1")

    assert early.splitlines()[-1].startswith("2026-01-05T09:00:00.000Z")
    assert "run ended (done)" in late
    assert sent.run("log", "--since", "1s").exit_code == 1
    assert sent.run("log", "--run", "2").exit_code == 1


def test_postfix_lines_are_read_by_tools_that_read_them(sent: Any) -> None:
    """Ours, for one: one line for each outcome, the same ID in each try."""
    page = sent.told("log", "--format", "postfix")
    (sent.folder / "mail.log").write_text(page)
    imported = sent.told("import", str(sent.folder / "mail.log"), campaign=False)

    ids = {line.split(": ")[1] for line in page.splitlines() if "to=<dan@" in line}
    assert (len(ids), page.count("to=<dan@")) == (1, 6)
    assert ("452 4.2.2 mailbox is full" in imported, "550 5.1.1" in imported) == (True, True)


def test_what_a_server_said_steers_no_terminal(sent: Any) -> None:
    """Escaped in text and in JSON."""
    text, lines = sent.told("log", "--to", "cyd@*"), sent.told("log", "--to", "cyd@*", "--format", "json")

    assert ("\\u202eevil" in text, "\u202e" in text + lines, lines.isascii()) == (True, False, True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--code", "650"], 'is not a reply code or its beginning, such as 450, 45*, 4xx or "4"'),
        (["--since", "noon"], '"noon" is not a moment such as 2h (ago), 09:30, 2026-01-05'),
        (["--stage", "rctp"], "'rctp' is not one of"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(options: list[str], told: str, sent: Any) -> None:
    """Usage: 2."""
    result = sent.run("log", *options)

    assert (result.exit_code, told in result.stderr.replace("\n", " ")) == (2, True), result.stderr


def test_a_missing_log_is_told(sent: Any) -> None:
    """With its name; 78, also where it was to be followed."""
    (sent.folder / "spring.events.jsonl").unlink()
    results = [sent.run("log", *options) for options in ([], ["-f"])]

    assert [result.exit_code for result in results] == [78, 78]
    assert "spring.events.jsonl: cannot read event log: No such file" in results[0].stderr


def test_following_shows_what_is_added(sent: Any) -> None:
    """A line that is not whole yet is waited for; Ctrl-C is the way out, and no error."""
    code = "from maildrill.cli.main import main; main()"
    words = [sys.executable, "-c", code, "log", str(sent.folder / "spring.toml"), "-f", "-n", "1"]
    last = list(read_events(sent.folder / "spring.events.jsonl"))[-1].number
    line = encode(last + 1, 0.0, "breaker.closed", {"relay": "mx:25"})
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        assert process.stdout is not None
        first = process.stdout.readline()
        with (sent.folder / "spring.events.jsonl").open("a") as file:
            file.write(line[:20])
            file.flush()
            file.write(line[20:])
        second = process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert ("run ended" in first, second) == (True, "1970-01-01T00:00:00.000Z #0 === mx:25 answers again\n")
    assert (process.returncode, errors) == (0, "")


def test_a_reader_that_goes_away_is_no_error(sent: Any) -> None:
    """`maildrill log | head -1`."""
    code = "from maildrill.cli.main import main; main()"
    words = [sys.executable, "-c", code, "log", str(sent.folder / "spring.toml")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()

    assert errors == ""
