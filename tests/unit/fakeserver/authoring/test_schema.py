"""The JSON Schema: what scripts are held to in editors, and whether it says what the readers do."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from maildrill.fakeserver.authoring.schema import rule_schema, script_schema
from maildrill.fakeserver.authoring.schema_kinds import Word
from maildrill.fakeserver.authoring.schema_words import (
    EXPECT,
    INJECT,
    ITEM,
    LIMITS,
    ON_COMMIT,
    OUTCOME,
    PROFILE,
    RULE,
    SCENARIO,
    SERVER,
    TOP,
)
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import catalogue
from maildrill.smtp import ConfigurationError

TREE = Path(__file__).parents[4]
PAGE = (TREE / "docs" / "script-language.md").read_text("utf-8")
SCRIPTS = re.findall(r"^```toml[^\n]*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MISTAKES = [
    case.partition("----\n")[0]
    for file in ("script_errors.txt", "server_errors.txt", "file_errors.txt")
    for case in (Path(__file__).parents[1] / "text" / file).read_text("utf-8").split("====\n")
    if "not TOML" not in case
]
SCHEMA = Draft202012Validator(script_schema())
ONE_RULE = Draft202012Validator(rule_schema())


def faults(text: str) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(tomllib.loads(text))]


def test_the_file_that_is_shipped_is_this_schema() -> None:
    """`maildrill schema > docs/script.schema.json` after each change."""
    shipped = (TREE / "docs" / "script.schema.json").read_text("utf-8")

    assert json.loads(shipped) == script_schema()
    assert shipped == json.dumps(script_schema(), ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("schema", [script_schema(), rule_schema()], ids=["script", "rule"])
def test_a_schema_is_one(schema: dict[str, Any]) -> None:
    """By the rules of its dialect."""
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", TOP),
        ("[server]", SERVER),
        ("[server.limits]", LIMITS),
        ('[[rule]]\nat = "rcpt"', RULE),
        ("[[profile]]\nmix = [{ weight = 1 }]", PROFILE),
        ('[[profile]]\nmix = [{ weight = 1, at = "rcpt", NOTHING = 1 }]', ITEM),
        ("[[expect]]", EXPECT),
        ('[scenario]\npurpose = "p"\nsource = "s"', SCENARIO),
        ('[scenario]\npurpose = "p"\nsource = "s"\n[[scenario.outcome]]', OUTCOME),
        ('[[inject]]\non_commit = {}\nkind = "dsn"', INJECT),
        ('[[inject]]\non_commit = { NOTHING = 1 }\nkind = "dsn"', ON_COMMIT),
    ],
)
def test_the_schema_has_the_words_that_are_read(table: str, words: tuple[Word, ...]) -> None:
    """All of them, and no other: a word that nobody knows is refused with the list of those that are."""
    with pytest.raises(ConfigurationError) as caught:
        read_script(table if "NOTHING" in table else f"{table}\nNOTHING = 1", "s")

    assert caught.value.what.startswith('unknown key "NOTHING"')
    assert sorted(caught.value.expected.removeprefix("one of: ").split()) == sorted(word.name for word in words)


def rows(heading: str) -> Iterator[tuple[list[str], str]]:
    """Return the rows of the table below a heading of the page: the words, and their meaning."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) > 2 and "`" in "".join(cells[:2]):
            words = cells[-3] if len(cells) > 3 else cells[0]
            yield [word.removesuffix(".NAME") for word in re.findall(r"`([^`]+)`", words)], cells[-1]


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Words", RULE),
        ("So many of a hundred: `profile`", PROFILE),
        ("What should come of it: `expect`", EXPECT[5:]),
        ("What comes later: `inject`", INJECT),
        ("What it is for, and what comes of it: `scenario`", (*SCENARIO, *OUTCOME)),
        ("The server: `hostname`, `seed`, `unmatched`", SERVER),
    ],
)
def test_the_page_says_the_same(heading: str, words: tuple[Word, ...]) -> None:
    """What an editor shows is what docs/script-language.md says."""
    page = {word: meaning for names, meaning in rows(heading) for word in names}

    assert {word.name: page.get(word.name) for word in words} == {word.name: word.meaning for word in words}


