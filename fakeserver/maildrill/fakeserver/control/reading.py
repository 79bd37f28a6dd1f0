"""What comes with a request: words behind the question mark, JSON and text in the body; each checked and bounded."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn, TypeVar

from starlette.requests import Request

from maildrill.fakeserver.control.problem import Problem
from maildrill.fakeserver.language.script import Rule
from maildrill.fakeserver.text.rule_file import read_rule
from maildrill.smtp import ConfigurationError, did_you_mean, escape
from maildrill.smtp.document import Table, table_of
from maildrill.smtp.quantity import parse_duration

_T = TypeVar("_T")
#: Octets of a request's body.
MAX_BODY = 1 << 20
_BODY = "body"


def check_words(request: Request, known: Collection[str]) -> None:
    """Refuse a parameter behind the question mark that the call has not. Raises Problem."""
    for name in request.query_params:
        if name not in known:
            raise Problem(
                400,
                f'no parameter is called "{escape(name)}"',
                expected="one of: " + " ".join(known) if known else "none",
                hint=did_you_mean(name, known),
                parameter=name,
            )


def words_of(request: Request) -> dict[str, str | list[str]]:
    """Return the parameters behind the question mark; one that is given several times is a list."""
    found = {name: request.query_params.getlist(name) for name in request.query_params}
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def taken(words: dict[str, str | list[str]], name: str, default: _T, read: Callable[[str], _T], expected: str) -> _T:
    """Take a parameter out of the words and return what it says; `read` raises ValueError. Raises Problem."""
    if name not in words:
        return default
    value = words.pop(name)
    try:
        if isinstance(value, str):
            return read(value)
    except ValueError:
        pass
    raise Problem(400, f"{name} is {escape(str(value))}", expected=expected, parameter=name)


def number(most: int, least: int = 0) -> Callable[[str], int]:
    """Return the reader of a whole number; it raises ValueError."""

    def read(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError(text)
        return value

    return read


def seconds_of(text: str) -> float:
    """Return the seconds that `5s` or `5` says; raises ValueError."""
    return parse_duration(text if not text.replace(".", "", 1).isdigit() else f"{text}s")


def filtered(make: Callable[[Mapping[str, object]], _T], words: Mapping[str, str | list[str]]) -> _T:
    """Return the filter that `make` makes of words; a mistake in one names its parameter. Raises Problem."""
    try:
        return make(words)
    except ConfigurationError as error:
        parameter = next((name for name in words if error.what.startswith(name)), None)
        raise Problem(400, error.what, expected=error.expected, hint=error.hint, parameter=parameter) from None


async def text_in(request: Request) -> str:
    """Return the body as text; raises Problem where it is too long or no UTF-8."""
    octets = bytearray()
    async for piece in request.stream():
        octets += piece
        if len(octets) > MAX_BODY:
            raise Problem(413, f"the body is longer than {MAX_BODY} octets")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem(400, "the body is not UTF-8") from None


async def json_in(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body; raises Problem."""
    text = await text_in(request)
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise Problem(400, "not JSON that can be read: nested too deeply") from None
    except ValueError as error:
        raise Problem(400, f"not JSON: {escape(str(error))}", expected="an object: {…}") from None
    if not isinstance(value, dict):
        raise Problem(422, "the body is no object", expected="an object: {…}", pointer="")
    return value


async def table_in(request: Request) -> Table:
    """Return the JSON object in the body as a table; an empty body is an empty table. Raises Problem."""
    return table_of(await json_in(request), _BODY)


def rule_in(values: object, name: Callable[[], str], *, lint: bool | None, pointer: str = "") -> Rule:
    """Return the rule that an object says, named by `name` where it says none; raises Problem with the place.

    lint: that of the script's `[server]`.
    """
    if not isinstance(values, dict):
        raise Problem(422, "a rule is no object", expected='an object such as {"at": "rcpt", …}', pointer=pointer)
    said = values if values.get("name") else {**values, "name": name()}
    try:
        return read_rule(table_of({"rule": said}, _BODY).table("rule"), "", lint=lint)
    except ConfigurationError as error:
        _refuse(error, pointer)


def _refuse(error: ConfigurationError, pointer: str) -> NoReturn:
    place = error.where.removeprefix(f"{_BODY}:/rule")
    raise Problem(422, error.what, expected=error.expected, hint=error.hint, pointer=pointer + place) from None


def pointed(error: ConfigurationError) -> Problem:
    """Return the problem that a mistake in the body is."""
    place = error.where.removeprefix(_BODY).removeprefix(":")
    return Problem(422, error.what, expected=error.expected, hint=error.hint, pointer=place)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
