"""How many deaths: enough for every day, or all of them."""

from __future__ import annotations

from typing import cast

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --deaths."""
    parser.addoption("--deaths", type=int, default=400, help="so many deaths of each scenario, 0: at every event")


@pytest.fixture
def deaths(pytestconfig: pytest.Config) -> int:
    """Return how many deaths of a scenario are wanted; 0 is all."""
    return cast("int", pytestconfig.getoption("--deaths"))
