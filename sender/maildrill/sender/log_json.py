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
_HEAD_TEXT = f'{{"v":{VERSION},"n":'
#: Of each kind: what stands before its own fields, and of each field its name, what stands before its value, whether
#: it may be missing, and whether it is a number.
_PLAN = {
    kind.name: (
        f',"kind":{_quoted(kind.name)}',
        tuple(
            (field.name, f",{_quoted(field.name)}:", field.optional, field.type == "number") for field in kind.fields
        ),
    )
    for kind in KINDS.values()
}
_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode(number: int, at: float, kind: str, fields: Mapping[str, object]) -> str:
    """Return the line of an event with its line end; raises ValueError for what the schema does not have.

    Written piece by piece: an encoder that is given the whole takes three times as long.
    """
    if kind == "line" and len(fields) == 3:
        session, mark, text = fields.get("session"), fields.get("mark"), fields.get("text")
        if type(session) is int and type(mark) is str and type(text) is str:  # nine events in thirteen: all at once
            return (
                f'{_HEAD_TEXT}{number},"at":{_moment(at)},"kind":"line","session":{session},'
                f'"mark":{_quoted(mark)},"text":{_quoted(text)}}}\n'
            )
    plan = _PLAN.get(kind)
    if plan is None:
        raise ValueError(f'no kind of event "{kind}"')
    head, names = plan
    pieces = [f'{_HEAD_TEXT}{number},"at":{_moment(at)}{head}']
    for name, key, optional, is_number in names:
        value = fields.get(name)
        if value is not None:
            pieces.append(key)
            pieces.append(_value(round(value, 6) if is_number and isinstance(value, float) else value))
        elif not optional:
            raise ValueError(f'event "{kind}" needs field "{name}"')
    if len(pieces) != 2 * len(fields) + 1:
        _check_names(kind, fields)
    pieces.append("}\n")
    return "".join(pieces)


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


def _check_names(kind: str, fields: Mapping[str, object]) -> None:
    strange = sorted(set(fields) - {name for name, *_ in _PLAN[kind][1]})
    if strange:
        raise ValueError(f'event "{kind}" has no field "{", ".join(strange)}"')


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
