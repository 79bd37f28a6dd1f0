"""The `[scenario]` table, read and written. Every error names file and line. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from maildrill.fakeserver.language.expectation import Expectation
from maildrill.fakeserver.language.octets import Size
from maildrill.fakeserver.language.scenario import ENDS, Outcome, Scenario
from maildrill.fakeserver.language.script import RuleError
from maildrill.fakeserver.language.span import AGE_WORDS, Age
from maildrill.fakeserver.language.toml_text import bare_or_quoted, dotted, lines, one_or_list, quoted
from maildrill.fakeserver.text.expect_file import count_under, expectation_to_toml, patterns_under, read_expectation
from maildrill.fakeserver.text.readers import one_of, some
from maildrill.smtp.document import Table
from maildrill.smtp.quantity import SIZE_WORDS

_SOURCE_WORDS = "an RFC's section, a page with its place, or an incident"
_RECIPIENTS_WORDS = 'addresses such as "ann@example.com" or "guest{1..30}@full.example"'
_ROW_WORDS = 'a row of docs/dispositions.md, such as "rcpt-4yz"'


def read_scenario(table: Table, file: str) -> Scenario:
    """Return what a `[scenario]` table says; `file` is the script's, for names. Raises ConfigurationError."""
    expectations = tuple(map(partial(_named, file=file), table.tables("expect")))
    outcomes = tuple(_outcome(one, f"{file}:{one.line}") for one in table.tables("outcome"))
    campaign, dns, hosts, network = (table.table(word).said() for word in ("campaign", "dns", "hosts", "network"))
    recipients = some(table, "recipients", _RECIPIENTS_WORDS) if table.has("recipients") else ()
    size = one_of("size", Size, SIZE_WORDS)(table)
    events = tuple(one.said() for one in table.tables("event"))
    listed = table.text("list", "")
    seed = table.number("seed") if table.has("seed") else None
    purpose, source = table.text("purpose"), some(table, "source", _SOURCE_WORDS)
    table.finish()
    try:
        return Scenario(
            purpose=purpose,
            source=source,
            recipients=recipients,
            listed=listed,
            size=size,
            campaign=campaign,
            dns=dns,
            hosts=hosts,
            network=network,
            seed=seed,
            events=events,
            expectations=expectations,
            outcomes=outcomes,
            place=table.place,
        )
    except RuleError as error:
        table.fail(error.key, error.what, expected=error.expected, hint=error.hint)


def scenario_to_toml(one: Scenario) -> str:
    """Return the `[scenario]` table with all that belongs to it, which read_scenario reads back."""
    return "\n".join(_blocks(one))


def _blocks(one: Scenario) -> Iterator[str]:
    tables = {"campaign": one.campaign, "dns": one.dns, "hosts": one.hosts, "network": one.network}
    words = (
        ("purpose", quoted(one.purpose)),
        ("source", one_or_list(one.source)),
        ("recipients", one_or_list(one.recipients)),
        ("list", quoted(one.listed) if one.listed else None),
        ("size", None if one.size is None else quoted(one.size.text)),
        ("seed", None if one.seed is None else str(one.seed)),
        *(pair for word, said in tables.items() if said for pair in dotted(word, said)),
    )
    yield "[scenario]\n" + lines(words)
    for event in one.events:
        yield "[[scenario.event]]\n" + lines(
            pair for key, value in event.items() for pair in dotted(bare_or_quoted(key), value)
        )
    for expectation in one.expectations:
        yield expectation_to_toml(expectation, "scenario.expect")
    for outcome in one.outcomes:
        yield _outcome_to_toml(outcome)


def _named(table: Table, *, file: str) -> Expectation:
    return read_expectation(table, f"{file}:{table.line}")


def _outcome(table: Table, name: str) -> Outcome:
    """Return what an `[[scenario.outcome]]` table says."""
    counts = {end: count_under(end)(table) for end in ENDS}
    values = {
        "rcpt": patterns_under("rcpt")(table),
        "domain": patterns_under("domain")(table),
        "state": table.choice("state", ENDS) if table.has("state") else None,
        "attempts": count_under("attempts")(table),
        "row": some(table, "row", _ROW_WORDS) if table.has("row") else (),
        "within": one_of("within", Age, AGE_WORDS)(table),
        "counts": tuple((end, count) for end, count in counts.items() if count is not None),
    }
    name = table.text("name", name)
    table.finish()
    try:
        return Outcome(name=name, place=table.place, **values)  # type: ignore[arg-type]  # readers know their fields
    except RuleError as error:
        table.fail(error.key or None, error.what, expected=error.expected, hint=error.hint)


def _outcome_to_toml(one: Outcome) -> str:
    words = (
        ("name", quoted(one.name)),
        ("rcpt", one_or_list(pattern.text for pattern in one.rcpt)),
        ("domain", one_or_list(pattern.text for pattern in one.domain)),
        ("state", None if one.state is None else quoted(one.state)),
        ("attempts", None if one.attempts is None else quoted(one.attempts.text)),
        ("row", one_or_list(one.row)),
        ("within", None if one.within is None else quoted(one.within.text)),
        *((end, quoted(count.text)) for end, count in one.counts),
    )
    return "[[scenario.outcome]]\n" + lines(words)
