"""Rules as TOML tables, read: one reader for each word, in one table.

Every error names file, line, what was expected and what was probably meant. rule_writer writes. Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from maildrill.fakeserver.pattern import PATTERN_WORDS, Pattern
from maildrill.fakeserver.readers import list_of, made, one_of, some
from maildrill.fakeserver.script import Rule, RuleError
from maildrill.fakeserver.script_checks import CAPS_WORDS
from maildrill.fakeserver.script_words import Cut, Key
from maildrill.fakeserver.span import AGE_WORDS, ATTEMPT_WORDS, DURING_WORDS, Age, Attempts, Duration, During, Quota
from maildrill.fakeserver.template import ReplyTemplate
from maildrill.smtp import Stage, did_you_mean, escape
from maildrill.smtp.document import Table
from maildrill.smtp.quantity import DURATION_WORDS, RATE_WORDS

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


def read_rule(table: Table, name: str) -> Rule:
    """Return the rule that a `[[rule]]` table holds, called `name` unless it says its own; ConfigurationError."""
    values = {field: read(table) for field, read in READERS.items()}
    if not table.has("name"):
        values["name"] = name
    table.finish()
    try:
        return Rule(**values, place=table.place)  # type: ignore[arg-type]  # each reader returns what its field holds
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
    return tuple(dict.fromkeys(_counted(table, word, expected) for word in some(table, "key", expected)))


def _counted(table: Table, word: str, expected: str) -> Key:
    try:
        return Key(word)
    except ValueError:
        alias = _KEY_ALIASES.get(word.casefold())
        hint = f'did you mean "{alias}"?' if alias else did_you_mean(word, Key)
        table.fail("key", f'cannot count by "{escape(word)}"', expected=expected, hint=hint)


def _attempt(table: Table) -> tuple[Attempts, ...]:
    number = table.raw("attempt")
    if isinstance(number, int) and number >= 1 and not isinstance(number, bool):
        return (made(table, "attempt", str(number), Attempts, ATTEMPT_WORDS),)
    return list_of("attempt", Attempts, ATTEMPT_WORDS)(table)


def _replies(table: Table) -> tuple[ReplyTemplate, ...]:
    if table.has("reply") and table.has("replies"):
        table.fail("replies", 'a rule has both "reply" and "replies"', hint='put the first into the list of "replies"')
    if not table.has("reply"):
        return list_of("replies", ReplyTemplate, _REPLY_WORDS)(table)
    return (made(table, "reply", _reply_text(table), ReplyTemplate, _REPLY_WORDS),)


def _reply_text(table: Table) -> str:
    value = table.raw("reply")
    if isinstance(value, list):
        table.fail("reply", "rule.reply is a list", expected="one text", hint='write "replies" for one after the other')
    if isinstance(value, int) and 200 <= value <= 599:
        table.fail("reply", f"rule.reply is {value}", expected=_REPLY_WORDS, hint=f'write reply = "{value}"')
    if not isinstance(value, str):
        some(table, "reply", _REPLY_WORDS)
    return table.text("reply")


def _cut(table: Table) -> Cut | None:
    return Cut(table.choice("cut", list(Cut))) if table.has("cut") else None


_PATTERNS = {key: list_of(key, Pattern, PATTERN_WORDS) for key in ("from", "rcpt", "domain")}

#: Each field of a Rule and how it is read; the order is that of `expected one of`.
READERS: dict[str, Callable[[Table], object]] = {
    "at": _at,
    "reverse_path": _PATTERNS["from"],
    "rcpt": _PATTERNS["rcpt"],
    "domain": _PATTERNS["domain"],
    "key": _key,
    "attempt": _attempt,
    "times": lambda table: table.number("times", least=1) if table.has("times") else None,
    "age": one_of("age", Age, AGE_WORDS),
    "over": one_of("over", Quota, RATE_WORDS),
    "during": list_of("during", During, DURING_WORDS),
    "chance": lambda table: table.fraction("chance") if table.has("chance") else None,
    "replies": _replies,
    "wait": one_of("wait", Duration, DURATION_WORDS),
    "cut": _cut,
    "commit": lambda table: table.flag("commit") if table.has("commit") else None,
    "caps": list_of("caps", str, CAPS_WORDS),
    "name": lambda table: table.text("name", ""),
}
