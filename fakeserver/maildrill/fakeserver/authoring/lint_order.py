"""What can never happen in a script: rules that nobody gets to, states that nobody sets, expectations that cannot hold.

Rule: only what is certain is told; a rule with any condition may answer or not, and proves nothing. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from maildrill.fakeserver.authoring.finding import Finding, Lint
from maildrill.fakeserver.engine.conditions import conditions
from maildrill.fakeserver.language.count import Count
from maildrill.fakeserver.language.expectation import Expectation
from maildrill.fakeserver.language.pattern import Pattern, select
from maildrill.fakeserver.language.script import Rule, Script
from maildrill.fakeserver.language.script_words import FIRST_STATE, Cut, Key
from maildrill.smtp import Stage, did_you_mean, domain_of, escape

#: The words that say who and what.
_WHO = (
    *("reverse_path", "rcpt", "domain", "ehlo", "client", "user", "command", "pipelined"),
    *("header", "subject", "body", "size", "tls", "param"),
)
#: Of these one value is held against patterns.
_PLAIN_WORDS = frozenset({"reverse_path", "rcpt", "domain", "ehlo", "client", "user", "command"})
_TRANSACTION = frozenset({Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT, Stage.BDAT})
#: Where nobody gets who is always stopped at all of these stages (RFC 5321 sections 3.1 and 4.1.4).
_BEHIND: tuple[tuple[tuple[Stage, ...], frozenset[Stage]], ...] = (
    ((Stage.CONNECT,), frozenset(Stage) - {Stage.CONNECT}),
    ((Stage.BANNER,), frozenset(Stage) - {Stage.CONNECT, Stage.TLS, Stage.BANNER, Stage.QUIT, Stage.IDLE}),
    ((Stage.EHLO, Stage.HELO), _TRANSACTION | {Stage.MAIL}),
    ((Stage.MAIL,), _TRANSACTION),
)
_SILENT = (Cut.BEFORE, Cut.RST, Cut.REFUSE)
_ENDING = (*_SILENT, Cut.AFTER, Cut.MID)
_COUNTS = ("committed", "acknowledged", "attempts", "messages", "recipients", "sessions", "open", "count")


def never_reached(rules: Sequence[Rule]) -> Iterator[Finding]:
    """Tell of rules that can never fire: an earlier one always answers, or nobody ever gets to their stage."""
    asked = sorted(rules, key=lambda rule: rule.rank)
    for number, rule in enumerate(asked):
        if rule.lint is False:
            continue
        first = _covering(rule, [earlier for earlier in asked[:number] if _shadows(earlier, rule)])
        stop = None if first is not None else _stopping(rule, asked)
        if first is not None:
            yield Finding(
                Lint.SHADOWED,
                rule.place.header or rule.name,
                f"{_called(rule)} never fires: {_called(first)} always answers before it",
                "",
                "put it before that one, give that one a condition, or leave one out",
            )
        elif stop is not None:
            yield Finding(
                Lint.UNREACHABLE,
                rule.place.header or rule.name,
                f"{_called(rule)} never fires: {_called(stop)} lets nobody get there",
                "RFC 5321 sections 3.1 and 4.1.4",
                "give that one a condition, or leave one out",
            )


def never_set(rules: Sequence[Rule]) -> Iterator[Finding]:
    """Tell of states that a rule waits for and none sets: of rules with the same key, in whatever order it names."""
    known: dict[frozenset[Key], set[str]] = {}
    for rule in rules:
        if rule.set is not None:
            known.setdefault(frozenset(rule.key), {FIRST_STATE}).add(rule.set)
    for rule in rules:
        here = known.get(frozenset(rule.key), {FIRST_STATE})
        for state in rule.state if rule.lint is not False else ():
            if state not in here:
                elsewhere = any(state in states for states in known.values())
                yield Finding(
                    Lint.UNSET_STATE,
                    rule.place.of("state") or rule.name,
                    f'no rule sets the state "{escape(state)}"' + (" with the key of this one" if elsewhere else ""),
                    "",
                    did_you_mean(state, sorted(here)) or f'write set = "{escape(state)}" in a rule with the same key',
                )


def never_met(script: Script) -> Iterator[Finding]:
    """Tell of expectations that cannot hold with this script, or that hold whatever happens."""
    asked = sorted(script.played, key=lambda rule: rule.rank)
    for one in script.expectations:
        where = one.place.header or one.name
        why = next(_unmeetable(one, asked), "")
        if why:
            yield Finding(
                Lint.UNMEETABLE, where, f"this cannot hold: {why}", "", "change the rule, or what is expected"
            )
        elif _idle(one):
            yield Finding(Lint.UNTESTED, where, "this holds whatever happens", "", 'expect "1-" at least')


def _shadows(earlier: Rule, rule: Rule) -> bool:
    """Whether wherever this rule could fire the earlier one does."""
    return _always(earlier) and (not earlier.key or earlier.key == rule.key) and _wider(earlier, rule)


def _always(rule: Rule) -> bool:
    """Whether a rule answers each event that is its business."""
    return not (conditions(rule) or rule.passes or rule.lot or rule.after)


def _wider(earlier: Rule, rule: Rule) -> bool:
    """Whether whomever a rule is about the earlier one is about too."""
    return all(_fits(earlier, rule, word) for word in _WHO if getattr(earlier, word) not in (None, ()))


def _fits(earlier: Rule, rule: Rule, word: str) -> bool:
    wanted, said = getattr(earlier, word), getattr(rule, word)
    if wanted == said:
        return True
    if word not in _PLAIN_WORDS:
        return False
    names = _plain(said)
    if not names and word == "domain":
        names = [domain_of(address) for address in _plain(rule.rcpt)]
    return bool(names) and all(select(wanted, name) is not None for name in names)


def _plain(patterns: Sequence[Pattern]) -> list[str]:
    """Return the names that these patterns are; nothing where any of them is more than a name."""
    texts = [pattern.text for pattern in patterns]
    return [] if any(text.startswith(("!", "~")) or set(text) & set("*?") for text in texts) else texts


def _covering(rule: Rule, others: Sequence[Rule]) -> Rule | None:
    """Return the first of the rules that together answer at each stage of this one."""
    if any(all(stage not in other.stages for other in others) for stage in rule.stages):
        return None
    return next((other for other in others if other.stages & rule.stages), None)


def _stopping(rule: Rule, asked: Sequence[Rule]) -> Rule | None:
    """Return a rule because of which nobody gets to any stage of this one."""
    for stages, behind in _BEHIND:
        if rule.stages <= behind:
            stops = [_stop(stage, asked) for stage in stages]
            if None not in stops:
                return stops[0]
    return None


def _stop(stage: Stage, asked: Sequence[Rule]) -> Rule | None:
    """Return the rule that stops everybody at a stage; None where anybody may get on."""
    first = next((rule for rule in asked if stage in rule.stages), None)
    if first is None or not _always(first) or first.key or any(getattr(first, word) not in (None, ()) for word in _WHO):
        return None
    return first if _refuses(first) or first.cut in _ENDING else None


def _refuses(rule: Rule) -> bool:
    """Whether whatever the rule says is no."""
    return bool(rule.replies) and all(reply.code is not None and reply.code >= 400 for reply in rule.replies)


def _unmeetable(one: Expectation, asked: Sequence[Rule]) -> Iterator[str]:
    """Give reasons why an expectation cannot hold, as far as the script alone says it."""
    named = one.rule and one.count is not None and one.count.least > 0
    if named and not any(select(one.rule, rule.name) is not None for rule in asked):
        names = " or ".join(f'"{escape(pattern.text)}"' for pattern in one.rule)
        yield f"no rule is called {names}"
    for word in ("committed", "acknowledged"):
        count = getattr(one, word)
        if count is not None and one.attempts is not None and one.attempts.most < count.least:
            yield f"each message that is {word} takes an attempt"
    if one.gap is not None and one.attempts is not None and one.attempts.most < 2:
        yield "a gap is between two attempts"
    if one.committed is not None and one.committed.least > 0:
        refusing = _taking_none(one, asked)
        if refusing is not None:
            yield f"{_called(refusing)} never lets such a message be taken"


def _taking_none(one: Expectation, asked: Sequence[Rule]) -> Rule | None:
    """Return a rule because of which no message for these recipients is ever taken."""
    who = Rule(name="who", rcpt=one.rcpt, domain=one.domain, reverse_path=one.reverse_path, client=one.client)
    for stage in (Stage.RCPT, Stage.DOT):
        first = next((rule for rule in asked if stage in rule.stages), None)
        if first is None or not _shadows(first, who):
            continue
        if _refuses(first) or first.cut in (*_SILENT, Cut.MID) if stage is Stage.RCPT else _drops(first, asked):
            return first
    return None


def _drops(rule: Rule, asked: Sequence[Rule]) -> bool:
    """Whether a rule at the dot takes no message, and nothing takes it elsewhere."""
    if any(Stage.BDAT in other.stages for other in asked):
        return False
    return not rule.commit if rule.commit is not None else _refuses(rule) or rule.cut in _SILENT


def _idle(one: Expectation) -> bool:
    """Whether any number would do, and nothing else is expected."""
    counts: list[Count] = [getattr(one, word) for word in one.said(_COUNTS)]
    return not one.said(("gap", "age", "rate")) and all(not count.least and count.most == math.inf for count in counts)


def _called(rule: Rule) -> str:
    return f'"{escape(rule.name)}"'
