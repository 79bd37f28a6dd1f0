"""What makes a rule's answer impossible: what cannot be said, or not there, or not together.

Each reason takes a rule and raises RuleError with the key that is wrong, what was expected and what to do. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from maildrill.fakeserver.language.rule_error import RuleError, either, listed
from maildrill.fakeserver.language.script_words import CLASSES, CLOSING, KNOWN, USUAL_CLASSES, Cut, Then
from maildrill.fakeserver.language.template import Template
from maildrill.smtp import Stage, escape
from maildrill.smtp.codes import CODES

if TYPE_CHECKING:
    from maildrill.fakeserver.language.script import Rule

CAPS_WORDS = 'a keyword with its parameters such as "SIZE 1000", or "-8BITMIME" to hide one'
CAPABILITY = re.compile(r"-[A-Z0-9][A-Z0-9-]*|[A-Z0-9][A-Z0-9-]*(?: [!-~]+)*", re.ASCII | re.IGNORECASE)
_SILENT = (Cut.REFUSE, Cut.BEFORE, Cut.RST)
_NO_REPLY_OF_ITS_OWN = (Stage.TLS, Stage.BODY, Stage.IDLE)  # the server says nothing here unless the rule does
_HAND_ON_WHOLE = 'write at = "dot": DATA and chunks are taken here, and the whole is handed on'
_MESSAGE_ENDS = frozenset({Stage.DOT, Stage.BDAT})


def unlawful(code: int, stage: Stage) -> tuple[str, str]:
    """Return why no server that keeps to the RFCs says `code` at `stage`, and what was expected; empty if it may."""
    classes = CLASSES.get(stage, USUAL_CLASSES)
    if code // 100 not in classes:
        expected = f"a code that begins with {either(map(str, sorted(classes)))}" if classes else "no reply"
        return f'a server cannot say {code} at "{stage}"', expected
    if code not in CODES:
        near = (str(known) for known in CODES if known // 100 == code // 100)
        return f"no RFC has a reply code {code}", f"one of: {' '.join(near)}"
    return "", ""


def _codes_possible(rule: Rule) -> None:
    if rule.lint is False:
        return
    for code in (reply.code for reply in rule.replies):
        if code is None:
            continue
        for stage in (stage for stage in Stage if stage in rule.stages):
            what, expected = unlawful(code, stage)
            if what:
                hint = "" if rule.at or code not in CODES else 'name the stages that are meant instead of "*"'
                raise RuleError(
                    "replies", what, expected=expected, hint=hint or "to say it all the same write lint = false"
                )


def _one_answer(rule: Rule) -> None:
    if rule.raw is not None and rule.replies:
        raise RuleError("raw", "raw octets stand in place of a reply, and this rule has both", hint="leave one out")
    if rule.handshake is not None and rule.cut is not None:
        raise RuleError("cut", "either the handshake goes wrong or the connection is cut", hint="leave one out")


def _then_has_replies(rule: Rule) -> None:
    if rule.then is None or rule.replies:
        return
    if rule.then is Then.CYCLE:
        raise RuleError("then", "then says what comes after the last of the replies, and this rule has none")
    for word, what in (
        ("raw", "raw octets"),
        ("handshake", "a handshake"),
        ("cut", "a cut"),
        ("to", "a server to hand on to"),
    ):
        if getattr(rule, word) is not None:
            raise RuleError(
                "then",
                f'then = "pass" leaves the answer to the next rules, and this rule has {what}',
                hint='leave one out; for the first time only write "times"',
            )


def _cut_makes_sense(rule: Rule) -> None:
    if rule.cut is Cut.NEVER and not any(reply.code in (CLOSING, None) for reply in rule.replies):
        raise RuleError(
            "cut",
            'cut = "never" keeps a connection open after 421, and this rule has no such reply',
            hint="leave it out",
        )
    speechless = _speechless(rule)
    if speechless and rule.cut in (Cut.MID, Cut.AFTER):
        raise RuleError(
            "cut", f'there is no reply at "{speechless}" to cut', hint='add a reply, or write cut = "before"'
        )


def _manner_has_a_reply(rule: Rule) -> None:
    for word in ("mangle", "drip", "tease"):
        if getattr(rule, word) is None:
            continue
        if rule.cut in _SILENT:
            raise RuleError(word, f'with cut = "{rule.cut}" nothing is said', hint="leave one out")
        speechless = _speechless(rule)
        if speechless:
            raise RuleError(word, f'there is no reply at "{speechless}" to {word}', hint="add a reply")
        if rule.raw is not None and word != "drip":
            raise RuleError(word, f"there is no reply to {word}: raw octets are said as they are", hint="leave one out")


def _speechless(rule: Rule) -> str:
    """Return a stage at which neither this rule nor the server has anything to say, or an empty string."""
    if rule.replies or rule.raw is not None:
        return ""
    return next((stage for stage in _NO_REPLY_OF_ITS_OWN if stage in rule.at), "")


def _commit_only_at_its_end(rule: Rule) -> None:
    if rule.commit is not None and not (rule.at and _MESSAGE_ENDS.issuperset(rule.at)):
        raise RuleError("commit", 'a message is taken, or not, only at "dot"', expected='at = "dot", or "bdat"')


def _caps_only_at_ehlo(rule: Rule) -> None:
    if not rule.caps:
        return
    if rule.at != (Stage.EHLO,):
        raise RuleError("caps", 'capabilities are said only at "ehlo"', expected='at = "ehlo"')
    if rule.replies or rule.raw is not None:
        raise RuleError("caps", "caps change the server's own reply, and this rule has another", hint="leave one out")
    for change in rule.caps:
        try:
            template = Template(change)
        except ValueError as error:
            raise RuleError("caps", f'"{escape(change)}" is not a capability: {error}', expected=CAPS_WORDS) from None
        if not CAPABILITY.fullmatch(template.fill(dict.fromkeys(template.fields, "1"))):
            raise RuleError("caps", f'"{escape(change)}" is not a capability', expected=CAPS_WORDS)


def _handed_on_whole(rule: Rule) -> None:
    if rule.to is None:
        return
    strange = next((stage for stage in rule.at if stage not in KNOWN["to"]), None)
    if strange is not None:
        raise RuleError(
            "to",
            f'nothing is handed on at "{strange}"',
            expected=f"one of the stages {listed(KNOWN['to'])}",
            hint=_HAND_ON_WHOLE if strange in (Stage.DATA, Stage.BODY, Stage.BDAT) else "",
        )
    if rule.commit is not None:
        raise RuleError(
            "commit",
            "whether the message is taken the server says to which it is handed on",
            expected='no "commit" beside "to"',
            hint="leave one out",
        )


ANSWER_REASONS: tuple[Callable[[Rule], None], ...] = (
    _one_answer,
    _then_has_replies,
    _cut_makes_sense,
    _manner_has_a_reply,
    _commit_only_at_its_end,
    _caps_only_at_ehlo,
    _handed_on_whole,
    _codes_possible,
)
