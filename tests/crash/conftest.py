"""How many deaths: enough for every day, or all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

# A death costs about as much as its scenario has events: so many events are lived through again for each scenario,
# in five minutes of one core for the whole catalogue.
EVENTS = 10_000
LEAST, MOST = 25, 400


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --deaths."""
    told = "so many deaths of each scenario, 0: at every event [more the shorter the scenario, from 25 to 400]"
    parser.addoption("--deaths", type=int, default=-1, help=told)


@pytest.fixture
def deaths(pytestconfig: pytest.Config) -> Callable[[int], int]:
    """Return what says how many deaths are wanted of a scenario with so many events."""
    asked = cast("int", pytestconfig.getoption("--deaths"))

    def wanted(events: int) -> int:
        if asked >= 0:
            return asked or events
        return max(LEAST, min(MOST, EVENTS // events))

    return wanted
