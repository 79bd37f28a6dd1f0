"""What `tox -e mutation` makes of a run: which survivors it complains of, and the page that it renews."""

from __future__ import annotations

import importlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).parents[2]
MUTATION = TREE / "tests" / "mutation"
DIFF = """\
# maildrill.sender.plan.xǁAgendaǁtake__mutmut_7: survived
--- src/maildrill/sender/plan.py
+++ src/maildrill/sender/plan.py
@@ -1,4 +1,4 @@
 def take(self):
-    if end < now:  # why
+    if end <= now:  # why
         pass
"""
ENTRY = {
    "function": "maildrill.sender.plan:Agenda.take",
    "line": "if end < now:",
    "becomes": "if end <= now:",
    "why": "it is the same",
}


@pytest.fixture
def mutants(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What became of mutants."""
    monkeypatch.syspath_prepend(MUTATION)
    return importlib.import_module("mutants")


@pytest.fixture
def survivor(mutants: Any) -> Any:
    """A mutant that lives, as mutmut shows it."""
    return mutants.Mutant.read("maildrill.sender.plan.xǁAgendaǁtake__mutmut_7", DIFF)


def test_a_mutant_is_known_by_its_line(mutants: Any, survivor: Any) -> None:
    """Not by its number, which changes with each edit."""
    function = mutants.Mutant.read("maildrill.sender.wire.x__crlf_of__mutmut_1", DIFF).function

    assert survivor == mutants.Mutant.of(ENTRY)
    assert function == "maildrill.sender.wire:_crlf_of"
    assert tomllib.loads(survivor.entry("plan")) == {"plan": [{**ENTRY, "why": ""}]}


def test_an_explained_survivor_is_no_complaint(mutants: Any, survivor: Any) -> None:
    """As long as enough others are killed."""
    assert mutants.complaints("plan", mutants.Outcome(10, [survivor], 1.0), [ENTRY]) == []
    (said,) = mutants.complaints("plan", mutants.Outcome(9, [survivor], 1.0), [ENTRY])
    assert "88.9 % is less than 90 %" in said


def test_a_survivor_without_a_word_fails(mutants: Any, survivor: Any) -> None:
    """Each of two alike wants a word of its own; one that is killed now wants none; an empty one says nothing."""
    twice = mutants.Outcome(100, [survivor, survivor], 1.0)

    assert "survived" in mutants.complaints("plan", mutants.Outcome(100, [survivor], 1.0), [])[0]
    assert [said.splitlines()[0] for said in mutants.complaints("plan", twice, [ENTRY])] == [
        "  survived: kill it with a test, or say in survivors.toml why it may live"
    ]
    assert "take it out" in mutants.complaints("plan", mutants.Outcome(100, [], 1.0), [ENTRY])[0]
    assert "no reason" in mutants.complaints("plan", mutants.Outcome(100, [survivor], 1.0), [{**ENTRY, "why": ""}])[0]


def test_decorators_become_calls(mutants: Any) -> None:
    """A decorated function mutmut leaves alone; other decorators stay."""
    tree = importlib.import_module("tree")
    source = (
        "class A:\n    @property\n    def f(self):\n        return 1\n\n    @staticmethod\n    def g():\n        pass\n"
    )

    assert tree.undecorated(source) == source.replace("    @property\n", "").replace(
        "return 1\n", "return 1\n    f = property(f)\n"
    )


def test_every_target_is_there() -> None:
    """Files that are mutated and tests that notice; and no word is said of a target that does not exist."""
    targets = tomllib.loads((MUTATION / "targets.toml").read_text(encoding="utf-8"))
    survivors = tomllib.loads((MUTATION / "survivors.toml").read_text(encoding="utf-8"))

    named = [path for one in targets.values() for path in (*one["files"], *one["tests"])]

    assert [path for path in named if not _is_there(*path.partition("::")[::2])] == []
    assert set(survivors) <= set(targets)


def _is_there(path: str, test: str) -> bool:
    return (TREE / path).exists() and (not test or f"def {test}(" in (TREE / path).read_text(encoding="utf-8"))


def test_the_page_says_what_was_recorded(mutants: Any) -> None:
    """`tox -e mutation -- --record`; every target has been run."""
    page = (TREE / "docs" / "mutation.md").read_text(encoding="utf-8")
    scores = json.loads((MUTATION / "scores.json").read_text(encoding="utf-8"))
    survivors = tomllib.loads((MUTATION / "survivors.toml").read_text(encoding="utf-8"))

    assert importlib.import_module("page").renew(page, scores, survivors) == page
    assert set(scores) == set(tomllib.loads((MUTATION / "targets.toml").read_text(encoding="utf-8")))
    assert {name: one["survived"] for name, one in scores.items() if one["survived"]} == {
        name: len(entries) for name, entries in survivors.items()
    }
