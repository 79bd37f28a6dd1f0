from __future__ import annotations

from pathlib import Path

from maildrill.sender.log_schema import markdown

PAGE = Path(__file__).parents[3] / "docs" / "connection-log.md"


def test_the_docs_have_every_kind_and_field_as_the_schema_has_them() -> None:
    """docs/connection-log.md ends with what log_schema.markdown() writes."""
    assert PAGE.read_text("utf-8").endswith("### Every event\n\n" + markdown())