@pytest.mark.parametrize(
    "word", [*RULE, *PROFILE, *EXPECT, *INJECT, *ON_COMMIT, *LIMITS, *SCENARIO, *OUTCOME, *SERVER, *TOP], ids=str
)
def test_every_word_has_a_meaning_and_examples_that_fit(word: Word) -> None:
    """An example that is refused would be none."""
    validator = Draft202012Validator({**word.schema, "$defs": script_schema()["$defs"]})

    assert word.meaning
    assert all(validator.is_valid(example) for example in word.examples)  # pyright: ignore[reportArgumentType] - JSON


@pytest.mark.parametrize("name", catalogue.shelf())
def test_what_comes_with_maildrill_conforms(name: str) -> None:
    """Scripts and packs."""
    assert faults(catalogue.text_of(name)) == []


@pytest.mark.parametrize("text", SCRIPTS)
def test_the_examples_of_the_page_conform(text: str) -> None:
    """And each of their rules is one by itself, as the control plane takes it."""
    assert faults(text) == []
    assert all(ONE_RULE.is_valid(rule) for rule in tomllib.loads(text).get("rule", []))


def test_many_mistakes_are_caught() -> None:
    """Of all that the readers refuse more than half; the rest takes more than a look at one table."""
    documents = list(map(tomllib.loads, MISTAKES))
    caught = [document for document in documents if not SCHEMA.is_valid(document)]

    assert len(documents) > 200
    assert len(caught) > len(documents) // 2


@pytest.mark.parametrize(
    "text",
    [
        '[[rules]]\nat = "rcpt"',
        '[[rule]]\nreply = "450 4.2.1 no"',
        '[[rule]]\nat = "greeting"',
        '[[rule]]\nat = "rcpt"\nrepyl = "450"',
        '[[rule]]\nat = "rcpt"\nreply = 450',
        '[[rule]]\nat = "rcpt"\nreply = "450"\nreplies = ["451"]',
        '[[rule]]\nat = "rcpt"\nage = "5m"',
        '[[rule]]\nat = "rcpt"\nover = "many"',
        '[[rule]]\nat = "rcpt"\ncut = "rest"',
        '[[rule]]\nat = "rcpt"\nchance = 2',
        '[[rule]]\nat = "rcpt"\nkey = "sender"',
        '[server]\nusers = "ann"',
        '[server]\nauth = "PLAN"',
        '[server.limits]\nmesage = "1MB"',
        "[[profile]]\nmix = [{ weight = 0 }]",
        "[[expect]]\ncommitted = -1",
        '[[inject]]\nkind = "dsn"',
        '[[inject]]\non_commit = {}\nkind = "ooto"\nstatus = "5.1.1"',
        '[[inject]]\non_commit = {}\nkind = "dsn"\noutside = true',
        "[[expect]]\nrcpt = 'ann@*'",
        "[[expect]]\ncount = 1",
        '[[profile]]\nmix = [{ weight = 1, reply = "450" }]',
        "[scenario]\npurpose = 'p'",
        "[scenario]\npurpose = 'p'\nsource = 's'\n[[scenario.outcome]]\nrcpt = 'ann@*'",
        'clock = "fast"',
        "version = 2",
    ],
)
def test_a_mistake_is_caught(text: str) -> None:
    """Each kind of them, where it stands."""
    assert faults(text) != []


def test_one_rule_is_described_by_itself() -> None:
    """A JSON object with the same words."""
    assert ONE_RULE.is_valid({"at": ["rcpt", "dot"], "param": {"SIZE": ">1000"}, "header": {"X-A": ["1", "!2"]}})
    assert not ONE_RULE.is_valid({"at": "rcpt", "rule": []})
    assert not ONE_RULE.is_valid({"reply": "450"})
