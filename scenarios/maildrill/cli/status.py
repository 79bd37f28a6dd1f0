"""`maildrill status`: where a campaign stands, also while it is being sent."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import click

from maildrill.cli.books import Books, asks_books, campaign_argument
from maildrill.cli.parameters import DURATION
from maildrill.cli.screen import is_terminal, width
from maildrill.sender.review.status import Status, take_stock
from maildrill.sender.review.status_text import render_status, status_json
from maildrill.sender.watch import standing_pause


@click.command(epilog="Exit status: 0 told, 2 usage, 75 unreadable ledger, 78 configuration, or no such ledger.")
@campaign_argument
@asks_books
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; with --watch one to a line.")
@click.option("--watch", is_flag=True, help="Look again and again, until the campaign is over.")
@click.option("--every", type=DURATION, default="2s", help="How often --watch looks. [2s]")
def status(books: Books, *, as_json: bool, watch: bool, every: float) -> None:
    """Say where CAMPAIGN (a file) stands: who has the message, who is to get it and when, what is held and why.

    Nothing is changed, and a sender that is at work is not hindered. Without CAMPAIGN it is the only ledger of this
    folder.
    """
    if not watch:
        _show(look(books), as_json=as_json, watch=False)
        return
    with suppress(KeyboardInterrupt):  # the way out
        while True:
            found = look(books)
            _show(found, as_json=as_json, watch=True)
            if not (found.sending or found.left):
                return
            time.sleep(every)


def look(books: Books) -> Status:
    """Take stock of a campaign now."""
    with books.reading() as book:
        return take_stock(
            book.campaign,
            book.created,
            book.recipients(),
            book.attempts,
            now=time.time(),  # noqa: TID251 - the shell's clock
            runs=book.runs(),
            running=book.running(),
            lessons=book.lessons(),
            log=books.end_of_log(),
            campaign=books.campaign,
            pause=standing_pause(book),
        )


def _show(found: Status, *, as_json: bool, watch: bool) -> None:
    if as_json:
        click.echo(json.dumps(status_json(found), indent=None if watch else 2))
        return
    if watch and is_terminal():
        click.clear()
    click.echo(render_status(found, width=width()), nl=watch and not is_terminal())
