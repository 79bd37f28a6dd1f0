"""Scripts as files: TOML in. Every error names file, line, what was expected and what was probably meant.

TOML out is script_writer's, and is offered here too. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import TypeVar

from maildrill.fakeserver.pattern import PATTERN_WORDS, Pattern
from maildrill.fakeserver.script import Rule, RuleError, Script
from maildrill.fakeserver.script_checks import CAPS_WORDS
from maildrill.fakeserver.script_words import Cut, Key
from maildrill.fakeserver.script_writer import script_to_toml
from maildrill.fakeserver.settings import Settings, Unmatched
from maildrill.fakeserver.span import AGE_WORDS, ATTEMPT_WORDS, DURING_WORDS, Age, Attempts, Duration, During, Quota
from maildrill.fakeserver.template import ReplyTemplate
from maildrill.smtp import ConfigurationError, Stage, did_you_mean, escape
from maildrill.smtp.document import Table, parse_document
from maildrill.smtp.quantity import DURATION_WORDS, RATE_WORDS

__all__ = ["read_script", "script_to_toml"]

_T = TypeVar("_T")
_VERSION = 1
_REPLY_WORDS = 'a code 200..599 and a text, such as "451 4.7.1 try again later"'
#: What people call a stage elsewhere.
_ALIASES = {
    "accept": "connect",
    "connection": "connect",
    "content": "dot",
    "end-of-data": "dot",
    "eod": "dot",
    "eom": "dot",
    "greeting": "banner",
    "hello": "ehlo",
    "mail from": "mail",
    "message": "dot",
    "rcpt to": "rcpt",
    "recipient": "rcpt",
    "sender": "mail",
    "timeout": "idle",
}
#: What people call a key elsewhere.
_KEY_ALIASES = {
    "ehlo": "helo",
    "ip": "client",
    "message-id": "message",
    "recipient": "rcpt",
    "sender": "from",
    "session": "connection",
    "mail": "from",
    "to": "rcpt",
}


def read_script(text: str, name: str) -> Script:
    """Return the script that a TOML text holds; `name` is what errors and unnamed rules call the file.

    Raises ConfigurationError. A rule without a name is called `file:line`, file without its folders, so that its
    draws are the same wherever the script lies.
    """
    top = parse_document(text, name)
    version = top.number("version", _VERSION)
    if version != _VERSION:
        top.fail("version", f"script of version {version}", expected=f"version = {_VERSION}")
    server = top.table("server")
    hostname = _hostname(server)
    seed = server.number("seed") if server.has("seed") else None
    unmatched = Unmatched(server.choice("unmatched", list(Unmatched))) if server.has("unmatched") else None
    server.finish()
    tables = top.tables("rule")
    top.finish()
    return Script(
        name=name,
        rules=_rules(tables, escape(PurePath(name).name)),
        server=Settings(hostname=hostname, seed=seed, unmatched=unmatched),
    )


def _hostname(server: Table) -> str | None:
    if not server.has("hostname"):
        return None
    hostname = server.text("hostname")
    if not hostname or len(hostname) > 255 or any(not "!" <= character <= "~" for character in hostname):
        server.fail("hostname", f'server.hostname is "{escape(hostname)}"', expected='a name such as "mx.test"')
    return hostname


def _rules(tables: Iterable[Table], file: str) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    lines: dict[str, str] = {}
    for table in tables:
        rule = _rule(table, f"{file}:{table.line}")
        if rule.name in rules:
            table.fail(
                "name" if "name" in table else None,
                f'a second rule is called "{escape(rule.name)}"',
                expected="a name of its own for each rule",
                hint=f"the first is at {lines[rule.name]}",
            )
        rules[rule.name] = rule
        lines[rule.name] = table.where()
    return tuple(rules.values())


def _rule(table: Table, name: str) -> Rule:
    values = {field: read(table) for field, read in _READERS.items()}
    if not table.has("name"):
        values["name"] = name
    table.finish()
    try:
        return Rule(**values)  # type: ignore[arg-type]  # each reader returns what its field holds
    except RuleError as error:
        key = "reply" if error.key == "replies" and "reply" in table else error.key
        table.fail(key, error.what, expected=error.expected, hint=error.hint)


def _at(table: Table) -> tuple[Stage, ...]:
    if not table.has("at"):
        table.fail(None, 'a rule has no "at"', expected=_stages(), hint='write at = "rcpt", for instance')
    words = table.texts("at")
    if words == ("*",):
        return ()
    if not words:
        table.fail("at", "rule.at is an empty list", expected=_stages(), hint='write at = "*" for all')
    return tuple(dict.fromkeys(_stage(table, word) for word in words))


def _stage(table: Table, word: str) -> Stage:
    try:
        return Stage(word)
    except ValueError:
        alias = _ALIASES.get(word.casefold())
        if word == "*":
            table.fail("at", '"*" stands among other stages', hint='write at = "*" alone, or name the stages')
        table.fail(
            "at",
            f'unknown stage "{escape(word)}"',
            expected=_stages(),
            hint=f'did you mean "{alias}"?' if alias else did_you_mean(word, Stage),
        )


def _stages() -> str:
    return "one of: " + " ".join(Stage) + " *"


def _key(table: Table) -> tuple[Key, ...]:
    if not table.has("key"):
        return ()
    expected = "one of: " + " ".join(Key) + "; or a list of them"
    return tuple(dict.fromkeys(_counted(table, word, expected) for word in _some(table, "key", expected)))


def _counted(table: Table, word: str, expected: str) -> Key:
    try:
        return Key(word)
    except ValueError:
        alias = _KEY_ALIASES.get(word.casefold())
        hint = f'did you mean "{alias}"?' if alias else did_you_mean(word, Key)
        table.fail("key", f'cannot count by "{escape(word)}"', expected=expected, hint=hint)


def _some(table: Table, key: str, expected: str) -> tuple[str, ...]:
    """Return the texts under a key, at least one; an error says what each should have been."""
    try:
        words = table.texts(key)
    except ConfigurationError as error:
        table.fail(key, error.what, expected=expected)
    if not words:
        table.fail(key, f"rule.{key} is an empty list", expected=expected, hint=f'leave "{key}" out')
    return words


def _list(key: str, make: Callable[[str], _T], expected: str) -> Callable[[Table], tuple[_T, ...]]:
    """Return the reader of a text or a list of texts, each made into a value that raises ValueError."""

    def read(table: Table) -> tuple[_T, ...]:
        if not table.has(key):
            return ()
        return tuple(_made(table, key, word, make, expected) for word in _some(table, key, expected))

    return read


def _made(table: Table, key: str, word: str, make: Callable[[str], _T], expected: str) -> _T:
    try:
        return make(word)
    except ValueError as error:
        reason = "" if expected in str(error) else f": {error}"
        table.fail(key, f'rule.{key} is "{escape(word)}"{reason}', expected=expected)


def _attempt(table: Table) -> tuple[Attempts, ...]:
    number = table.raw("attempt")
    if isinstance(number, int) and number >= 1 and not isinstance(number, bool):
        return (_made(table, "attempt", str(number), Attempts, ATTEMPT_WORDS),)
    return _list("attempt", Attempts, ATTEMPT_WORDS)(table)


def _replies(table: Table) -> tuple[ReplyTemplate, ...]:
    if table.has("reply") and table.has("replies"):
        table.fail("replies", 'a rule has both "reply" and "replies"', hint='put the first into the list of "replies"')
    if not table.has("reply"):
        return _list("replies", ReplyTemplate, _REPLY_WORDS)(table)
    return (_made(table, "reply", _reply_text(table), ReplyTemplate, _REPLY_WORDS),)


def _reply_text(table: Table) -> str:
    value = table.raw("reply")
    if isinstance(value, list):
        table.fail("reply", "rule.reply is a list", expected="one text", hint='write "replies" for one after the other')
    if isinstance(value, int) and 200 <= value <= 599:
        table.fail("reply", f"rule.reply is {value}", expected=_REPLY_WORDS, hint=f'write reply = "{value}"')
    if not isinstance(value, str):
        _some(table, "reply", _REPLY_WORDS)
    return table.text("reply")


def _cut(table: Table) -> Cut | None:
    return Cut(table.choice("cut", list(Cut))) if table.has("cut") else None


def _one(key: str, make: Callable[[str], _T], expected: str) -> Callable[[Table], _T | None]:
    """Return the reader of one text, made into a value that raises ValueError."""

    def read(table: Table) -> _T | None:
        if not table.has(key):
            return None
        (word, *more) = _some(table, key, expected)
        if more:
            table.fail(key, f"rule.{key} is a list", expected=expected, hint="write a rule for each")
        return _made(table, key, word, make, expected)

    return read


_PATTERNS = {key: _list(key, Pattern, PATTERN_WORDS) for key in ("from", "rcpt", "domain")}

#: Each field of a Rule and how it is read; the order is that of `expected one of`.
_READERS: dict[str, Callable[[Table], object]] = {
    "at": _at,
    "reverse_path": _PATTERNS["from"],
    "rcpt": _PATTERNS["rcpt"],
    "domain": _PATTERNS["domain"],
    "key": _key,
    "attempt": _attempt,
    "times": lambda table: table.number("times", least=1) if table.has("times") else None,
    "age": _one("age", Age, AGE_WORDS),
    "over": _one("over", Quota, RATE_WORDS),
    "during": _list("during", During, DURING_WORDS),
    "chance": lambda table: table.fraction("chance") if table.has("chance") else None,
    "replies": _replies,
    "wait": _one("wait", Duration, DURATION_WORDS),
    "cut": _cut,
    "commit": lambda table: table.flag("commit") if table.has("commit") else None,
    "caps": _list("caps", str, CAPS_WORDS),
    "name": lambda table: table.text("name", ""),
}
