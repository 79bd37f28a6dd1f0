"""The door of the fake server: what programs import from maildrill.fakeserver itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import maildrill.fakeserver as door

DOOR = ast.parse(Path(door.__file__).read_text(encoding="utf-8"))
#: Each name with its module, as type checkers are told.
NAMES = {
    name.name: node.module
    for node in ast.walk(DOOR)
    if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("maildrill.")
    for name in node.names
}


@pytest.mark.parametrize("name", NAMES)
def test_what_type_checkers_are_told_is_what_a_program_gets(name: str) -> None:
    """The two lists are one: a name is what it is where it lives."""
    assert NAMES[name] is not None

    assert getattr(door, name) is getattr(sys.modules[NAMES[name]], name)


def test_no_name_is_kept_from_type_checkers() -> None:
    """Nor does the door know a name that they do not."""
    assert door._HOMES.keys() == NAMES.keys()


def test_what_is_not_there_is_said_to_be_missing() -> None:
    """As with any module."""
    with pytest.raises(AttributeError, match=r"module 'maildrill\.fakeserver' has no attribute 'FakeSerer'"):
        getattr(door, "FakeSerer")  # noqa: B009 - type checkers know that it is not there


def test_who_comes_in_waits_for_nothing() -> None:
    """Importing the package imports none of its rooms."""
    said = "import sys, maildrill.fakeserver; print([m for m in sys.modules if m.startswith('maildrill.fakeserver.')])"

    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "[]\n"  # noqa: S603
