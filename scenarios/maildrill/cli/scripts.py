"""`maildrill scripts`: list the catalogue and the packs, or print one script."""

from __future__ import annotations

from collections.abc import Iterator

import click

from maildrill.scenarios import catalogue


@click.group(invoke_without_command=True)
@click.option("--find", metavar="WORD", default="", help="Only those with this word in their name, purpose or source.")
@click.option("--markdown", is_flag=True, help="Print docs/catalogue.md.")
@click.pass_context
def scripts(context: click.Context, *, find: str, markdown: bool) -> None:
    """List the bundled server scripts and packs by group, each with its purpose; `show NAME` prints one."""
    if context.invoked_subcommand is not None:
        return
    if markdown:
        from maildrill.scenarios.pages import catalogue_page  # noqa: PLC0415 - it reads all scripts

        click.echo(catalogue_page(), nl=False)
        return
    for line in _listed(find.casefold()):
        click.echo(line)


@scripts.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the script NAME as TOML, ready to be saved and changed."""
    click.echo(catalogue.text_of(name), nl=False)


def _listed(word: str) -> Iterator[str]:
    """Give the lines of the list: each group under its name."""
    found = [
        name for name in catalogue.shelf() if word in catalogue.text_of(name).casefold() or word in name.casefold()
    ]
    width = max(map(len, found), default=0)
    group = ""
    for name in found:
        if catalogue.group_of(name) != group:
            group = catalogue.group_of(name)
            yield f"[{group}]"
        yield f"{name:{width}}  {catalogue.purpose_of(name)}"
