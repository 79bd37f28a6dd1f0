"""Look a script over for what no real server would say or do, and for what can never happen.

Rule 1: nothing here is an error: what is impossible is refused when a rule is made; `lint = false` silences a rule.
Rule 2: each finding has a source and what to write instead. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from maildrill.fakeserver.authoring.finding import Finding, Lint
from maildrill.fakeserver.authoring.lint_order import never_met, never_reached, never_set
from maildrill.fakeserver.authoring.listed import LISTED, instead_of
from maildrill.fakeserver.language.script import Rule, Script
from maildrill.fakeserver.language.script_words import CLOSING, Cut
from maildrill.fakeserver.language.template import ReplyTemplate
from maildrill.smtp import EnhancedStatus, Reply, Stage
from maildrill.smtp.codes import CODES

__all__ = ["Finding", "Lint", "lint"]

#: No enhanced code stands here (RFC 2034 section 4).
_PLAIN = frozenset({Stage.BANNER, Stage.HELO, Stage.EHLO})
_RFC_2034 = "RFC 2034 section 4"


def lint(script: Script) -> tuple[Finding, ...]:
    """Return what is unusual in a script, rule by rule in its order; nothing where `[server] lint = false`."""
    if script.server.lint is False:
        return ()
    rules = script.played
    found = [finding for rule in rules if rule.lint is not False for finding in _of_rule(rule)]
    found += never_reached(rules)
    found += never_set(rules)
    found += never_met(script)
    return tuple(dict.fromkeys(found))


def _of_rule(rule: Rule) -> Iterator[Finding]:
    key = "reply" if "reply" in rule.place.keys else "replies"
    where = rule.place.of(key) or rule.name
    for template in rule.replies:
        if template.code is not None:
            yield from _of_code(rule, template.code, where)
            yield from _of_text(rule, template, where)
    if rule.cut is Cut.NEVER:
        yield Finding(
            Lint.STAYING_421,
            rule.place.of("cut") or rule.name,
            f"{CLOSING} says that the connection closes, and this one stays",
            "RFC 5321 section 3.8",
            'leave cut = "never" out, or say 451',
        )
    if rule.chance is not None and _nameless(rule):
        yield Finding(
            Lint.NAMELESS_DRAW,
            rule.place.of("chance"),
            "the draw depends on the line of the rule: whoever edits the lines above changes who is drawn",
            "",
            "give the rule a name",
        )


def _of_code(rule: Rule, code: int, where: str) -> Iterator[Finding]:
    """Hold a code against each stage that the rule names."""
    for stage in rule.at:
        if code in CODES and code not in LISTED[stage] and LISTED[stage]:
            codes = " ".join(map(str, instead_of(code, stage)))
            yield Finding(
                Lint.UNLISTED_CODE,
                where,
                f'{code} ({CODES[code].meaning}) is no reply to "{stage}"',
                "RFC 5321 section 4.3.2 and the extensions",
                f"say one of {codes}",
            )


def _of_text(rule: Rule, template: ReplyTemplate, where: str) -> Iterator[Finding]:
    reply = Reply.of(template.text)
    status = [EnhancedStatus.leading(line) for line in reply.lines]
    first = next((one for one in status if one is not None), None)
    if first is not None:
        yield from _of_status(rule, reply, first, where)
        if len(set(status)) > 1:
            yield Finding(
                Lint.MIXED_STATUS,
                where,
                "the lines of this reply have different enhanced codes",
                _RFC_2034,
                "leave it out behind \\n: it is repeated by itself",
            )
    text = reply.lines[0] if reply.lines else ""
    if text[:3].isascii() and text[:3].isdecimal() and text[3:4] in ("", " ", "-") and int(text[:3]) in CODES:
        yield Finding(
            Lint.CODE_TWICE,
            where,
            f"the text of {reply.code} begins with a code again: {text[:3]}",
            "",
            "leave one out",
        )
    if reply.code == 354 and len(reply.lines) > 1:
        yield Finding(
            Lint.LINES_OF_354,
            where,
            "354 in several lines: many clients take the first for all of it",
            "",
            "say it in one line",
        )


def _of_status(rule: Rule, reply: Reply, status: EnhancedStatus, where: str) -> Iterator[Finding]:
    if reply.klass == 3:
        yield Finding(
            Lint.STATUS_NOT_HERE, where, f"a reply 3yz has no enhanced code, as {status}", _RFC_2034, "leave it out"
        )
    elif status.klass != reply.klass:
        yield Finding(
            Lint.CONTRADICTING_STATUS,
            where,
            f"{reply.code} and {status} contradict each other",
            f"{_RFC_2034} and RFC 3463 section 2",
            f"say {reply.klass}.{status.subject}.{status.detail}, or a code that begins with {status.klass}",
        )
    here = [stage for stage in rule.at if stage in _PLAIN]
    if here and reply.klass == 2:  # many say one with a refusal
        yield Finding(
            Lint.STATUS_NOT_HERE,
            where,
            f'a welcome at "{here[0]}" has no enhanced code, as {status}',
            _RFC_2034,
            "leave it out",
        )


def _nameless(rule: Rule) -> bool:
    """Whether the rule is called by its line."""
    return bool(rule.place.header) and rule.place.header.endswith(rule.name)
