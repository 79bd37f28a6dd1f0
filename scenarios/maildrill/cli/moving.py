"""`maildrill retry` and `maildrill requeue`: who is to be tried again, between two runs or beside senders that share.

Rule: the ledger is written first, then the log; nothing is sent, the next `maildrill send` does that.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import click

from maildrill.cli.books import Books, asks_books, campaign_argument
from maildrill.cli.exits import Exit
from maildrill.cli.log import CODE
from maildrill.sender.attempt import State
from maildrill.sender.ledger import Left, RecipientRecord
from maildrill.sender.operation import Moved, move
from maildrill.sender.review.moving import SETTLED, TEMPORARY, TWICE, Choice, brought_forward, taken_back
from maildrill.sender.review.selection import address_pattern
from maildrill.sender.review.table import of
from maildrill.sender.standing import Standing
from maildrill.smtp import escape

_SHOWN = 20
_EXITS = "Exit status: 0 done, 1 nobody is meant, or it was not confirmed, 2 usage, 75 and 78 as for send."


def _asks_whom(states: Sequence[State]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options that say who is meant."""
    choice = click.Choice([state.value for state in states])

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
            click.option("--dry-run", is_flag=True, help="Say who it would be, and change nothing."),
            click.option("--state", "states", multiple=True, type=choice, help="Who is in this state."),
            click.option("--code", "codes", multiple=True, type=CODE, help="Whose last reply was 450, 45*, 4xx."),
            click.option("--domain", "domains", multiple=True, metavar="DOMAIN", help="Who is at this domain."),
            click.option("--address", "addresses", multiple=True, metavar="ADDRESS", help="This one; * is anything."),
        ):
            command = option(command)
        return command

    return decorated


@click.command(epilog=_EXITS)
@campaign_argument
@asks_books
@_asks_whom(TEMPORARY)
def retry(books: Books, *, states: tuple[str, ...], dry_run: bool, as_json: bool, **whom: Any) -> int:
    """Make due at once whoever of CAMPAIGN waits for another try: deferred, held, pending. Nobody who is done.

    The options say who; without any it is everybody who waits. The next `maildrill send` tries them.
    """
    choice = _choice(tuple(map(State, states)) or TEMPORARY, **whom)
    return _Move("retry", books, choice, brought_forward, as_json=as_json).run(dry_run=dry_run, yes=True)


@click.command(epilog=_EXITS)
@campaign_argument
@asks_books
@_asks_whom([state for state in State if state is not State.INFLIGHT])
@click.option("--yes", is_flag=True, help="Do not ask.")
def requeue(books: Books, *, states: tuple[str, ...], dry_run: bool, as_json: bool, yes: bool, **whom: Any) -> int:
    """Have those of CAMPAIGN tried again that were done with: failed, expired, held; with --state also others.

    Who is unknown or delivered may get a second copy: they must be named by --state. It is asked before anything is
    changed, and ledger and log say that an operator did it. The next `maildrill send` tries them.
    """
    if not states and not any(whom.values()):
        raise click.UsageError("say who: --address, --domain, --code or --state")
    choice = _choice(tuple(map(State, states)) or SETTLED, **whom)
    return _Move("requeue", books, choice, taken_back, as_json=as_json).run(dry_run=dry_run, yes=yes)


def _choice(
    states: tuple[State, ...], *, codes: tuple[str, ...], domains: tuple[str, ...], addresses: tuple[str, ...]
) -> Choice:
    return Choice(
        states=states,
        codes=codes,
        domains=frozenset(domain.removeprefix("@").casefold() for domain in domains),
        addresses=tuple(map(address_pattern, addresses)),
    )


def tell_left(left: Sequence[Left]) -> None:
    """Say on stderr whom a sender has at this moment, or who has moved by itself; they stay where they are."""
    for one in left[:_SHOWN]:
        click.echo(f"{escape(one.record.address)} is left as it is: {one.reason}", err=True)
    if len(left) > _SHOWN:
        click.echo(f"({len(left) - _SHOWN:,} more are left as they are)", err=True)


class _Move:
    """One command: whom it means, what it makes of them, and how it tells."""

    def __init__(
        self,
        by: str,
        books: Books,
        choice: Choice,
        change: Callable[[RecipientRecord, float], Standing | None],
        *,
        as_json: bool,
    ) -> None:
        self._by = by
        self._books = books
        self._choice = choice
        self._change = change
        self._as_json = as_json

    def run(self, *, dry_run: bool, yes: bool) -> Exit:
        """Find them, ask, move them, say so."""
        now = time.time()  # noqa: TID251 - the shell's clock
        left: Sequence[Left] = ()
        with self._books.changing() as book:
            changed = ((one, self._change(one, now)) for one in book.recipients() if one in self._choice)
            moved: Sequence[Moved] = [Moved(one, standing) for one, standing in changed if standing is not None]
            sure = yes or dry_run or not moved or self._confirmed(moved)
            if sure and moved and not dry_run:
                with self._books.logging() as log:  # one that cannot be written stops it before anything is changed
                    moved, left = move(book, log, moved, at=now, by=self._by)
        if not sure:
            click.echo("nothing was changed", err=True)
            return Exit.FAILED
        self._tell(moved, left, dry_run=dry_run)
        return Exit.OK if moved else Exit.FAILED

    def _confirmed(self, moved: Sequence[Moved]) -> bool:
        counts = Counter(one.record.state for one in moved)
        words = ", ".join(f"{count:,} {state}" for state, count in counts.most_common())
        twice = sum(counts[state] for state in TWICE)
        risk = f"; {of(twice, 'recipient')} may get a second copy" if twice else ""
        try:
            return click.confirm(f"{self._by} {of(len(moved), 'recipient')} ({words}){risk}?", err=True)
        except click.Abort:  # nobody there to be asked
            click.echo("\n--yes says so beforehand", err=True)
            return False

    def _tell(self, moved: Sequence[Moved], left: Sequence[Left], *, dry_run: bool) -> None:
        tell_left(left)
        if self._as_json:
            who = [{"recipient": one.record.address, "before": one.record.state.value} for one in moved]
            stay = [{"recipient": one.record.address, "reason": one.reason} for one in left]
            found = {"by": self._by, "dry_run": dry_run, "recipients": who, "left": stay}
            click.echo(json.dumps(found, indent=2))
            return
        for one in moved[:_SHOWN]:
            last = f" ({one.record.reply})" if one.record.reply else ""
            click.echo(f"{escape(one.record.address)}: {one.record.state}{last}, now {one.standing.state}")
        if len(moved) > _SHOWN:
            click.echo(f"({len(moved) - _SHOWN:,} more)")
        would = "would be" if dry_run else "is" if len(moved) == 1 else "are"
        click.echo(f"{of(len(moved), 'recipient')} {would} due at once")
        if moved and not dry_run:
            click.echo("`maildrill send` tries again", err=True)
