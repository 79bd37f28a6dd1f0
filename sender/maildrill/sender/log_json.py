"""Events as JSON lines: one event to a line of ASCII, and back.

Rule 1: fields stand in the schema's order, so equal runs give equal bytes.
Rule 2: what does not fit the schema is a bug and raises ValueError at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_json_form import NothingError, form, quoted, seconds
from maildrill.sender.log_schema import VERSION
from maildrill.smtp import ConfigurationError, Mark, decode, escape

_LONGEST = 1 << 20  # octets that certainly hold the last event: a reply has at most 64 KiB
_HEAD = b'{"v":'
_NUMBERED = b'%s%d,"n":' % (_HEAD, VERSION)  # what stands before the number of an event
#: How an event begins, up to its number; and the marks of lines as they are written.
START = f'{{"v":{VERSION},"n":'
MARKS = {mark.value: quoted(mark.value.strip()) for mark in Mark}


def encode(number: int, at: float, kind: str, fields: Mapping[str, object]) -> str:
    """Return the line of an event with its line end; raises ValueError for what the schema does not have."""
    return encode_at(number, seconds(at), kind, fields)


def encode_at(number: int, moment: str, kind: str, fields: Mapping[str, object]) -> str:
    """Return the same; moment: the time as JSON."""
    try:
        return form(kind, tuple(fields))(number, moment, fields)
    except NothingError:  # a field without a value is not there
        there = {name: value for name, value in fields.items() if value is not None}
        return form(kind, tuple(there))(number, moment, there)


def line_head(moment: str, session: int) -> str:
    """Return what all `line` events of one moment (as JSON) and session have between their number and their mark."""
    return f',"at":{moment},"kind":"line","session":{session},"mark":'


def renumbered(line: bytes, number: int) -> bytes:
    """Return the line of an event, as `encode` made it, under another number."""
    return b"%s%d%s" % (_NUMBERED, number, line[line.index(b",", len(_NUMBERED)) :])


def read_events(path: Path) -> Iterator[LogEvent]:
    """Yield the events of a file; a last line without its end (a crash) is not there yet.

    Raises ConfigurationError for a file that is not there, is no event log, or is of a newer version.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield decode_event(line, f"{path}:{number}")
    except OSError as error:
        raise ConfigurationError(f"cannot read event log: {error.strerror}", where=str(path)) from None


def last_events(path: Path, octets: int = 1 << 22) -> Iterator[LogEvent]:
    """Yield the events at the end of a file that stand in its last `octets`; raises what read_events raises."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - octets)
            file.seek(start)
            if start:
                file.readline()  # most likely the rest of a line
            for line in file:
                if line.endswith(b"\n"):
                    yield decode_event(line, str(path))
    except OSError as error:
        raise ConfigurationError(f"cannot read event log: {error.strerror}", where=str(path)) from None


def decode_event(line: bytes, where: str) -> LogEvent:
    """Return the event of a line; raises ConfigurationError for what is no event, or one of a newer version."""
    try:
        value = json.loads(line)
        version, number, at, kind = (value.pop(key) for key in ("v", "n", "at", "kind"))
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        shown = escape(decode(line[:60].rstrip()))
        raise ConfigurationError(
            f'not an event: "{shown}"', where=where, expected="a JSON line of events.jsonl"
        ) from None
    if version != VERSION:
        raise ConfigurationError(
            f"event log of version {escape(str(version))}",
            where=where,
            expected=f"version {VERSION}",
            hint="upgrade maildrill",
        )
    return LogEvent(number, at, kind, value)


def last_number(file: BinaryIO, end: int, torn: bytes, where: str) -> int:
    """Return the number of the last event before `end`, where the last complete line ends; 0 where there is none.

    torn: the first octets behind `end`. Raises ConfigurationError where this is no event log.
    """
    if not (torn.startswith(_HEAD) or _HEAD.startswith(torn)):
        decode_event(torn, where)
    if end == 0:
        return 0
    start = max(0, end - _LONGEST)
    file.seek(start)
    last = file.read(end - start).rstrip(b"\n").rpartition(b"\n")[2]
    return decode_event(last, where).number
