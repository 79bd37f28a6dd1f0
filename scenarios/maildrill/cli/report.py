"""`maildrill report`: what a campaign came to, as text, JSON, CSV of those who did not get it, or an HTML page."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import click

from maildrill.cli.books import Books, books, campaign_argument, ledger_options, reading_exits
from maildrill.cli.letter import letter_facts
from maildrill.cli.screen import width
from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.log_json import read_events
from maildrill.sender.review.facts import Facts, gather
from maildrill.sender.review.replay import replay
from maildrill.sender.review.report import NOT_KNOWN, Pair, Report, render_report
from maildrill.sender.review.report_data import csv_rows, report_json
from maildrill.smtp import ConfigurationError, MaildrillError

_FORMS = ("text", "json", "csv", "html")


@click.command(epilog="Exit status: 0 told, 2 usage, 75 unreadable ledger, 78 configuration, or no such ledger.")
@campaign_argument
@ledger_options
@click.option(
    "--events", type=click.Path(path_type=Path), metavar="FILE", help="From a log alone, as of log --pseudonymise."
)
@click.option(
    "--format", "form", type=click.Choice(_FORMS), help="How. [text; with --out by the ending of the file's name]"
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to FILE.")
def report(  # noqa: PLR0913 - an argument for each option
    campaign: Path | str | None,
    ledger: Path | str | None,
    log_dir: Path | None,
    *,
    events: Path | None,
    form: str | None,
    out: Path | None,
) -> None:
    """Say what CAMPAIGN came to: program, delivery, timing and results, message; and who did not get it.

    csv has those alone: failed, expired, unknown and held, with the server's words. html is one file that needs nothing
    else.
    """
    form = form or _by_name(out)
    with reading_exits():
        made = _of_ledger(books(campaign, ledger, log_dir)) if events is None else _of_log(events)
        text = _rendered(made, form, out)
        if out is None:
            click.echo(text, nl=False)
        else:
            _write(text, out, newline="" if form == "csv" else None)


def _of_ledger(desk: Books) -> Report:
    with desk.reading() as book:
        facts = gather(
            book.campaign,
            book.created,
            book.recipients(),
            book.attempts(),
            runs=book.runs(),
            requeues=book.requeues(),
            log=desk.log(),
            fields_of=lambda one: book.addressee(one.key)[0].fields,
            pauses=book.pauses(),
        )
        return _made(facts, _message(desk, book, facts), desk.campaign)


def _of_log(file: Path) -> Report:
    replayed = replay(read_events(file))
    facts = gather(
        replayed.campaign,
        replayed.created,
        replayed.recipients.values(),
        replayed.attempts,
        runs=replayed.runs,
        requeues=replayed.requeues,
        log=read_events(file),
        pauses=replayed.pauses,
    )
    return _made(facts, [("subject", NOT_KNOWN), _size(facts)], None)


def _made(facts: Facts, message: list[Pair], campaign: Campaign | None) -> Report:
    now = time.time()  # noqa: TID251 - the shell's clock
    return Report(facts=facts, made=now, program=_program(), message=message, campaign=campaign)


def _write(text: str, out: Path, *, newline: str | None) -> None:
    try:
        out.write_text(text, encoding="utf-8", newline=newline)
    except OSError as error:
        hint = "name another file with --out"
        raise ConfigurationError(f"cannot write: {error.strerror}", where=str(out), hint=hint) from None


def _by_name(out: Path | None) -> str:
    ending = out.suffix.removeprefix(".").lower() if out else ""
    return {"json": "json", "csv": "csv", "html": "html", "htm": "html"}.get(ending, "text")


def _rendered(made: Report, form: str, out: Path | None) -> str:
    if form == "html":
        from maildrill.sender.review.html import render_html  # noqa: PLC0415 - one of four

        return render_html(made)
    if form == "json":
        return json.dumps(report_json(made), indent=2) + "\n"
    if form == "csv":
        text = io.StringIO()
        csv.writer(text).writerows(csv_rows(made.facts))
        return text.getvalue()
    return render_report(made, width=0 if out else width())


def _program() -> list[Pair]:
    """Return what MaxBulk's report says first: program, system, and how fast the machine is."""
    return [
        ("maildrill", version("maildrill")),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("processors", str(os.cpu_count() or "not known")),
    ]


def _message(desk: Books, book: SqlLedger, facts: Facts) -> list[Pair]:
    if desk.campaign is None:
        return [("subject", NOT_KNOWN), _size(facts)]
    try:
        return [*letter_facts(desk.campaign, book), _size(facts)]
    except MaildrillError as error:
        return [("subject", desk.campaign.subject), ("not known", error.what), _size(facts)]


def _size(facts: Facts) -> Pair:
    least, most = facts.octets or (0, 0)
    size = f"{least:,} octets" if least == most else f"{least:,} to {most:,} octets"
    return "size", size if facts.octets else "nothing was sent yet"
