"""Scripts as files: TOML in. Every error names file, line, what was expected and what was probably meant.

Each kind of table has a module that reads and writes it. What a script uses is named here and found by
script_loader. TOML out is script_writer's, and is offered here too. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import Protocol, TypeVar

from maildrill.fakeserver.language.script import Script, Use
from maildrill.fakeserver.language.script_clock import CLOCK_WORDS, ScriptClock
from maildrill.fakeserver.text.expect_file import read_expectation
from maildrill.fakeserver.text.inject_file import read_injection
from maildrill.fakeserver.text.profile_file import read_profile
from maildrill.fakeserver.text.readers import one_of, some
from maildrill.fakeserver.text.rule_file import read_rule
from maildrill.fakeserver.text.scenario_file import read_scenario
from maildrill.fakeserver.text.script_writer import script_to_toml
from maildrill.fakeserver.text.server_file import read_server
from maildrill.fakeserver.text.transcript.reader import is_transcript
from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import Place, Table, parse_document, table_of

__all__ = ["read_script", "script_of", "script_to_toml"]

_VERSION = 1
_USE_WORDS = 'a pack such as "compat/badsmtp", or a file such as "./more.toml"'


class _Named(Protocol):
    """What has a name of its own in a script, and a place."""

    @property
    def name(self) -> str: ...
    @property
    def place(self) -> Place: ...


_N = TypeVar("_N", bound=_Named)


def read_script(text: str, name: str) -> Script:
    """Return the script that a text holds, TOML or a transcript; `name` is what errors and unnamed rules call the file.

    Raises ConfigurationError. A rule without a name is called `file:line`, file without its folders, so that its
    draws are the same wherever the script lies. What it uses is named in `uses` and is not read yet.
    """
    if is_transcript(text):
        from maildrill.fakeserver.text.transcript.load import read_transcript_script  # noqa: PLC0415 - it reads rules here

        return read_transcript_script(text, name)
    return _script(parse_document(text, name), name)


def script_of(values: Mapping[str, object], name: str) -> Script:
    """Return the script that an object of JSON holds, with the same words; raises ConfigurationError without lines."""
    return _script(table_of(values, name), name)


def _script(top: Table, name: str) -> Script:
    version = top.number("version", _VERSION)
    if version != _VERSION:
        top.fail("version", f"script of version {version}", expected=f"version = {_VERSION}")
    uses = _uses(top)
    clock = one_of("clock", ScriptClock, CLOCK_WORDS)(top)
    server = read_server(top.table("server"))
    file = escape(PurePath(name).name)
    rules = _all(top, "rule", partial(read_rule, lint=server.lint), file)
    profiles = _all(top, "profile", partial(read_profile, lint=server.lint), file)
    expectations = _all(top, "expect", read_expectation, file)
    injections = _all(top, "inject", read_injection, file)
    scenario = read_scenario(top.table("scenario"), file) if top.has("scenario") else None
    top.finish()
    items = [item.rule for profile in profiles for item in profile.mix if item.rule is not None]
    _names("rule", [*rules, *items])
    _names("profile", profiles)
    _names("expectation", expectations)
    _names("injection", injections)
    return Script(
        name=name,
        uses=uses,
        clock=clock,
        rules=rules,
        profiles=profiles,
        expectations=expectations,
        injections=injections,
        server=server,
        scenario=scenario,
    )


def _uses(top: Table) -> tuple[Use, ...]:
    if not top.has("use"):
        return ()
    names = some(top, "use", _USE_WORDS)
    for name in names:
        if not name or not name.isprintable():
            top.fail("use", f'use names "{escape(name)}"', expected=_USE_WORDS)
    return tuple(Use(name, top.where("use")) for name in dict.fromkeys(names))


def _all(top: Table, kind: str, read: Callable[[Table, str], _N], file: str) -> tuple[_N, ...]:
    """Return the tables of `[[kind]]`, called by file and line where they have no name; by number where is no line."""
    tables = enumerate(top.tables(kind), start=1)
    return tuple(read(table, f"{file}:{table.line}" if top.numbered else f"{file}#{n}") for n, table in tables)


def _names(kind: str, things: Sequence[_Named]) -> None:
    """Refuse the second thing of a name."""
    known: dict[str, _Named] = {}
    for thing in things:
        first = known.setdefault(thing.name, thing)
        if first is not thing:
            raise ConfigurationError(
                f'a second {kind} is called "{escape(thing.name)}"',
                where=thing.place.of("name"),
                expected=f"a name of its own for each {kind}",
                hint=f"the first is at {first.place.header}",
            )
