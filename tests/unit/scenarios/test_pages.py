"""docs/drill.md says what the code holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from maildrill.scenarios import pages

PAGE = Path(__file__).parents[3] / "docs" / "drill.md"


@pytest.mark.parametrize("table", [pages.invariants, pages.scripts], ids=lambda table: table.__name__)
def test_a_table_of_the_page_is_the_codes_own(table: Callable[[], str]) -> None:
    """The tables of invariants and scripts are those that the code makes."""
    shown = PAGE.read_text("utf-8").partition(f"<!-- {table.__name__} -->\n\n")[2].partition("\n<!-- end -->")[0]

    assert shown == table()
