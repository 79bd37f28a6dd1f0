"""What makes a rule impossible: one function for each reason, in one table.

Each takes a rule and raises RuleError with the key that is wrong, what was expected and what to do. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from maildrill.fakeserver.script_words import (
    CLASSES,
    CLOSING,
    KNOWN,
    LONGEST_SILENCE,
    REPLYING,
    USUAL_CLASSES,
    Cut,
    Key,
)
from maildrill.fakeserver.template import FIELDS
from maildrill.smtp import ConfigurationError, Stage, did_you_mean, escape

if TYPE_CHECKING:
    from maildrill.fakeserver.pattern import Pattern
    from maildrill.fakeserver.script import Rule

CAPS_WORDS = 'a keyword with its parameters such as "SIZE 1000", or "-8BITMIME" to hide one'
CAPABILITY = re.compile(r"-[A-Z0-9][A-Z0-9-]*|[A-Z0-9][A-Z0-9-]*(?: [!-~]+)*", re.ASCII | re.IGNORECASE)
_SILENT = (Cut.REFUSE, Cut.BEFORE, Cut.RST)
_AT_CONNECT = (None, *_SILENT)
_NO_REPLY_OF_ITS_OWN = (Stage.TLS, Stage.BODY, Stage.IDLE)  # the server says nothing here unless the rule does


class RuleError(ConfigurationError):
    """A rule that cannot be performed; `key` is the word that is wrong, in the script's spelling."""

    def __init__(self, key: str, what: str, *, expected: str = "", hint: str = "") -> None:
        super().__init__(what, expected=expected, hint=hint)
        self.key = key


def check(rule: Rule) -> None:
    """Raise RuleError for the first reason why the rule cannot be performed."""
    for reason in _REASONS:
        reason(rule)


def known_at(rule: Rule) -> frozenset[Stage]:
    """Return the stages at which everything that the rule asks for may be known."""
    stages = frozenset(Stage)
    for word in _asked(rule):
        stages &= KNOWN.get(word, stages)
    return stages


def _asked(rule: Rule) -> Iterable[str]:
    return (*(word for word, patterns in _selectors(rule) if patterns), *rule.key)


def _selectors(rule: Rule) -> tuple[tuple[str, tuple[Pattern, ...]], ...]:
    return (("from", rule.reverse_path), ("rcpt", rule.rcpt), ("domain", rule.domain))


def _numbers_in_range(rule: Rule) -> None:
    if not rule.name or not rule.name.isprintable():
        raise RuleError(
            "name",
            f'a rule is called "{escape(rule.name)}"',
            expected="a name that can be shown",
            hint='leave "name" out to have the rule called by its line',
        )
    if rule.times is not None and rule.times < 1:
        raise RuleError("times", f"times is {rule.times}", expected="a whole number, 1 or more")
    if rule.chance is not None and not 0 <= rule.chance <= 1:
        raise RuleError("chance", f"chance is {rule.chance}", expected="a number from 0 to 1")


def _connect_says_nothing(rule: Rule) -> None:
    if rule.cut is Cut.REFUSE and rule.at != (Stage.CONNECT,):
        raise RuleError(
            "cut", 'a connection can be refused only at "connect"', hint='write at = "connect", or cut = "before"'
        )
    if Stage.CONNECT not in rule.at:
        return
    word = "replies" if rule.replies else "wait" if rule.wait else "cut" if rule.cut not in _AT_CONNECT else ""
    if word:
        raise RuleError(
            word,
            'at "connect" nothing can be said and nobody waits',
            expected=f"no reply, no wait, and a cut out of {_either(cut.value for cut in _SILENT)}",
            hint='to speak or to wait once the connection stands write at = "banner"',
        )


def _tls_says_nothing(rule: Rule) -> None:
    if Stage.TLS in rule.at and rule.replies:
        raise RuleError(
            "replies",
            'at "tls" there is a handshake, and nobody waits for a reply',
            hint='to refuse it write at = "starttls", to speak once it is done at = "ehlo"',
        )


def _idle_stands_alone(rule: Rule) -> None:
    if Stage.IDLE not in rule.at:
        return
    if rule.at != (Stage.IDLE,):
        raise RuleError("at", '"idle" stands among other stages', hint="write a rule of its own for idle")
    if rule.age is None or rule.age.least <= 0:
        raise RuleError(
            "at" if rule.age is None else "age",
            "an idle rule needs the time without a command after which it acts",
            expected='an age from below, such as age = ">=60s"',
        )
    if rule.age.least >= LONGEST_SILENCE:
        raise RuleError(
            "age",
            f"the server hangs up after {LONGEST_SILENCE:g} seconds of silence anyway",
            expected="an age below that",
        )


