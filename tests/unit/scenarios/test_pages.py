"""docs/drill.md and docs/catalogue.md say what the code holds."""

from __future__ import annotations

from pathlib import Path

from maildrill.scenarios import invariants_page, pages

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "drill.md"


def test_the_table_of_invariants_is_the_codes_own() -> None:
    """It is what the code makes."""
    shown = PAGE.read_text("utf-8").partition("<!-- invariants -->\n\n")[2].partition("\n<!-- end -->")[0]

    assert shown == pages.invariants()


def test_the_page_of_the_catalogue_is_the_codes_own() -> None:
    """`maildrill scripts --markdown >docs/catalogue.md` after each change."""
    assert (DOCS / "catalogue.md").read_text("utf-8") == pages.catalogue_page()


def test_the_page_of_invariants_is_what_the_defects_come_to() -> None:
    """`maildrill invariants --markdown >docs/invariants.md` after each change."""
    assert (DOCS / "invariants.md").read_text("utf-8") == invariants_page.page()
