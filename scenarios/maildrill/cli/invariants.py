"""`maildrill invariants`: what must hold, and what each oracle was seen to catch."""

from __future__ import annotations

import click

from maildrill.smtp import ConfigurationError, did_you_mean


@click.group(invoke_without_command=True)
@click.option("--markdown", is_flag=True, help="Print docs/invariants.md.")
@click.pass_context
def invariants(context: click.Context, *, markdown: bool) -> None:
    """List what must hold for any sender under any server; `show I4` explains one."""
    if context.invoked_subcommand is not None:
        return
    from maildrill.scenarios.invariants_page import listed, page  # noqa: PLC0415 - it loads sender and server

    if markdown:
        click.echo(page(), nl=False)
        return
    for line in listed():
        click.echo(line)


@invariants.command()
@click.argument("name")
def show(name: str) -> None:
    """Explain the invariant NAME: statement, source, witnesses, and what its oracle says of each seeded defect."""
    from maildrill.scenarios.invariants_page import numbers, shown  # noqa: PLC0415 - it loads sender and server

    known = numbers()
    number = known.get(name.upper())
    if number is None:
        raise ConfigurationError(
            f'no invariant "{name}"', expected=f"I1 to I{len(known)}", hint=did_you_mean(name.upper(), known)
        )
    for line in shown(number):
        click.echo(line)
