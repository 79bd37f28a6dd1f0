"""Read rules of classification from TOML: the file that comes along, and the user's own, which is asked first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from maildrill.sender.attempt import Fault
from maildrill.sender.classification.categories import CATEGORIES, Category
from maildrill.sender.classification.classifier import Classifier
from maildrill.sender.classification.rule import Rule, pattern
from maildrill.smtp import Stage, did_you_mean, escape
from maildrill.smtp.document import Table, parse_document, read_text

_VERSION = 1
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CODE = re.compile(r"[2-5][0-9*]{0,2}")
_STATUS = re.compile(r"[245*](?:\.(?:\d{1,3}|\*)){1,2}")

_W = TypeVar("_W", Stage, Fault)


@cache
def bundled() -> Classifier:
    """Return the classifier that comes along."""
    own = {category.name: category for category in CATEGORIES}
    return Classifier(_rules(_bundled_document(), own), own)


def read_rules(path: Path) -> Classifier:
    """Return a classifier that asks the rules of a file, then those that come along.

    Raises ConfigurationError with file and line for a file that is not right.
    """
    document = parse_document(read_text(path, "classification"), str(path))
    categories = {category.name: category for category in CATEGORIES}
    for table in document.tables("category"):
        category = _category(table)
        if category.name in categories:
            table.fail("name", f'there is a category "{category.name}" already', expected="another name")
        categories[category.name] = category
    return Classifier((*_rules(document, categories), *bundled().rules), categories)


def _bundled_document() -> Table:
    file = files(__package__ or "") / "rules.toml"
    return parse_document(file.read_text(encoding="utf-8"), "rules.toml")


def _rules(document: Table, categories: dict[str, Category]) -> list[Rule]:
    if document.number("version", least=1) != _VERSION:
        document.fail("version", "a version that this maildrill does not know", expected=f"version = {_VERSION}")
    document.raw("category")
    numbers: Counter[str] = Counter()
    rules = [_rule(table, numbers, categories) for table in document.tables("rule")]
    document.finish()
    return rules


def _category(table: Table) -> Category:
    name = table.text("name")
    if not _NAME.fullmatch(name):
        table.fail("name", f'category.name is "{escape(name)}"', expected="small letters, digits and single hyphens")
    category = Category(name, table.text("about"), table.text("advice", ""))
    table.finish()
    return category


def _rule(table: Table, numbers: Counter[str], categories: dict[str, Category]) -> Rule:
    category = table.text("category")
    if category not in categories:
        table.fail(
            "category",
            f'rule.category is "{escape(category)}"',
            expected="one of: " + " ".join(categories),
            hint=did_you_mean(category, categories) or "a new one is declared with [[category]]",
        )
    numbers[category] += 1
    rule = Rule(
        name=table.text("name", f"{category}-{numbers[category]}"),
        category=category,
        code=codes(table),
        status=statuses(table),
        text=texts(table),
        at=_words(table, "at", Stage),
        fault=_words(table, "fault", Fault),
        source=table.text("source", ""),
    )
    if not (rule.code or rule.status or rule.text or rule.at or rule.fault):
        table.fail(None, "the rule asks nothing", expected="one of: code status text at fault")
    table.finish()
    return rule


def codes(table: Table) -> tuple[str, ...]:
    """Return the patterns under `code`; raises ConfigurationError with file and line."""
    return _patterns(table, "code", _CODE, 'codes such as "552" or "55*"')


def statuses(table: Table) -> tuple[str, ...]:
    """Return the patterns under `status`; raises ConfigurationError with file and line."""
    return _patterns(table, "status", _STATUS, 'enhanced status codes such as "5.1.1" or "*.2.2"')


def _patterns(table: Table, key: str, right: re.Pattern[str], expected: str) -> tuple[str, ...]:
    found = table.texts(key, ())
    for one in found:
        if not right.fullmatch(one):
            table.fail(key, f'{table.label(key)} is "{escape(one)}"', expected=expected)
    return found


def texts(table: Table) -> tuple[str, ...]:
    """Return what is under `text`; raises ConfigurationError with file and line."""
    found = table.texts("text", ())
    for one in found:
        if not one.strip("~ "):
            table.fail(
                "text", f"{table.label('text')} is empty", expected="a part of what servers say, or ~ and a pattern"
            )
        try:
            pattern(one)
        except re.error as error:
            table.fail("text", f'"{escape(one)}" is no pattern: {error}', expected="a regular expression behind the ~")
    return found


def _words(table: Table, key: str, words: type[_W]) -> tuple[_W, ...]:
    known: Iterable[_W] = words
    by_name = {str(word): word for word in known}
    found = table.texts(key, ())
    for one in found:
        if one not in by_name:
            table.fail(
                key,
                f'rule.{key} is "{escape(one)}"',
                expected="of: " + ", ".join(by_name),
                hint=did_you_mean(one, by_name),
            )
    return tuple(by_name[one] for one in found)
