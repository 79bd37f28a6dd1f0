"""`maildrill lint`: say what is unusual in scripts: what no real server would say, and what can never happen."""

from __future__ import annotations

import json

import click

from maildrill.cli.exits import Exit
from maildrill.fakeserver.authoring.lint import lint as findings_in
from maildrill.scenarios.catalogue import load_script


@click.command()
@click.argument("scripts", nargs=-1, required=True, metavar="SCRIPT|NAME...")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a list of JSON objects.")
def lint(scripts: tuple[str, ...], *, as_json: bool) -> int:
    """Look scripts over: files, or names that `maildrill scripts` lists, each for itself with what it uses.

    Exit status: 0 when there is nothing to say, 1 when there is, 2 for a script that cannot be read.
    """
    found = [finding for script in map(load_script, scripts) for finding in findings_in(script)]
    if as_json:
        click.echo(json.dumps([finding.to_json() for finding in found], ensure_ascii=False, indent=2))
    else:
        for finding in found:
            click.echo(str(finding))
    return Exit.FAILED if found else Exit.OK
