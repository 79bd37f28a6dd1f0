"""`maildrill scripts`: list the catalogue, or print one script."""

from __future__ import annotations

import click

from maildrill.scenarios import catalogue


@click.group(invoke_without_command=True)
@click.pass_context
def scripts(context: click.Context) -> None:
    """List the bundled server scripts, each with its purpose; `show NAME` prints one."""
    if context.invoked_subcommand is None:
        width = max(map(len, catalogue.names()))
        for name in catalogue.names():
            click.echo(f"{name:{width}}  {catalogue.purpose_of(name)}")


@scripts.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the script NAME as TOML, ready to be saved and changed."""
    click.echo(catalogue.text_of(name), nl=False)
