"""What `maildrill serve` prints on stdout: where it listens, a line for each event, and what came of it all.

Rule 1: a line is printed at once and is safe to show; as text for people, or each an object of JSON.
Rule 2: when nobody reads any more the server ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

import click

from maildrill.fakeserver.control.shapes import event_of
from maildrill.fakeserver.journal.journal import Entry, Journal
from maildrill.smtp import escape


class Form(StrEnum):
    """What lines look like."""

    TEXT = "text"
    JSON = "json"
    NONE = "none"  # no line for an event


class Output:
    """Prints one line at a time; calls `gone` when nobody reads them any more, and raises that in `summary`."""

    def __init__(self, form: Form, gone: Callable[[], None]) -> None:
        self._form = form
        self._gone = gone
        self._error: BrokenPipeError | None = None

    def listening(self, where: Mapping[str, str]) -> None:
        """Say where the server listens: a line for each door."""
        for name, address in where.items():
            self._line(f"listening {name}={address}", {"kind": "listening", "door": name, "address": address})

    def entry(self, entry: Entry) -> None:
        """Print one event."""
        if self._form is Form.JSON:
            self._print(json.dumps({"kind": "event", **event_of(entry)}))
        elif self._form is Form.TEXT:
            self._print(str(entry))

    def summary(self, journal: Journal, unfired: Iterable[str], unmet: Iterable[str]) -> None:
        """Print what came of it all: messages count once, committed and acknowledged once for each recipient."""
        if self._error is not None:
            raise self._error
        numbers = {
            "sessions": journal.sessions_opened,
            "messages": journal.messages_received,
            "committed": journal.totals.committed,
            "acknowledged": journal.totals.acknowledged,
        }
        text = " ".join(f"{name}={number}" for name, number in numbers.items())
        self._line(text, {"kind": "summary", **numbers})
        for rule in unfired:
            self._line(f'never fired: rule="{escape(rule)}"', {"kind": "unfired", "rule": rule})
        for finding in unmet:
            self._line(f"not as expected: {finding}", {"kind": "unmet", "text": finding})

    def _line(self, text: str, values: Mapping[str, object]) -> None:
        self._print(json.dumps(values) if self._form is Form.JSON else text)

    def _print(self, line: str) -> None:
        if self._error is None:
            try:
                click.echo(line)
            except BrokenPipeError as error:
                self._error = error
                self._gone()
