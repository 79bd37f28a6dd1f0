"""`maildrill schema`: print the JSON Schema of scripts, for editors, or of the event log, for programs."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("what", type=click.Choice(["script", "log"]), default="script", required=False)
@click.option("--rule", is_flag=True, help="Of one rule as a JSON object, instead of a whole script.")
def schema(what: str, *, rule: bool) -> None:
    """Print a JSON Schema (draft 2020-12): of a script, for editors, or of a line of the event log, for programs."""
    if what == "log":
        if rule:
            raise click.UsageError("--rule is about scripts")
        from maildrill.sender.log_json_schema import log_schema  # noqa: PLC0415 - one of two is wanted

        found: object = log_schema()
    else:
        from maildrill.fakeserver.authoring.schema import rule_schema, script_schema  # noqa: PLC0415

        found = rule_schema() if rule else script_schema()
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))
