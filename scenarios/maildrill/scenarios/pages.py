"""The pages that are made from what the code holds: the table of invariants in docs/drill.md, and docs/catalogue.md."""

from __future__ import annotations

from collections.abc import Iterator

from maildrill.fakeserver.language.scenario import Outcome, Scenario
from maildrill.scenarios import catalogue
from maildrill.scenarios.oracles import INVARIANTS

_HEAD = """# The catalogue

Named scripts, each with a scenario: who is written to, what the server does, and what a correct sender makes of it.
`maildrill scripts` lists them, `maildrill scripts show NAME` prints one, `maildrill drill --script NAME` plays it, and
`maildrill drill --all` plays them all and says where the outcome is another one. What the words mean is told in
[the script language](script-language.md#what-it-is-for-and-what-comes-of-it-scenario).

This page is what `maildrill scripts --markdown` prints.
"""


def invariants() -> str:
    """Return the table of invariants in Markdown."""
    rows = [f"| {one.id} | {one.name} | {one.statement} | {one.source} |" for one in INVARIANTS]
    return "\n".join(["| | Invariant | What must hold | Source |", "|---|---|---|---|", *rows, ""])


def catalogue_page() -> str:
    """Return docs/catalogue.md: all bundled scripts by group."""
    return "\n".join([_HEAD, *(line for group in catalogue.GROUPS for line in _group(group))])


def _group(group: str) -> Iterator[str]:
    yield f"## {group.capitalize()}\n"
    yield f"{catalogue.GROUPS[group]}\n"
    for name in catalogue.names(group):
        scenario = catalogue.load_script(name).scenario
        yield f"### `{name}`\n"
        if scenario is not None:
            yield "\n".join(_scenario(scenario)) + "\n"


def _scenario(scenario: Scenario) -> Iterator[str]:
    yield f"{_plain(scenario.purpose)}\n"
    yield f"- Source: {'; '.join(map(_plain, scenario.source))}"
    if scenario.recipients:
        yield f"- Recipients: {', '.join(f'`{one}`' for one in scenario.recipients)}"
    for outcome in scenario.outcomes:
        yield f"- {outcome_in_words(outcome)}"


def outcome_in_words(one: Outcome) -> str:
    """Return an outcome as a sentence of Markdown."""
    patterns = [f"`{pattern.text}`" for pattern in (*one.rcpt, *one.domain)]
    said = [f"**{one.state}**"] if one.state else []
    said += [f"{count.text} {end}" for end, count in one.counts]
    said += [_attempts(one.attempts.text)] if one.attempts else []
    said += [f"`{one.within.text}` after the beginning"] if one.within else []
    said += ["ruled by " + ", ".join(f"`{row}`" for row in one.row)] if one.row else []
    return f"{', '.join(patterns) or 'Everybody'}: {', '.join(said)}"


def _attempts(text: str) -> str:
    return f"{text} attempt" if text == "1" else f"{text} attempts"


def _plain(text: str) -> str:
    """Return a text in which Markdown finds nothing of its own."""
    return "".join(f"\\{mark}" if mark in r"\`*_[]<>" else mark for mark in text)
