"""What makes a rule impossible: one function for each reason, in one table; those about its answer are answer_checks'.

Each takes a rule and raises RuleError with the key that is wrong, what was expected and what to do. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from maildrill.fakeserver.language.answer_checks import ANSWER_REASONS
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.rule_error import RuleError, either, listed
from maildrill.fakeserver.language.script_words import KNOWN, LONGEST_SILENCE, Cut, Key
from maildrill.fakeserver.language.span import compares
from maildrill.fakeserver.language.template import FIELDS, Template
from maildrill.smtp import Stage, did_you_mean, escape

if TYPE_CHECKING:
    from maildrill.fakeserver.language.script import Rule

_MESSAGE_ENDS = frozenset({Stage.DOT, Stage.BDAT})
_AT_CONNECT = (None, Cut.REFUSE, Cut.BEFORE, Cut.RST)
_FIELD_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 section 3.6.8
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)  # RFC 5321 section 4.1.2: esmtp-keyword
_HINTS = {
    (Stage.MAIL, "rcpt"): 'at "mail" only "from" is known',
    (Stage.MAIL, "domain"): 'at "mail" only "from" is known',
    (Stage.RCPT, "size"): 'the size that MAIL declared is param.SIZE = ">1MB"',
}


def check(rule: Rule) -> None:
    """Raise RuleError for the first reason why the rule cannot be performed."""
    for reason in _REASONS:
        reason(rule)


def known_at(rule: Rule) -> frozenset[Stage]:
    """Return the stages at which everything that the rule asks for may be known, and what it does be done."""
    stages = frozenset(Stage)
    for word in (*_asked(rule), *(() if rule.to is None else ("to",))):
        stages &= KNOWN.get(word, stages)
    return stages


def selecting(rule: Rule) -> Iterator[tuple[str, tuple[Pattern, ...]]]:
    """Go through the words that choose by patterns and are said: the word and its patterns."""
    for word, patterns in (
        ("from", rule.reverse_path),
        ("rcpt", rule.rcpt),
        ("domain", rule.domain),
        ("ehlo", rule.ehlo),
        ("client", rule.client),
        ("user", rule.user),
        ("command", rule.command),
        *(("header", patterns) for _, patterns in rule.header),
        ("subject", rule.subject),
        ("body", rule.body),
        ("tls", rule.tls if isinstance(rule.tls, tuple) else ()),
        *(("param", values) for _, values in rule.param),
    ):
        if patterns:
            yield word, tuple(pattern for pattern in patterns if isinstance(pattern, Pattern))


def _asked(rule: Rule) -> Iterator[str]:
    for word, _ in selecting(rule):
        yield word
    if rule.size is not None:
        yield "size"
    if rule.tls is not None:
        yield "tls"
    if rule.pipelined is not None:
        yield "pipelined"
    yield from rule.key


def _numbers_in_range(rule: Rule) -> None:
    if not rule.name or not rule.name.isprintable():
        raise RuleError(
            "name",
            f'a rule is called "{escape(rule.name)}"',
            expected="a name that can be shown",
            hint='leave "name" out to have the rule called by its line',
        )
    for word, number in (("times", rule.times), ("priority", rule.priority)):
        if number is not None and number < 1:
            raise RuleError(word, f"{word} is {number}", expected="a whole number, 1 or more")
    if rule.chance is not None and not 0 <= rule.chance <= 1:
        raise RuleError("chance", f"chance is {rule.chance}", expected="a number from 0 to 1")
    if rule.open is not None and not re.fullmatch(r"[<>=.\d\s]*", rule.open.text):
        raise RuleError(
            "open", f'open is "{escape(rule.open.text)}"', expected='a number of sessions such as "3" or ">2"'
        )


def _states_have_names(rule: Rule) -> None:
    for word, states in (("state", rule.state), ("set", () if rule.set is None else (rule.set,))):
        for state in states:
            if not state or not state.isprintable():
                raise RuleError(word, f'{word} is "{escape(state)}"', expected='a name of a state such as "down"')


def _names_possible(rule: Rule) -> None:
    for word, named in (("header", rule.header), ("param", rule.param)):
        if len({name for name, _ in named}) < len(named):
            raise RuleError(word, f"{word} has a name twice", hint="put all patterns into one list")
    for name, _ in rule.header:
        if not _FIELD_NAME.fullmatch(name):
            raise RuleError(
                "header", f'no header field is called "{escape(name)}"', expected="a name such as X-Campaign"
            )
    for name, values in rule.param:
        if not _PARAMETER_NAME.fullmatch(name):
            raise RuleError("param", f'no parameter is called "{escape(name)}"', expected="a name such as SIZE or BODY")
        for value in values:
            if compares(value.text) is isinstance(value, Pattern):  # a file could not say this
                raise RuleError(
                    "param", f'param.{name} is "{escape(value.text)}"', expected="a pattern, or a comparison"
                )


def _connect_says_nothing(rule: Rule) -> None:
    if rule.cut is Cut.REFUSE and rule.at != (Stage.CONNECT,):
        raise RuleError(
            "cut", 'a connection can be refused only at "connect"', hint='write at = "connect", or cut = "before"'
        )
    if Stage.CONNECT not in rule.at:
        return
    words = ("replies", "raw", "mangle", "drip", "tease", "wait")
    word = next((word for word in words if getattr(rule, word)), "" if rule.cut in _AT_CONNECT else "cut")
    if word:
        raise RuleError(
            word,
            'at "connect" nothing can be said and nobody waits',
            expected=f"no reply, no wait, and a cut out of {either(cut for cut in _AT_CONNECT if cut)}",
            hint='to speak or to wait once the connection stands write at = "banner"',
        )


def _tls_says_nothing(rule: Rule) -> None:
    if rule.handshake is not None and rule.at != (Stage.TLS,):
        raise RuleError(
            "handshake", 'a handshake goes wrong only at "tls"', expected='at = "tls"', hint="write a rule of its own"
        )
    if Stage.TLS not in rule.at:
        return
    word = next((word for word in ("replies", "raw", "mangle", "drip", "tease") if getattr(rule, word)), "")
    if word:
        raise RuleError(
            word,
            'at "tls" there is a handshake, and nobody waits for a reply',
            expected="a handshake, a wait, or a cut",
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


def _octets_only_at_body(rule: Rule) -> None:
    for word in ("after", "sip"):
        if getattr(rule, word) is not None and rule.at != (Stage.BODY,):
            raise RuleError(
                word, 'octets are counted only at "body"', expected='at = "body"', hint='to let time pass write "wait"'
            )
    if rule.sip is not None and rule.cut is not None and rule.cut is not Cut.NEVER:
        raise RuleError("sip", f'with cut = "{rule.cut}" nothing more is read', hint="leave one out")


def _message_only_at_its_end(rule: Rule) -> None:
    if Key.MESSAGE in rule.key and not (rule.at and _MESSAGE_ENDS.issuperset(rule.at)):
        raise RuleError(
            "key",
            '"message" can be counted only at "dot": before it no one has seen the message',
            expected='at = "dot"',
            hint='to follow a message before the dot count by key = ["client", "from", "rcpt"]',
        )


def _selectors_known(rule: Rule) -> None:
    for word in _asked(rule):
        stages = KNOWN.get(word, frozenset(Stage))
        for stage in rule.at:
            if stage not in stages:
                raise RuleError(
                    "key" if word in rule.key else word,
                    f'"{word}" is not known at "{stage}"',
                    expected=f"one of the stages {listed(stages)}",
                    hint=_HINTS.get((stage, word), ""),
                )


def _fields_known(rule: Rule) -> None:
    groups: dict[str, str] = {}
    for word, patterns in selecting(rule):
        for group in (group for pattern in patterns for group in pattern.groups):
            if group in FIELDS:
                raise RuleError(
                    word,
                    f'the named group "{group}" has the name of a field',
                    expected=f"a name other than {' '.join(FIELDS)}",
                )
            groups[group] = word
    for reply in rule.replies:
        _check_fields(rule, "replies", "a reply", reply.fields, (*FIELDS, *sorted(groups)))
        if reply.code is None and reply.fields[0] in FIELDS:
            raise RuleError(
                "replies", f'"{{{reply.fields[0]}}}" is no reply code', expected="a named group of a pattern"
            )
    for change in rule.caps:
        _check_fields(rule, "caps", "caps", Template(change).fields, (*FIELDS, *sorted(groups)))
    if rule.wait is not None:
        _check_fields(rule, "wait", "wait", rule.wait.fields, ("n", *sorted(groups)))


def _check_fields(rule: Rule, key: str, place: str, fields: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in fields:
        if name not in known:
            raise RuleError(
                key,
                f'unknown field "{{{escape(name)}}}" in {place}',
                expected="one of: " + " ".join(f"{{{field}}}" for field in known),
                hint=did_you_mean(name, known),
            )
        for stage in rule.at:
            if name in FIELDS and stage not in KNOWN.get(name, frozenset(Stage)):
                raise RuleError(key, f'"{{{name}}}" is not known at "{stage}"', hint="leave the field out")


_REASONS: tuple[Callable[[Rule], None], ...] = (
    _numbers_in_range,
    _states_have_names,
    _names_possible,
    _connect_says_nothing,
    _tls_says_nothing,
    _idle_stands_alone,
    _octets_only_at_body,
    _message_only_at_its_end,
    _selectors_known,
    *ANSWER_REASONS,
    _fields_known,
)
