"""Read the overrides of a campaign file: `[[override]]`, and the rules of classification that their words are from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from maildrill.sender.classification import Classifier, bundled, read_rules
from maildrill.sender.classification.rule_file import codes, statuses, texts
from maildrill.sender.override import STAGES, Override, Overrides, Then
from maildrill.smtp import Stage, did_you_mean, escape
from maildrill.smtp.document import Table
from maildrill.smtp.quantity import format_duration

#: Who is asked again every few seconds takes us for an attacker.
LEAST = 60.0
_CONDITIONS = ("category", "code", "status", "text", "at", "match")


def read_overrides(document: Table, rules: Path | None) -> Overrides:
    """Return the overrides; rules: the user's own file of rules. Raises ConfigurationError with file and line."""
    tables = document.tables("override")
    if not tables and rules is None:
        return Overrides()
    classifier = bundled() if rules is None else read_rules(rules)
    return Overrides(tuple(_override(table, classifier) for table in tables), rules, classifier)


def _override(table: Table, classifier: Classifier) -> Override:
    override = Override(
        then=Then(table.choice("then", [*Then])),
        line=table.line,
        category=_categories(table, classifier),
        code=_refusals(table),
        status=statuses(table),
        text=texts(table),
        at=_stages(table),
        match=_patterns(table),
        after=_after(table),
    )
    if not any(table.has(key) for key in _CONDITIONS):
        table.fail(None, "the override asks nothing: it would change every refusal", expected=_one_of(_CONDITIONS))
    table.finish()
    return override


def _categories(table: Table, classifier: Classifier) -> tuple[str, ...]:
    found = table.texts("category", ())
    for one in found:
        if one not in classifier.categories:
            hint = did_you_mean(one, classifier.categories) or "a new one is declared in the file of [campaign] rules"
            table.fail(
                "category", f'override.category is "{escape(one)}"', expected=_one_of(classifier.categories), hint=hint
            )
    return found


def _refusals(table: Table) -> tuple[str, ...]:
    """Codes: what is no refusal can be nothing else, whatever anybody wants."""
    found = codes(table)
    for one in found:
        if one[0] not in "45":
            table.fail(
                "code",
                f'override.code is "{escape(one)}"',
                expected='codes that refuse, such as "450" or "55*"',
                hint="what a server has accepted is delivered, and a doubt stays a doubt",
            )
    return found


def _stages(table: Table) -> tuple[Stage, ...]:
    found, known = table.texts("at", ()), [stage.value for stage in STAGES]
    for one in found:
        if one not in known:
            hint = did_you_mean(one, known) or "what is said before MAIL is about the host or our account"
            table.fail("at", f'override.at is "{escape(one)}"', expected=_one_of(known), hint=hint)
    return tuple(Stage(one) for one in found)


def _patterns(table: Table) -> tuple[str, ...]:
    found = table.texts("match", ())
    if not all(found) or (table.has("match") and not found):
        table.fail("match", "override.match is empty", expected='patterns of domains, hosts or accounts: "*.example"')
    return found


def _after(table: Table) -> float | None:
    if not table.has("after"):
        return None
    seconds = table.duration("after")
    if table.raw("then") != Then.RETRY:
        table.fail("after", "override.after without a retry", expected=f'then = "{Then.RETRY}" beside it')
    if seconds < LEAST:
        table.fail(
            "after", f"override.after is {format_duration(seconds)}", expected=f"{format_duration(LEAST)} or more"
        )
    return seconds


def _one_of(words: Iterable[str]) -> str:
    return "one of: " + " ".join(words)
