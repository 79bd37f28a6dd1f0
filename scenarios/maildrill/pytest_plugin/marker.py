"""What the marker `smtp` says: which script is played, with which seed, and what is let pass at the end.

Rule: the marker nearest to the test comes first: its rules are asked first, and what it says counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from maildrill.fakeserver.harness.complaints import Kind, allowed
from maildrill.fakeserver.language.script import Script, merge_scripts
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.testing import borrowed, script_of
from maildrill.fakeserver.text.server_file import read_server
from maildrill.scenarios.catalogue import shelf
from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import Table

_SERVER = ("server",)


@dataclass(frozen=True, slots=True)
class Mark:
    """One marker as it stands at a test: its arguments, and where that is (folder, file and line, name of the test)."""

    scripts: tuple[Any, ...]
    words: Mapping[str, Any]
    folder: Path
    where: tuple[str, int]
    test: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the markers of a test ask for: the script that is played, and what may be wrong at the end.

    borrowed: names of rules that come from scripts which that one uses.
    """

    script: Script
    allow: frozenset[Kind]
    borrowed: frozenset[str]


def wanted(marks: Iterable[Mark]) -> Wanted:
    """Return what the markers, the nearest first, ask for. Raises ConfigurationError."""
    scripts: list[Script] = []
    allow, strange = frozenset[Kind](), frozenset[str]()
    for mark in marks:
        table = Table(mark.words, mark.where[0], _SERVER, {_SERVER: mark.where[1]})
        allow |= _allow(table)
        server = read_server(table)
        played = [_script(one, mark) for one in mark.scripts]
        strange = strange.union(*map(borrowed, played))
        scripts += [Script(server=server)] if server != Settings() else []
        scripts += played
    name = "+".join(one.name for one in scripts if one.rules or one.profiles or one.transcript)
    return Wanted(replace(merge_scripts(scripts), name=name or "script"), allow, strange)


def _allow(table: Table) -> frozenset[Kind]:
    if not table.has("allow"):
        return frozenset()
    try:
        return allowed(table.texts("allow"))
    except ConfigurationError as error:
        table.fail("allow", error.what, expected=error.expected, hint=error.hint)


def _script(one: object, mark: Mark) -> Script:
    if not isinstance(one, Script | Path | str) or not str(one):
        raise ConfigurationError(
            f"a script is {escape(repr(one))}",
            where=f"{mark.where[0]}:{mark.where[1]}",
            expected='a file such as "script.toml", the name of a bundled script, or TOML text',
        )
    return script_of(one, name=mark.test, folder=mark.folder, shelf=shelf())
