"""`maildrill classify`: say what replies are about."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from maildrill.cli.exits import Exit
from maildrill.sender.classification import Classification, bundled, read_rules
from maildrill.smtp import ConfigurationError, Reply, Stage, escape


@click.command()
@click.argument("replies", nargs=-1, required=True, metavar="REPLY...|-")
@click.option(
    "--at",
    "stage",
    type=click.Choice([stage.value for stage in Stage]),
    metavar="STAGE",
    help="Where it was said: rcpt, dot, …",
)
@click.option(
    "--rules", type=click.Path(path_type=Path), metavar="FILE", help="Rules of your own; they are asked first."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each reply, one a line.")
def classify(replies: tuple[str, ...], *, stage: str | None, rules: Path | None, as_json: bool) -> int:
    """Sort replies, such as "550 5.1.1 user unknown", into what they are about; - reads them from standard input.

    The word informs people: whether mail is tried again is decided by code and stage alone.
    """
    classifier = bundled() if rules is None else read_rules(rules)
    at = None if stage is None else Stage(stage)
    for text, reply in _read(replies):
        found = classifier.classify(reply, stage=at)
        click.echo(_as_json(text, found) if as_json else _as_text(text, found))
    return Exit.OK


def _read(replies: tuple[str, ...]) -> Iterator[tuple[str, Reply]]:
    for text in replies:
        if text != "-":
            yield text, _reply(text, "")
            continue
        for number, line in enumerate(sys.stdin, 1):
            if line.strip():
                yield line.strip(), _reply(line, f"standard input:{number}")


def _reply(text: str, where: str) -> Reply:
    try:
        return Reply.of(text)
    except ValueError as error:
        raise ConfigurationError(f'no reply: "{escape(text.strip())}"', where=where, expected=str(error)) from None


def _as_text(text: str, found: Classification) -> str:
    category = found.category
    why = f"rule {found.rule}" + (f", {found.source}" if found.source else "") if found.rule else "no rule"
    return f"{category.name}: {escape(text)}\n  {category.about} ({why})" + (
        f"\n  {category.advice}" if category.advice else ""
    )


def _as_json(text: str, found: Classification) -> str:
    category = found.category
    return json.dumps(
        {
            "reply": text,
            "category": category.name,
            "about": category.about,
            "advice": category.advice,
            "rule": found.rule,
            "source": found.source,
        },
        ensure_ascii=False,
    )
