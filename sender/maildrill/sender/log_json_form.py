"""How an event of the log is written as JSON: for each kind, with each set of fields that it comes with, a function.

Rule 1: a function is made once from the schema, and then says at once what a look at each field would say. Rule 2: what
does not fit the schema is a bug and raises ValueError at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from math import isfinite

from maildrill.sender.log_kind import Field
from maildrill.sender.log_schema import KINDS, VERSION

#: Writes an event: its number, its moment as it is to stand there, and its fields.
Form = Callable[[int, str, Mapping[str, object]], str]

quoted = encode_basestring_ascii
_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
#: Writes `{0}`, a value of this type; whatever is not quite of it goes the long way, or is no text: a TypeError.
_QUICKLY = {
    "text": "quoted({0})",
    "integer": "{0} if type({0}) is int else field({0})",
    "number": "seconds({0})",
    "response": "response({0})",
    "list of text": "texts({0})",
}
_WHOLE, _STATUS = ("code", "enhanced_code", "content", "command"), ("class", "subject", "detail")
_REPLY = '{"code":%d,"enhanced_code":{"class":%d,"subject":%d,"detail":%d},"content":%s,"command":%s}'
_LARGE = 4e9  # below it doubles are closer than millionths: each of those has one of its own
_DENSE = float(1 << 30)  # from 2004 on they have no more than 22 binary places: millionths of them are exact
_THREE = tuple([f"{number:03d}" for number in range(1000)])
_SHORT = tuple([three.rstrip("0") for three in _THREE])


class NothingError(Exception):
    """A field has no value."""


@lru_cache(maxsize=512)  # each kind comes with few sets of fields
def form(kind: str, given: tuple[str, ...]) -> Form:
    """Return what writes an event with these fields; raises ValueError where they are not the fields of that kind."""
    if kind not in KINDS:
        raise ValueError(f'no kind of event "{kind}"')
    fields = KINDS[kind].fields
    strange = sorted(set(given) - {field.name for field in fields})
    if strange:
        raise ValueError(f'event "{kind}" has no field "{", ".join(strange)}"')
    for field in fields:
        if field.name not in given and not field.optional:
            raise ValueError(f'event "{kind}" needs field "{field.name}"')
    return _made(kind, [field for field in fields if field.name in given], given)


def _made(kind: str, present: list[Field], given: tuple[str, ...]) -> Form:
    """Return the function; there are but names of the schema in its source. given: in the order in which they come."""
    names = "".join(f",{quoted(field.name)}:%s" for field in present)
    text = f'{{"v":{VERSION},"n":%s,"at":%s,"kind":{quoted(kind)}{names}}}\n'
    held = {field.name: f"v{place}" for place, field in enumerate(present)}
    quick = [_QUICKLY.get(field.type, "field({0})").format(held[field.name]) for field in present]
    slow = [("seconds({0})" if field.type == "number" else "field({0})").format(held[field.name]) for field in present]
    body = [
        f"[{', '.join([held[name] for name in given])}] = fields.values()",
        "try:",
        f"    return text % ({', '.join(['n', 'at', *quick])})",
        "except TypeError:",
        f"    return text % ({', '.join(['n', 'at', *slow])})",
    ]
    made: dict[str, Form] = {}
    source = "\n    ".join(["def form(n, at, fields):", *body])
    known = {
        "text": text,
        "quoted": quoted,
        "field": _field,
        "seconds": seconds,
        "response": _response,
        "texts": _texts,
    }
    exec(source, known, made)  # noqa: S102 - as dataclasses do
    return made["form"]


def _field(given: object) -> str:
    if given is None:
        raise NothingError
    return value(given)


def value(given: object) -> str:
    """Write any value; an encoder that is given the whole takes five times as long."""
    kind = type(given)
    if kind is str:
        return quoted(given)  # type: ignore[arg-type]
    if kind is int or (kind is float and isfinite(given)):  # type: ignore[arg-type]
        return repr(given)
    if kind is bool:
        return "true" if given else "false"
    if isinstance(given, dict):
        return "{" + ",".join([f"{quoted(key)}:{value(inner)}" for key, inner in given.items()]) + "}"
    if isinstance(given, list):
        return "[" + ",".join([value(inner) for inner in given]) + "]"
    return _dumps(given)


def seconds(given: object) -> str:
    """Write a number (all of them are seconds, or few) to the millionth: what a float has beyond that is noise."""
    if type(given) is float:
        if _DENSE <= given < _LARGE:
            return _moment(given)
        if 0.001 <= given < _LARGE:  # three times as fast, and the same
            text = f"{given:.6f}".rstrip("0")
            return text + "0" if text[-1] == "." else text
        given = round(given, 6)
    return _field(given)


def _moment(at: float) -> str:
    """Write a time of our days, as `seconds` would: of one after the other, all but the fraction is the same."""
    second = at // 1.0
    high, low = divmod(round((at - second) * 1e6), 1000)
    if low:
        return f"{_whole(second)}{_THREE[high]}{_SHORT[low]}"
    if high == 1000:  # so near to the next second that it is that one
        return f"{_whole(second + 1.0)}0"
    return f"{_whole(second)}{_SHORT[high] or 0}"


@lru_cache(maxsize=64)
def _whole(second: float) -> str:
    return f"{second:.0f}."


def _response(given: object) -> str:
    """Write a reply as log_response makes it: with an enhanced code, to a command."""
    if isinstance(given, dict) and tuple(given) == _WHOLE:
        code, status, content, command = given.values()
        if type(content) is str and tuple(status) == _STATUS:
            return _REPLY % (code, *status.values(), quoted(content), quoted(command))
    return _field(given)


def _texts(given: object) -> str:
    try:
        return f"[{','.join(map(quoted, given))}]" if type(given) is list else _field(given)
    except TypeError:  # texts, and something else
        return _field(given)
