from __future__ import annotations

import json
from pathlib import Path

from maildrill.sender.log_json_schema import log_schema
from maildrill.sender.log_schema import markdown

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "connection-log.md"


def test_the_docs_have_every_kind_and_field_as_the_schema_has_them() -> None:
    """docs/connection-log.md ends with what log_schema.markdown() writes."""
    assert PAGE.read_text("utf-8").endswith("### Every event\n\n" + markdown())


def test_the_schema_that_is_shipped_is_this_one() -> None:
    """`maildrill schema log > docs/log.schema.json` after each change."""
    assert (DOCS / "log.schema.json").read_text("utf-8") == json.dumps(
        log_schema(), ensure_ascii=False, indent=2
    ) + "\n"
