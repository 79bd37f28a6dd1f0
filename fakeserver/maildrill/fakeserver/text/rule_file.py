"""Rules as TOML tables, read: one reader for each word, in one table.

Every error names file, line, what was expected and what was probably meant. rule_writer writes. Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from maildrill.fakeserver.language.answer_checks import CAPS_WORDS
from maildrill.fakeserver.language.destination import DESTINATION_WORDS, Destination
from maildrill.fakeserver.language.octets import DRIP_WORDS, RAW_WORDS, TEASE_WORDS, Drip, Octets, Size, Tease
from maildrill.fakeserver.language.pattern import PATTERN_WORDS, Pattern
from maildrill.fakeserver.language.script import Rule, RuleError
from maildrill.fakeserver.language.script_words import Cut, Handshake, Key, Mangle, Then
from maildrill.fakeserver.language.span import (
    AGE_WORDS,
    AMOUNT_WORDS,
    ATTEMPT_WORDS,
    DURING_WORDS,
    Age,
    Amount,
    Attempts,
    During,
    Pause,
    Quota,
    compares,
)
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.fakeserver.text.readers import (
    destination,
    flag,
    list_of,
    made,
    named,
    number,
    one_of,
    some,
    whole_or,
    word_of,
)
from maildrill.smtp import Stage, did_you_mean, escape
from maildrill.smtp.document import Table
from maildrill.smtp.quantity import DURATION_WORDS, RATE_WORDS, SIZE_WORDS
from maildrill.smtp.stage import SERVED

_TLS_WORDS = 'true, false, or a pattern of the version such as "TLSv1.2"'
_PARAM_WORDS = 'a pattern such as "8BIT*", or a number such as ">1000"'
_STATE_WORDS = 'a name of a state such as "down"'
_REPLY_WORDS = 'a code 200..599 and a text, such as "451 4.7.1 try again later"'
#: What people call a stage elsewhere.
_ALIASES = {
    "accept": "connect",
    "challenge": "auth-step",
    "chunk": "bdat",
    "connection": "connect",
    "content": "dot",
    "end-of-data": "dot",
    "eod": "dot",
    "eom": "dot",
    "greeting": "banner",
    "handshake": "tls",
    "hello": "ehlo",
    "login": "auth",
    "mail from": "mail",
    "message": "dot",
    "rcpt to": "rcpt",
    "recipient": "rcpt",
    "response": "auth-step",
    "sender": "mail",
    "ssl": "tls",
    "timeout": "idle",
}
#: What people call a key elsewhere.
_KEY_ALIASES = {
    "address": "client",
    "helo": "ehlo",
    "ip": "client",
    "login": "user",
    "mail": "from",
    "message-id": "message",
    "recipient": "rcpt",
    "sender": "from",
    "session": "connection",
    "to": "rcpt",
    "username": "user",
}
#: What people call a word elsewhere.
_WORD_ALIASES = {
    "capabilities": "caps",
    "close": "cut",
    "code": "reply",
    "count": "times",
    "delay": "wait",
    "drop": "cut",
    "headers": "header",
    "hello": "ehlo",
    "helo": "ehlo",
    "ip": "client",
    "limit": "over",
    "mail": "from",
    "parameter": "param",
    "probability": "chance",
    "rate": "over",
    "recipient": "rcpt",
    "response": "reply",
    "sender": "from",
    "sleep": "wait",
    "stage": "at",
    "username": "user",
    "verb": "command",
}


def read_rule(table: Table, name: str, *, lint: bool | None = None) -> Rule:
    """Return the rule that a `[[rule]]` table holds, called `name` unless it says its own; ConfigurationError.

    lint: what holds where the rule does not say it: that of `[server]`.
    """
    values = {field: read(table) for field, read in READERS.items()}
    if not table.has("name"):
        values["name"] = name
    if not table.has("lint"):
        values["lint"] = lint
    _refuse_aliases(table)
    table.finish()
    try:
        return Rule(**values, place=table.place)  # type: ignore[arg-type]  # each reader returns what its field holds
    except RuleError as error:
        key = "reply" if error.key == "replies" and "reply" in table else error.key
        table.fail(key, error.what, expected=error.expected, hint=error.hint)


def _refuse_aliases(table: Table) -> None:
    """Refuse a word that has another name here; what else is not known Table.finish refuses."""
    for alias, word in _WORD_ALIASES.items():
        if alias in table:
            table.fail(alias, f'unknown key "{alias}" in [rule]', hint=f'did you mean "{word}"?')


def _at(table: Table) -> tuple[Stage, ...]:
    if not table.has("at"):
        table.fail(None, 'a rule has no "at"', expected=_stages(), hint='write at = "rcpt", for instance')
    words = table.texts("at")
    if words == ("*",):
        return ()
    if not words:
        table.fail("at", "rule.at is an empty list", expected=_stages(), hint='write at = "*" for all')
    return tuple(dict.fromkeys(stage_of(table, word) for word in words))


def stage_of(table: Table, word: str) -> Stage:
    """Return the stage of a name, under the key `at`; raises ConfigurationError with what was meant."""
    if word not in SERVED:
        alias = _ALIASES.get(word.casefold())
        if word == "*":
            table.fail("at", '"*" stands among other stages', hint='write at = "*" alone, or name the stages')
        table.fail(
            "at",
            f'unknown stage "{escape(word)}"',
            expected=_stages(),
            hint=f'did you mean "{alias}"?' if alias else did_you_mean(word, SERVED),
        )
    return Stage(word)


def _stages() -> str:
    return "one of: " + " ".join(SERVED) + " *"


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


def _tls(table: Table) -> bool | tuple[Pattern, ...] | None:
    spoken = table.raw("tls")
    if isinstance(spoken, bool):
        return spoken
    return list_of("tls", Pattern, _TLS_WORDS)(table) or None


def _pattern_or_amount(text: str) -> Pattern | Amount:
    """Return what the value of a parameter must be: `>1000` and `1..5` are numbers, all else is a pattern."""
    return Amount(text) if compares(text) else Pattern(text)


def _to(table: Table) -> Destination | None:
    text = table.raw("to")
    if isinstance(text, str) and "@" in text:  # who reads it as a recipient means another word
        table.fail("to", f'rule.to is "{escape(text)}"', expected=DESTINATION_WORDS, hint='did you mean "rcpt"?')
    return destination(table)


def _patterns(key: str) -> Callable[[Table], tuple[Pattern, ...]]:
    return list_of(key, Pattern, PATTERN_WORDS)


#: Each field of a Rule and how it is read; the order is that of `expected one of`.
READERS: dict[str, Callable[[Table], object]] = {
    "at": _at,
    "reverse_path": _patterns("from"),
    "rcpt": _patterns("rcpt"),
    "domain": _patterns("domain"),
    "ehlo": _patterns("ehlo"),
    "client": _patterns("client"),
    "user": _patterns("user"),
    "command": _patterns("command"),
    "pipelined": flag("pipelined"),
    "header": named("header", Pattern, PATTERN_WORDS, 'header.NAME = "pattern"'),
    "subject": _patterns("subject"),
    "body": _patterns("body"),
    "size": whole_or("size", one_of("size", Amount, AMOUNT_WORDS), Amount),
    "tls": _tls,
    "param": named("param", _pattern_or_amount, _PARAM_WORDS, 'param.NAME = "pattern"'),
    "key": _key,
    "attempt": whole_or("attempt", list_of("attempt", Attempts, ATTEMPT_WORDS), lambda text: (Attempts(text),)),
    "times": number("times"),
    "age": one_of("age", Age, AGE_WORDS),
    "over": one_of("over", Quota, RATE_WORDS),
    "open": whole_or("open", one_of("open", Amount, AMOUNT_WORDS), Amount),
    "during": list_of("during", During, DURING_WORDS),
    "chance": lambda table: table.fraction("chance") if table.has("chance") else None,
    "state": list_of("state", str, _STATE_WORDS),
    "set": one_of("set", str, _STATE_WORDS),
    "priority": number("priority"),
    "replies": _replies,
    "then": word_of("then", Then),
    "raw": one_of("raw", Octets, RAW_WORDS),
    "mangle": word_of("mangle", Mangle),
    "drip": one_of("drip", Drip, DRIP_WORDS),
    "tease": one_of("tease", Tease, TEASE_WORDS),
    "wait": one_of("wait", Pause, DURATION_WORDS),
    "after": whole_or("after", one_of("after", Size, SIZE_WORDS), Size),
    "sip": one_of("sip", Drip, DRIP_WORDS),
    "cut": word_of("cut", Cut),
    "commit": flag("commit"),
    "caps": list_of("caps", str, CAPS_WORDS),
    "handshake": word_of("handshake", Handshake),
    "to": _to,
    "lint": flag("lint"),
    "name": lambda table: table.text("name", ""),
}
