"""Where events go: JSON lines, text for people, memory.

Rule 1: a sink buffers until `flush`; what it hands to the system survives the death of the process. Rule 2: a line of a
dialogue is written in place, for seven events in ten are such, and to call a function for each takes as long again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from maildrill.sender import log_json, log_text
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_json import MARKS, START, encode_at, last_number, renumbered
from maildrill.sender.log_json_form import quoted, seconds
from maildrill.sender.log_text import as_text
from maildrill.smtp import ConfigurationError, Said, escape

_BUFFER = 1 << 18  # octets; a drill's log is 10 MB
_AT_ONCE = 256  # lines that are encoded in one go, at most


class Sink(Protocol):
    """Takes events in order."""

    def take(self, number: int, at: float, kind: str, fields: Mapping[str, object]) -> None:
        """Take one event (see log_schema)."""
        ...

    def flush(self) -> None:
        """Hand over everything that was taken."""
        ...

    def close(self) -> None:
        """Flush and let go; the sink is not used again."""
        ...


@runtime_checkable
class LineSink(Sink, Protocol):
    """Takes the lines of a dialogue as they are, too: there are more of them than of all other events."""

    def lines(self, first: int, at: float, session: int, said: Said) -> None:
        """Take `line` events of one moment, numbered from `first` on."""
        ...


@runtime_checkable
class AdoptingSink(Sink, Protocol):
    """Takes what another process wrote down of its own sessions, too."""

    def adopt(self, number: int, events: Sequence[bytes], text: bytes) -> None:
        """Take whole lines: of its events.jsonl, numbered anew from `number` on, and of its connection.log."""
        ...


class Memory:
    """Keeps the events as values: `sink.events`."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def take(self, number: int, at: float, kind: str, fields: Mapping[str, object]) -> None:
        """Keep one event."""
        self.events.append(LogEvent(number, at, kind, fields))

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held."""


class _File:
    """A file that lines are appended to; into: what they are written to instead, a pipe to whoever has that file.

    encoding, errors: of a line, as `str.encode` has them.
    """

    encoding = "ascii"
    errors = "strict"

    def __init__(self, path: Path, into: BinaryIO | None = None) -> None:
        self.path = path
        self._lines: list[str] = []
        self._held = False  # something was written that the system has not got
        # What is said and heard in one go has one moment and one session: how these are written.
        self._said_at: float | None = None
        self._session = 0
        self._head = ""
        if into is not None:
            self._file: BinaryIO = into
            return
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file:
                self._mend(file)
            self._file = path.open("ab", buffering=_BUFFER)  # one that is read, too, would seek at each flush

    def _mend(self, file: BinaryIO) -> None:
        """Put right what an earlier run left, before anything is appended."""

    def flush(self) -> None:
        """Hand what was taken to the system."""
        self._write()
        if self._held:
            self._file.flush()
            self._held = False

    def close(self) -> None:
        """Flush and close."""
        try:
            self._write()
        finally:
            self._file.close()

    def _put(self, octets: bytes) -> None:
        """Write octets behind all that was taken."""
        self._write()
        if octets:
            self._held = True
            self._file.write(octets)

    def _write(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            self._held = True
            self._file.write("".join(lines).encode(self.encoding, self.errors))


class JsonLines(_File):
    """events.jsonl: one JSON object to a line, numbered on from what the file holds.

    A last line that a crash tore is cut off. Raises ConfigurationError for a file that is no event log.
    """

    def __init__(self, path: Path, into: BinaryIO | None = None) -> None:
        self._offset = 0
        super().__init__(path, into)
        self._at: float | None = None  # of the last event that was no line
        self._moment = ""  # the same as JSON

    def _mend(self, file: BinaryIO) -> None:
        start, torn = _torn_line(file)
        self._offset = last_number(file, start, torn, str(self.path))
        file.truncate(start)

    def take(self, number: int, at: float, kind: str, fields: Mapping[str, object]) -> None:
        """Append one event; raises ValueError for what the schema does not have."""
        if at is not self._at:
            self._at, self._moment = at, seconds(at)
        self._lines.append(encode_at(self._offset + number, self._moment, kind, fields))
        if len(self._lines) >= _AT_ONCE:
            self._write()

    def lines(self, first: int, at: float, session: int, said: Said) -> None:
        """Append `line` events of one moment."""
        if at is not self._said_at or session != self._session:
            self._said_at, self._session = at, session
            self._head = log_json.line_head(seconds(at), session)
        for number, (mark, text) in enumerate(said, self._offset + first):
            self._lines.append(f'{START}{number}{self._head}{MARKS[mark._value_]},"text":{quoted(text)}}}\n')
        if len(self._lines) >= _AT_ONCE:
            self._write()

    def adopt(self, number: int, events: Sequence[bytes], text: bytes) -> None:  # noqa: ARG002 - text is for people
        """Append events under numbers of this file."""
        first = self._offset + number
        self._put(b"".join(renumbered(line, at) for at, line in enumerate(events, first)))


class TextFile(_File):
    """connection.log: the dialogue in swaks' marks and a Postfix-style line for each attempt."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def _mend(self, file: BinaryIO) -> None:
        if _torn_line(file)[1]:
            file.write(b"\n")

    def take(self, number: int, at: float, kind: str, fields: Mapping[str, object]) -> None:  # noqa: ARG002 - the number is for programs
        """Append the event's line, where it has one for people."""
        line = as_text(at, kind, fields)
        if line:
            self._lines.append(line)
            if len(self._lines) >= _AT_ONCE:
                self._write()

    def lines(self, first: int, at: float, session: int, said: Said) -> None:  # noqa: ARG002 - the number is for programs
        """Append lines of a dialogue of one moment."""
        if at is not self._said_at or session != self._session:
            self._said_at, self._session = at, session
            self._head = log_text.line_head(at, session)
        for mark, text in said:
            plain = text.isascii() and text.isprintable() and "\\" not in text
            self._lines.append(f"{self._head}{mark._value_} {text if plain else escape(text)}".rstrip() + "\n")
        if len(self._lines) >= _AT_ONCE:
            self._write()

    def adopt(self, number: int, events: Sequence[bytes], text: bytes) -> None:  # noqa: ARG002 - these are for programs
        """Append lines of text."""
        self._put(text)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in our words why the system would not open or mend a log."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"cannot write log: {error.strerror}",
            where=str(path),
            expected="a file in a folder, both of which this user may write",
            hint="check --log-dir and its permissions",
        ) from None


def _torn_line(file: BinaryIO) -> tuple[int, bytes]:
    """Return where the file's last complete line ends, and the first octets behind it; positioned at the end."""
    end = position = file.seek(0, os.SEEK_END)
    while position > 0:
        start = max(0, position - 65536)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        position = start + found + 1 if found >= 0 else start
        if found >= 0:
            break
    file.seek(position)
    torn = file.read(min(80, end - position))
    file.seek(0, os.SEEK_END)
    return position, torn
