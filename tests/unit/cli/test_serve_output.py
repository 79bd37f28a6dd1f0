"""What `maildrill serve` prints, line by line."""

from __future__ import annotations

import json

import click
import pytest

from maildrill.cli.serve_output import Form, Output
from maildrill.fakeserver.journal.journal import Entry, Journal
from maildrill.smtp import Reply, Stage


def played(output: Output) -> None:
    """Go through the life of a server."""
    journal = Journal(output.entry)
    journal.open_session(0.0, "192.0.2.1")
    output.listening({"smtp": "127.0.0.1:25", "http": "http://127.0.0.1:80"})
    journal.add(
        Entry(
            began=0.0,
            at=0.0,
            session=1,
            stage=Stage.NOOP,
            command="NOOP \x1b",
            reply=Reply.of("250 ok"),
        )
    )
    output.summary(journal, ["never\x1b"], ["some.toml:1: committed = 1 for <ann@x.test>, saw 0"])


@pytest.mark.parametrize("form", [Form.TEXT, Form.NONE])
def test_lines_for_people(form: Form, capsys: pytest.CaptureFixture[str]) -> None:
    """Safe to show; events can be left out."""
    played(Output(form, lambda: None))
    event = '1970-01-01T00:00:00.000Z session=1 at=noop command="NOOP \\x1b" reply="250 ok"'

    assert capsys.readouterr().out.splitlines() == [
        "listening smtp=127.0.0.1:25",
        "listening http=http://127.0.0.1:80",
        *([event] if form is Form.TEXT else []),
        "sessions=1 messages=0 committed=0 acknowledged=0",
        'never fired: rule="never\\x1b"',
        "not as expected: some.toml:1: committed = 1 for <ann@x.test>, saw 0",
    ]


def test_lines_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is an object that says what it is."""
    played(Output(Form.JSON, lambda: None))
    said = capsys.readouterr().out
    lines = [json.loads(line) for line in said.splitlines()]

    assert "\x1b" not in said
    assert [line["kind"] for line in lines] == ["listening", "listening", "event", "summary", "unfired", "unmet"]
    assert (lines[0]["door"], lines[0]["address"], lines[2]["command"]) == ("smtp", "127.0.0.1:25", "NOOP \x1b")


def test_a_reader_that_has_gone_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once; and the summary ends the program as any program ends in a pipe that is closed."""
    gone: list[bool] = []

    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(click, "echo", broken)
    output = Output(Form.TEXT, lambda: gone.append(True))
    output.listening({"smtp": "127.0.0.1:25", "lmtp": "127.0.0.1:24"})
    with pytest.raises(BrokenPipeError):
        output.summary(Journal(), [], [])

    assert gone == [True]
