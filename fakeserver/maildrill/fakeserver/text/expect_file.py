"""Expectations as TOML tables, read and written: `[[expect]]`.

Every error names file, line, what was expected and what was probably meant. Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from maildrill.fakeserver.language.count import COUNT_WORDS, Count
from maildrill.fakeserver.language.expectation import ALL, EACH, Expectation
from maildrill.fakeserver.language.pattern import PATTERN_WORDS, Pattern
from maildrill.fakeserver.language.script import RuleError
from maildrill.fakeserver.language.span import AGE_WORDS, Age, Quota
from maildrill.fakeserver.language.toml_text import lines, quoted
from maildrill.fakeserver.text.readers import list_of, made, one_of, some
from maildrill.fakeserver.text.rule_file import stage_of
from maildrill.smtp import Stage
from maildrill.smtp.document import Table
from maildrill.smtp.quantity import RATE_WORDS
from maildrill.smtp.stage import SERVED


def read_expectation(table: Table, name: str) -> Expectation:
    """Return what an `[[expect]]` table says, called `name` unless it says its own; raises ConfigurationError."""
    values = {field: read(table) for field, read in READERS.items()}
    name = table.text("name", name)
    table.finish()
    try:
        return Expectation(name=name, place=table.place, **values)  # type: ignore[arg-type]  # readers know their fields
    except RuleError as error:
        key = "from" if error.key == "reverse_path" else error.key
        table.fail(key or None, error.what, expected=error.expected, hint=error.hint)


def expectation_to_toml(one: Expectation, kind: str = "expect") -> str:
    """Return an `[[expect]]` table, or one of another kind, which read_expectation reads back."""
    said = one.written()
    words = (("from" if word == "reverse_path" else word, value) for word, value in said.items())
    return f"[[{kind}]]\n" + lines((("name", quoted(one.name)), *words))


def patterns_under(key: str) -> Callable[[Table], object]:
    """Return the reader of patterns under `key`; absent is empty."""
    return list_of(key, Pattern, PATTERN_WORDS)


def count_under(key: str) -> Callable[[Table], Count | None]:
    """Return the reader of how many under `key`, a number or a text; absent is None."""
    read = one_of(key, Count, COUNT_WORDS)

    def read_count(table: Table) -> Count | None:
        number = table.raw(key)
        if isinstance(number, int) and not isinstance(number, bool):
            return made(table, key, str(number), Count, COUNT_WORDS)
        return read(table)

    return read_count


def _at(table: Table) -> tuple[Stage, ...]:
    if not table.has("at"):
        return ()
    words = some(table, "at", f"one or more of: {' '.join(SERVED)}")
    return tuple(dict.fromkeys(stage_of(table, word) for word in words))


#: Each field of an Expectation and how it is read; the order is that of `expected one of`.
READERS: dict[str, Callable[[Table], object]] = {
    "rcpt": patterns_under("rcpt"),
    "domain": patterns_under("domain"),
    "reverse_path": patterns_under("from"),
    "subject": patterns_under("subject"),
    "client": patterns_under("client"),
    "at": _at,
    "reply": patterns_under("reply"),
    "rule": patterns_under("rule"),
    **{key: count_under(key) for key in EACH if key not in ("gap", "age")},
    "gap": one_of("gap", Age, AGE_WORDS),
    "age": one_of("age", Age, AGE_WORDS),
    **{key: count_under(key) for key in ALL},
    "count": count_under("count"),
    "rate": one_of("rate", Quota, RATE_WORDS),
}
