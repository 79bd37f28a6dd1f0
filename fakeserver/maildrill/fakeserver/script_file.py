"""Scripts as files: TOML in. Every error names file, line, what was expected and what was probably meant.

rule_file reads each rule. TOML out is script_writer's, and is offered here too. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from maildrill.fakeserver.rule_file import read_rule
from maildrill.fakeserver.script import Rule, Script
from maildrill.fakeserver.script_writer import script_to_toml
from maildrill.fakeserver.server_file import read_server
from maildrill.smtp import escape
from maildrill.smtp.document import Table, parse_document

__all__ = ["read_script", "script_to_toml"]

_VERSION = 1


def read_script(text: str, name: str) -> Script:
    """Return the script that a TOML text holds; `name` is what errors and unnamed rules call the file.

    Raises ConfigurationError. A rule without a name is called `file:line`, file without its folders, so that its
    draws are the same wherever the script lies.
    """
    top = parse_document(text, name)
    version = top.number("version", _VERSION)
    if version != _VERSION:
        top.fail("version", f"script of version {version}", expected=f"version = {_VERSION}")
    server = read_server(top.table("server"))
    tables = top.tables("rule")
    top.finish()
    return Script(
        name=name,
        rules=_rules(tables, escape(PurePath(name).name)),
        server=server,
    )


def _rules(tables: Iterable[Table], file: str) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    lines: dict[str, str] = {}
    for table in tables:
        rule = read_rule(table, f"{file}:{table.line}")
        if rule.name in rules:
            table.fail(
                "name" if "name" in table else None,
                f'a second rule is called "{escape(rule.name)}"',
                expected="a name of its own for each rule",
                hint=f"the first is at {lines[rule.name]}",
            )
        rules[rule.name] = rule
        lines[rule.name] = table.where()
    return tuple(rules.values())
