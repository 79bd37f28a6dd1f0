"""The sender dies at each event of each scenario of the catalogue, and another goes on: nothing lost, nothing doubled.

Run by `tox -e crash`. Of each scenario an even spread of its events is taken, as many as --deaths says; 0 is all.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from maildrill.scenarios import catalogue
from maildrill.scenarios.crash import deaths_of, die_at, judge, spread
from maildrill.scenarios.scenario_file import has_scenario, plan_of

NAMES = [name for name in catalogue.names() if has_scenario(catalogue.load_script(name))]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_the_moment_the_next_run_makes_it_good(name: str, deaths: Callable[[int], int]) -> None:
    """Invariants I1 to I4, I9, I37, I38, I42 and I57, after a death at each write and each landing."""
    plan = plan_of(catalogue.load_script(name))
    points = deaths_of(plan)

    assert points
    assert [
        violation for point in spread(points, deaths(len(points))) for violation in judge(die_at(plan, point))
    ] == []