def _selectors_known(rule: Rule) -> None:
    for word in _asked(rule):
        if word == Key.MESSAGE:
            continue
        stages = KNOWN.get(word, frozenset(Stage))
        for stage in rule.at:
            if stage not in stages:
                raise RuleError(
                    "key" if word in rule.key else word,
                    f'"{word}" is not known at "{stage}"',
                    expected=f"one of the stages {_listed(stages)}",
                    hint='at "mail" only "from" is known' if stage is Stage.MAIL else "",
                )


def _message_only_at_dot(rule: Rule) -> None:
    if Key.MESSAGE in rule.key and rule.at != (Stage.DOT,):
        raise RuleError(
            "key",
            '"message" can be counted only at "dot": before it no one has seen the message',
            expected='at = "dot"',
            hint='to follow a message before the dot count by key = ["client", "from", "rcpt"]',
        )


def _cut_makes_sense(rule: Rule) -> None:
    if rule.cut is Cut.NEVER and not any(reply.code == CLOSING for reply in rule.replies):
        raise RuleError(
            "cut",
            'cut = "never" keeps a connection open after 421, and this rule has no such reply',
            hint="leave it out",
        )
    speechless = [stage for stage in _NO_REPLY_OF_ITS_OWN if stage in rule.at]
    if speechless and not rule.replies and rule.cut in (Cut.MID, Cut.AFTER):
        raise RuleError(
            "cut", f'there is no reply at "{speechless[0]}" to cut', hint='add a reply, or write cut = "before"'
        )


def _commit_only_at_dot(rule: Rule) -> None:
    if rule.commit is not None and rule.at != (Stage.DOT,):
        raise RuleError("commit", 'a message is taken, or not, only at "dot"', expected='at = "dot"')


def _caps_only_at_ehlo(rule: Rule) -> None:
    if not rule.caps:
        return
    if rule.at != (Stage.EHLO,):
        raise RuleError("caps", 'capabilities are said only at "ehlo"', expected='at = "ehlo"')
    if rule.replies:
        raise RuleError("caps", "caps change the server's own reply, and this rule has another", hint="leave one out")
    for change in rule.caps:
        if not CAPABILITY.fullmatch(change):
            raise RuleError(
                "caps",
                f'"{escape(change)}" is not a capability',
                expected=CAPS_WORDS,
            )


def _codes_possible(rule: Rule) -> None:
    stages = rule.at or tuple(stage for stage in Stage if stage in REPLYING & known_at(rule))
    for reply in rule.replies:
        for stage in stages:
            classes = CLASSES.get(stage, USUAL_CLASSES)
            if reply.code // 100 not in classes:
                raise RuleError(
                    "replies",
                    f'a server cannot say {reply.code} at "{stage}"',
                    expected=f"a code that begins with {_either(map(str, sorted(classes)))}",
                    hint="" if rule.at else 'name the stages that are meant instead of "*"',
                )


def _fields_known(rule: Rule) -> None:
    groups = {group for _, patterns in _selectors(rule) for pattern in patterns for group in pattern.groups}
    for group in sorted(groups & FIELDS.keys()):
        raise RuleError(
            next(word for word, some in _selectors(rule) if any(group in pattern.groups for pattern in some)),
            f'the named group "{group}" has the name of a field',
            expected=f"a name other than {' '.join(FIELDS)}",
        )
    known = (*FIELDS, *sorted(groups))
    for name in (name for reply in rule.replies for name in reply.fields):
        if name not in known:
            raise RuleError(
                "replies",
                f'unknown field "{{{escape(name)}}}" in a reply',
                expected="one of: " + " ".join(f"{{{field}}}" for field in known),
                hint=did_you_mean(name, known),
            )
        for stage in rule.at:
            if name in FIELDS and stage not in KNOWN.get(name, frozenset(Stage)):
                raise RuleError("replies", f'"{{{name}}}" is not known at "{stage}"', hint="leave the field out")


def _listed(stages: Iterable[Stage]) -> str:
    return " ".join(stage for stage in Stage if stage in stages)


def _either(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


_REASONS: tuple[Callable[[Rule], None], ...] = (
    _numbers_in_range,
    _connect_says_nothing,
    _tls_says_nothing,
    _idle_stands_alone,
    _message_only_at_dot,
    _selectors_known,
    _cut_makes_sense,
    _commit_only_at_dot,
    _caps_only_at_ehlo,
    _codes_possible,
    _fields_known,
)
