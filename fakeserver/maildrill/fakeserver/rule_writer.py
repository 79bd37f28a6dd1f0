"""Rules as TOML tables, written: the words that a rule says, in the order of the language.

Each rule is written with its name: draws depend on it, and a failure must be replayed as it was. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from maildrill.fakeserver.script import Rule
from maildrill.fakeserver.toml_text import lines, one_or_list, quoted


def rule_to_toml(rule: Rule) -> str:
    """Return a `[[rule]]` table, which read_rule reads back to the same rule."""
    return "[[rule]]\n" + rule_lines(rule)


def rule_lines(rule: Rule) -> str:
    """Return a line for each word of a rule."""
    return lines(_words(rule))


def said(rule: Rule, word: str) -> str:
    """Return how a rule says one word: `age = "<5m"`."""
    return rule.lot.text if rule.lot and word == "lot" else f"{word} = {dict(_words(rule))[word]}"


def _words(rule: Rule) -> Iterator[tuple[str, str | None]]:
    yield "name", quoted(rule.name)
    yield "at", one_or_list(rule.at) or quoted("*")
    yield "from", one_or_list(pattern.text for pattern in rule.reverse_path)
    yield "rcpt", one_or_list(pattern.text for pattern in rule.rcpt)
    yield "domain", one_or_list(pattern.text for pattern in rule.domain)
    yield "key", one_or_list(rule.key)
    yield "attempt", one_or_list(span.text for span in rule.attempt)
    yield "times", None if rule.times is None else str(rule.times)
    yield "age", quoted(rule.age.text) if rule.age else None
    yield "over", quoted(rule.over.text) if rule.over else None
    yield "during", one_or_list(part.text for part in rule.during)
    yield "chance", None if rule.chance is None else repr(rule.chance)
    yield "wait", quoted(rule.wait.text) if rule.wait else None
    replies = [reply.text for reply in rule.replies]
    yield ("reply" if len(replies) == 1 else "replies"), one_or_list(replies)
    yield "cut", rule.cut and quoted(rule.cut)
    yield "commit", None if rule.commit is None else str(rule.commit).lower()
    yield "caps", one_or_list(rule.caps)
