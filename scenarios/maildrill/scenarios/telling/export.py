"""A scenario as a test that stands alone: one Python file, which needs pytest and maildrill and nothing else. Pure."""

from __future__ import annotations

import re

_QUOTES = "'''"


def pytest_module(purpose: str, scenario: str) -> str:
    """Return a test module that plays a scenario; it fails with the page of telling.page where anything is violated.

    purpose: what it is for, in a sentence; scenario: its TOML.
    """
    purpose = " ".join(purpose.split())
    return f"""{_quoted(purpose)}

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.scenario_file import scenario_of
from maildrill.scenarios.telling.page import drilled_page

SCENARIO = {_quoted(scenario)}


def test_{_name(purpose)}() -> None:
    drilled = scenario_of(read_script(SCENARIO, "scenario.toml")).run()
    if drilled.summary.violations:
        pytest.fail(drilled_page(drilled.summary, drilled.evidence), pytrace=False)
"""


def _quoted(text: str) -> str:
    """Return a text as Python has it: in three quotes where it can stand as it is, so that it can be read."""
    plain = _QUOTES not in text and "\\" not in text and text.replace("\n", "").isprintable()
    return f"{_QUOTES}{text}{_QUOTES}" if plain and not text.endswith("'") else repr(text)


def _name(purpose: str) -> str:
    """Return the beginning of a sentence as the rest of a function's name."""
    return "_".join(re.findall(r"[a-z0-9]+", purpose.lower())[:8]) or "the_scenario"
