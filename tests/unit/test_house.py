"""The house itself: rules that no linter knows."""

from __future__ import annotations

import ast
from pathlib import Path

TREE = Path(__file__).parents[2]
ROOTS = ("smtp", "fakeserver", "sender", "scenarios")
MODULES = [path for root in ROOTS for path in sorted((TREE / root / "maildrill").rglob("*.py"))]


def test_no_module_is_longer_than_300_lines() -> None:
    """A module that is longer holds two ideas."""
    assert [path.name for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []


def test_every_module_opens_with_its_map() -> None:
    """What it is, and its rules: a title, a blank line, and five more at most."""
    maps = {path: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in MODULES}

    assert [path.name for path, text in maps.items() if not 1 <= len(text.splitlines()) <= 7] == []
