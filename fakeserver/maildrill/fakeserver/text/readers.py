"""Read words of a script that are texts: one text or a list of them, each made into a value.

Whatever raises ValueError with what was expected can be made here; the error that is raised names file and line. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from maildrill.fakeserver.language.destination import DESTINATION_WORDS, Destination
from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import Table, shown

_T = TypeVar("_T")
_W = TypeVar("_W", bound=StrEnum)


def some(table: Table, key: str, expected: str) -> tuple[str, ...]:
    """Return the texts under a key, at least one; an error says what each should have been."""
    try:
        words = table.texts(key)
    except ConfigurationError as error:
        table.fail(key, error.what, expected=expected)
    if not words:
        table.fail(key, f"{table.label(key)} is an empty list", expected=expected, hint=f'leave "{key}" out')
    return words


def list_of(key: str, make: Callable[[str], _T], expected: str) -> Callable[[Table], tuple[_T, ...]]:
    """Return the reader of a text or a list of texts under `key`; absent is empty. `make` raises ValueError."""

    def read(table: Table) -> tuple[_T, ...]:
        if not table.has(key):
            return ()
        return tuple(made(table, key, word, make, expected) for word in some(table, key, expected))

    return read


def made(table: Table, key: str, word: str, make: Callable[[str], _T], expected: str) -> _T:
    """Return the value that `make` makes of a word; its ValueError becomes an error at the line of `key`."""
    try:
        return make(word)
    except ValueError as error:
        reason = "" if expected in str(error) else f": {error}"
        table.fail(key, f'{table.label(key)} is "{escape(word)}"{reason}', expected=expected)


def one_of(key: str, make: Callable[[str], _T], expected: str) -> Callable[[Table], _T | None]:
    """Return the reader of one text under `key`; absent is None. `make` raises ValueError."""

    def read(table: Table) -> _T | None:
        if not table.has(key):
            return None
        (word, *more) = some(table, key, expected)
        if more:
            table.fail(key, f"{table.label(key)} is a list", expected=expected, hint="write a rule for each")
        return made(table, key, word, make, expected)

    return read


def whole_or(key: str, read: Callable[[Table], _T], make: Callable[[str], _T]) -> Callable[[Table], _T]:
    """Return the reader of what may also be written as a whole number, without quotes."""

    def read_whole(table: Table) -> _T:
        value = table.raw(key)
        if isinstance(value, int) and not isinstance(value, bool):
            try:
                return make(str(value))
            except ValueError as error:
                table.fail(key, f"{table.label(key)} is {value}", expected=str(error))
        return read(table)

    return read_whole


def destination(table: Table) -> Destination | None:
    """Return what `to` and `outside` say; absent is None."""
    outside = table.flag("outside", default=False)
    if outside and not table.has("to"):
        table.fail("outside", "nothing is sent anywhere", expected=f"to = {DESTINATION_WORDS}")
    return one_of("to", lambda text: Destination(text, outside), DESTINATION_WORDS)(table)


def named(
    key: str, make: Callable[[str], _T], expected: str, example: str
) -> Callable[[Table], tuple[tuple[str, tuple[_T, ...]], ...]]:
    """Return the reader of a table of names under `key`, each with a text or a list of texts; absent is empty."""

    def read(table: Table) -> tuple[tuple[str, tuple[_T, ...]], ...]:
        if not table.has(key):
            return ()
        if not isinstance(table.raw(key), dict):
            table.fail(key, f"{table.label(key)} is {shown(table.raw(key))}", expected=example)
        names = table.table(key)
        if not tuple(names):
            table.fail(key, f"{table.label(key)} is empty", expected=example, hint=f'leave "{key}" out')
        return tuple((name, list_of(name, make, expected)(names)) for name in names)

    return read


def word_of(key: str, words: type[_W]) -> Callable[[Table], _W | None]:
    """Return the reader of one of several words; absent is None."""
    return lambda table: words(table.choice(key, list(words))) if table.has(key) else None


def flag(key: str) -> Callable[[Table], bool | None]:
    """Return the reader of true or false; absent is None."""
    return lambda table: table.flag(key) if table.has(key) else None


def number(key: str) -> Callable[[Table], int | None]:
    """Return the reader of a whole number, 1 or more; absent is None."""
    return lambda table: table.number(key, least=1) if table.has(key) else None
