"""`maildrill explain`: everything that is known of one recipient, and what would change it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

import click

from maildrill.cli.books import Books, books, ledger_options, reading_exits
from maildrill.cli.exits import CommandError, Exit
from maildrill.cli.place import of_whom
from maildrill.sender.classification import bundled
from maildrill.sender.ledger.records import RecipientRecord
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.lists import spool_list
from maildrill.sender.review.advice import advice
from maildrill.sender.review.explain import Explanation, dialogues_of, nearest, set_aside
from maildrill.sender.review.explain import explain as explained
from maildrill.sender.review.explain_text import aside_text, explanation_json, render_explanation
from maildrill.sender.review.hindrance import destinations_of, hindrances
from maildrill.sender.review.located import locate
from maildrill.sender.watch import standing_pause
from maildrill.smtp import MaildrillError, escape


@click.command(
    epilog="Exit status: 0 explained, 1 nobody of this name in ledger, list or log, 2 usage, 78 configuration."
)
@click.argument("words", nargs=-1, metavar="[CAMPAIGN] ADDRESS")
@ledger_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(words: tuple[str, ...], ledger: Path | str | None, log_dir: Path | None, *, as_json: bool) -> int:
    """Say why ADDRESS stands where it stands: each try with what was said, what decided, when next, and what would
    change it.

    Without CAMPAIGN (a file) it is the only ledger of this folder.
    """  # noqa: D205 - one sentence, as --help shows it
    if not 1 <= len(words) <= 2:
        raise click.UsageError("say which address, and before it which campaign")
    campaign, address = of_whom(words)
    with reading_exits():
        desk = books(campaign, ledger, log_dir)
        with desk.reading() as book:
            found = _explained(desk, book, address)
            sending = bool(book.running())
        if isinstance(found, MaildrillError):
            raise CommandError(found, Exit.FAILED)
        if isinstance(found, str):
            click.echo(json.dumps({"recipient": address, "told": found}) if as_json else found)
            return Exit.OK
        with desk.reading() as book:
            pause = standing_pause(book)
        now = time.time()  # noqa: TID251 - the shell's clock
        names = destinations_of(found.recipient, (step.attempt for step in found.steps), desk.campaign)
        hindered = hindrances(found.recipient, names, desk.log(), now) if sending else ()
        todo = advice(found.recipient, now=now, sending=sending, pause=pause, hindered=hindered)
        if as_json:
            click.echo(json.dumps(explanation_json(found, todo), indent=2))
        else:
            click.echo(render_explanation(found, todo), nl=False)
    return Exit.OK


def _explained(desk: Books, book: SqlLedger, address: str) -> Explanation | str | MaildrillError:
    """Return the explanation; where there is none, what can be said instead."""
    record = book.find(address)
    if record is None:
        return _absent(desk, address) or _nobody(address, book.recipients())
    dialogues = list(dialogues_of(record.address, locate(desk.log())))
    return explained(
        record,
        book.attempts(record),
        dialogues,
        requeues=book.requeues(),
        aside=set_aside(record.address, desk.log()),
        classifier=(desk.campaign.overrides.classifier if desk.campaign else None) or bundled(),
    )


def _absent(desk: Books, address: str) -> str:
    """Say what log and list know of an address that is not in the ledger; nothing where they do not know it."""
    aside = list(set_aside(address, desk.log()))
    if aside:
        return "\n".join(map(aside_text, aside))
    if desk.campaign is None:
        return ""
    listed = spool_list(desk.campaign)
    for row in listed.set_aside:
        if row.value.casefold() == address.casefold():
            detail = f" ({escape(row.detail)})" if row.detail else ""
            return f'line {row.number} of the list, "{escape(row.value)}", is set aside: {row.reason}{detail}'
    for one in listed.recipients:
        if one.address.casefold() == address.casefold():
            return f"line {one.number} of the list, but not in the ledger yet: the next `maildrill send` takes it in"
    return ""


def _nobody(address: str, recipients: Iterable[RecipientRecord]) -> MaildrillError:
    near = nearest(address, (one.address for one in recipients))
    hint = f"did you mean {' or '.join(escape(one) for one in near)}?" if near else ""
    return MaildrillError(f"{escape(address)} is neither in the ledger nor in the list", hint=hint)
