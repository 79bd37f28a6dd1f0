from __future__ import annotations

from pathlib import Path

import click
import pytest

from maildrill.cli.main import COMMANDS, main

PAGE = (Path(__file__).parents[3] / "docs" / "commands.md").read_text("utf-8")


def section(name: str) -> str:
    """Return what docs/commands.md says of a command."""
    return PAGE.partition(f"## maildrill {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_and_each_of_its_options_is_documented(name: str) -> None:
    """docs/commands.md has a section for each command, and it names every option."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = [word for parameter in command.params for word in parameter.opts if word.startswith("--")]

    assert [word for word in options if word not in section(name)] == []
    assert section(name) != ""


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, (_, _, line) in COMMANDS.items()])
def test_the_overview_has_the_words_of_help(name: str, line: str) -> None:
    """The page begins with the list that `maildrill --help` prints."""
    assert f"maildrill {name:9} {line}\n" in PAGE
