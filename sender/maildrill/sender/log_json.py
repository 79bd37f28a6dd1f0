"""Events as JSON lines: one event to a line of ASCII, and back.

Rule 1: fields stand in the schema's order, so equal runs give equal bytes.
Rule 2: what does not fit the schema is a bug and raises ValueError at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from math import isfinite
from pathlib import Path
from typing import BinaryIO

from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_schema import KINDS, VERSION
from maildrill.smtp import ConfigurationError, decode, escape

_LONGEST = 1 << 20  # octets that certainly hold the last event: a reply has at most 64 KiB
_HEAD = b'{"v":'
_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode(number: int, at: float, kind: str, fields: Mapping[str, object]) -> str:
    """Return the line of an event with its line end; raises ValueError for what the schema does not have.

    An encoder that is given the whole takes five times as long.
    """
    if kind == "line" and len(fields) == 3:  # nine events in thirteen: all at once
        session, mark, text = fields.get("session"), fields.get("mark"), fields.get("text")
        if type(session) is int and type(mark) is str and type(text) is str:
            return _LINE % (number, _moment(at), session, _quoted(mark), _quoted(text))
    if None in fields.values():  # not there
        fields = {name: value for name, value in fields.items() if value is not None}
    form, names = _form(kind, tuple(fields))
    values: list[object] = [number, _moment(at)]
    for name, is_number in names:
        value = fields[name]
        if type(value) is str:
            values.append(_quoted(value))
        elif type(value) is int:
            values.append(value)
        else:
            values.append(_value(round(value, 6) if is_number and isinstance(value, float) else value))
    return form % tuple(values)


@lru_cache(maxsize=512)  # each kind comes with few sets of fields
def _form(kind: str, given: tuple[str, ...]) -> tuple[str, tuple[tuple[str, bool], ...]]:
    """Return the text of an event with these fields, a place for each value, and the names of those in their order.

    With each name comes whether it is a number. Raises ValueError where these are not the fields of that kind.
    """
    if kind not in KINDS:
        raise ValueError(f'no kind of event "{kind}"')
    fields = KINDS[kind].fields
    strange = sorted(set(given) - {field.name for field in fields})
    if strange:
        raise ValueError(f'event "{kind}" has no field "{", ".join(strange)}"')
    for field in fields:
        if field.name not in given and not field.optional:
            raise ValueError(f'event "{kind}" needs field "{field.name}"')
    present = [field for field in fields if field.name in given]
    names = "".join(f",{_quoted(field.name)}:%s" for field in present)
    text = f'{{"v":{VERSION},"n":%d,"at":%s,"kind":{_quoted(kind)}{names}}}\n'
    return text, tuple((field.name, field.type == "number") for field in present)


_LINE, _ = _form("line", ("session", "mark", "text"))


@lru_cache(maxsize=16, typed=True)  # what is said and heard in one go has one moment; 1 is not written like 1.0
def _moment(at: float) -> str:
    return _value(round(at, 6))


def _value(value: object) -> str:
    kind = type(value)
    if kind is str:
        return _quoted(value)  # type: ignore[arg-type]
    if kind is int or (kind is float and isfinite(value)):  # type: ignore[arg-type]
        return repr(value)
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ",".join([f"{_quoted(key)}:{_value(inner)}" for key, inner in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([_value(inner) for inner in value]) + "]"
    return _dumps(value)


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
