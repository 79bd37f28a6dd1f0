"""`maildrill scripts`: list the catalogue and the packs, or print one script."""

from __future__ import annotations

import click

from maildrill.scenarios import catalogue


@click.group(invoke_without_command=True)
@click.pass_context
def scripts(context: click.Context) -> None:
    """List the bundled server scripts and packs, each with its purpose; `show NAME` prints one."""
    if context.invoked_subcommand is None:
        names = list(catalogue.shelf())
        width = max(map(len, names))
        for name in names:
            click.echo(f"{name:{width}}  {catalogue.purpose_of(name)}")


@scripts.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the script NAME as TOML, ready to be saved and changed."""
    click.echo(catalogue.text_of(name), nl=False)
