"""`maildrill schema`: print the JSON Schema of scripts, for editors."""

from __future__ import annotations

import json

import click

from maildrill.fakeserver.schema import rule_schema, script_schema


@click.command()
@click.option("--rule", is_flag=True, help="Of one rule as a JSON object, instead of a whole script.")
def schema(*, rule: bool) -> None:
    """Print the JSON Schema of scripts (draft 2020-12): editors complete and check with it."""
    click.echo(json.dumps(rule_schema() if rule else script_schema(), ensure_ascii=False, indent=2))
