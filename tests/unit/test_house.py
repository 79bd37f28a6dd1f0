"""The house itself: rules that no linter knows."""

from __future__ import annotations

import ast
import tomllib
from configparser import ConfigParser
from pathlib import Path

TREE = Path(__file__).parents[2]
PROJECT = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))
TOX = ConfigParser(interpolation=None)
TOX.read(TREE / "tox.ini", encoding="utf-8")
ROOTS = ("smtp", "fakeserver", "sender", "scenarios")
MODULES = [path for root in ROOTS for path in sorted((TREE / root / "maildrill").rglob("*.py"))]


def _pure_by_contract() -> list[str]:
    (contract,) = (c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "pure")
    names: list[str] = contract["source_modules"]
    return names


def _pure_by_coverage() -> list[Path]:
    return [TREE / line.removesuffix("/*") for line in TOX["pure"]["include"].replace(",\\", "").split()]


def test_no_root_makes_the_namespace_a_package() -> None:
    """One maildrill/__init__.py would hide the other three roots."""
    assert [root for root in ROOTS if (TREE / root / "maildrill" / "__init__.py").exists()] == []


def test_what_must_be_pure_must_be_covered_whole() -> None:
    """The import contract and the coverage of 100 % name the same modules, and each exists."""
    covered = _pure_by_coverage()

    assert [path for path in covered if not path.exists()] == []
    assert [".".join(path.relative_to(TREE).with_suffix("").parts[1:]) for path in covered] == _pure_by_contract()


def test_no_module_is_longer_than_300_lines() -> None:
    """A module that is longer holds two ideas."""
    assert [path.name for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []


def test_every_module_opens_with_its_map() -> None:
    """What it is, and its rules: a title, a blank line, and five more at most."""
    maps = {path: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in MODULES}

    assert [path.name for path, text in maps.items() if not 1 <= len(text.splitlines()) <= 7] == []
