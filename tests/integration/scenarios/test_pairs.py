"""Metamorphic pairs: drills that differ in one thing that must not matter."""

from __future__ import annotations

import pytest

from maildrill.scenarios import catalogue
from maildrill.scenarios.pairs import CHANGES, compare
from maildrill.scenarios.scenario_file import plan_of

#: Servers that decide by recipient, or by nothing.
STATELESS = ("all-good", "unknown-users", "rcpt-5yz", "dot-5yz", "codes-differ", "forty-lines", "all-refused")


@pytest.mark.parametrize("number", CHANGES, ids=lambda number: f"I{number}")
@pytest.mark.parametrize("script", STATELESS)
def test_what_must_not_matter_does_not(script: str, number: int) -> None:
    """Other codes, texts, packets, sessions: everybody ends the same."""
    assert compare(plan_of(catalogue.load_script(script)), number) == ()
