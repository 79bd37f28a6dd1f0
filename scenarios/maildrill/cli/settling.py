"""`maildrill settle` and `maildrill bounces`: what was learned later, by an operator or by what came back.

Rule: the ledger is written first, then the log; both say who said so, and from what.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from maildrill.cli.books import Books, books, ledger_options, reading_exits
from maildrill.cli.exits import CommandError, Exit
from maildrill.cli.mailbox import messages_in
from maildrill.cli.place import CAMPAIGN, of_whom
from maildrill.sender.attempt import State
from maildrill.sender.bounces import Returned, read_message
from maildrill.sender.bounces.settlement import Settlement, named_in, names_of, whose
from maildrill.sender.bounces.settlement import settle as settled_by
from maildrill.sender.classification import bundled
from maildrill.sender.dsn import EnvelopeId, message_of
from maildrill.sender.ledger import Left, RecipientRecord
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.lists.suppression import Suppressing
from maildrill.sender.operation import Moved, as_said, can_be_settled
from maildrill.sender.operation import settle as settle_in
from maildrill.smtp import ConfigurationError, MaildrillError, escape


@click.command(epilog="Exit status: 0 settled, 1 there is nothing to settle, 2 usage, 75 say it again later, 78.")
@click.argument("words", nargs=-1, metavar="[CAMPAIGN] ADDRESS")
@ledger_options
@click.option("--delivered", "said", flag_value="delivered", help="The message has arrived.")
@click.option("--failed", "said", flag_value="failed", help="The message has not arrived, and is not sent again.")
@click.option("--retry", "said", flag_value="retry", help="The message has not arrived: send it again.")
def settle(words: tuple[str, ...], ledger: Path | str | None, log_dir: Path | None, *, said: str | None) -> int:
    """Say what became of ADDRESS where nobody could know: the connection was lost after the final dot.

    Ask whoever runs the server for the Message-ID that `maildrill explain` shows. Without CAMPAIGN (a file) it is the
    only ledger of this folder.
    """
    if not 1 <= len(words) <= 2 or said is None:
        raise click.UsageError("say which address, and one of --delivered, --failed and --retry")
    campaign, address = of_whom(words)
    with reading_exits():
        desk = books(campaign, ledger, log_dir)
        with desk.changing() as book:
            record = book.find(address)
            if record is None or not can_be_settled(record):
                raise CommandError(_nothing_to_settle(address, record), Exit.FAILED)
            moved = as_said(record, said, time.time())  # noqa: TID251 - the shell's clock
            for one in _write(desk, book, [moved], by="settle"):
                raise CommandError(_left(one), Exit.LEFTOVERS)
    click.echo(f"{escape(record.address)}: {record.state}, now {moved.standing.state}")
    return Exit.OK


@click.command(epilog="Exit status: 0 read, 1 no report is about this campaign, 2 usage, 75 read it again later, 78.")
@click.argument("sources", nargs=-1, required=True, metavar="FILE|MAILDIR|-...")
@click.option("--campaign", type=CAMPAIGN, metavar="FILE", help="Whose. [this folder's only ledger]")
@ledger_options
@click.option(
    "--suppress", type=click.Path(path_type=Path), metavar="FILE", help="Add who is not to be written to again."
)
@click.option("--dry-run", is_flag=True, help="Say what it would be, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each report, one a line.")
def bounces(  # noqa: PLR0913 - an argument for each option
    sources: tuple[str, ...],
    campaign: Path | None,
    ledger: Path | str | None,
    log_dir: Path | None,
    *,
    suppress: Path | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Read what came back (messages, mboxes, Maildirs; - is standard input), and settle who is meant by it.

    Delivery status reports (RFC 3464), complaints (RFC 5965), bounces written for people, automatic replies. A report
    is ours where it names a Message-ID or an ENVID of this campaign; who was Unknown is known then, who bounced has
    failed.
    """
    with reading_exits(), ExitStack() as stack:
        desk = books(campaign, ledger, log_dir)
        came = [read_message(octets) for source in sources for octets in messages_in(source)]
        listing = stack.enter_context(Suppressing(suppress)) if suppress is not None and not dry_run else None
        left: Sequence[Left] = ()
        with desk.changing() as book:
            settlements = list(_settlements(came, book))
            moved = [_as_reported(one) for one in settlements if one.state is not None]
            if moved and not dry_run:
                left = _write(desk, book, moved, by="bounces")
        if listing is not None:
            listing.add((one.record.address, one.suppress) for one in settlements if one.suppress)
    settlements = _without(left, settlements)
    _tell(settlements, sum(len(one.reports) or 1 for one in came) - len(settlements), as_json=as_json)
    if left:
        return Exit.LEFTOVERS
    return Exit.OK if settlements else Exit.FAILED


def _without(left: Sequence[Left], settlements: Sequence[Settlement]) -> list[Settlement]:
    """Return the settlements as they are: who was left where it is, stays there."""
    why = {one.record.key: f"; {one.reason}, read it again later" for one in left}
    return [
        replace(one, state=None, reason=one.reason + why[one.record.key]) if one.record.key in why else one
        for one in settlements
    ]


def _settlements(came: Sequence[Returned], book: SqlLedger) -> Iterator[Settlement]:
    """Yield what the reports come to, each recipient as the report before has left it."""
    asked = {name for one in came for name in named_in(one)}
    ours: dict[str, list[int]] = {}
    now: dict[int, RecipientRecord] = {}
    for record in book.recipients():
        for name in asked.intersection(names_of(record.message_id)):
            ours.setdefault(name, []).append(record.key)
            now[record.key] = record
    for one in came:
        for report in one.reports:
            found = whose(one, report, lambda name: [now[key] for key in ours.get(name, ())])
            if found is not None:
                settlement = settled_by(found, report, bundled(), EnvelopeId.read(one.envelope_id))
                now[found.key] = replace(found, state=settlement.state or found.state)
                yield settlement


def _as_reported(one: Settlement) -> Moved:
    state = one.state or one.record.state
    return Moved(one.record, replace(one.record.waiting.standing, state=state, due=None, reason=one.reason), one.reason)


def _nothing_to_settle(address: str, record: RecipientRecord | None) -> MaildrillError:
    if record is None:
        return ConfigurationError(
            f"there is no {escape(address)} in the ledger", hint="maildrill explain says who is near"
        )
    if record.state is State.INFLIGHT:
        return ConfigurationError(
            f"the final dot for {escape(record.address)} has left, and nobody has written down the reply",
            hint="a sender waits ten minutes for it; if it died, the next maildrill send says what becomes of it",
        )
    return ConfigurationError(
        f"{escape(record.address)} is {record.state}, and no try of it ended unknown",
        hint="maildrill requeue has it tried again all the same",
    )


def _left(one: Left) -> MaildrillError:
    return MaildrillError(
        f"{escape(one.record.address)} is left as it is: {one.reason}",
        hint="nothing was changed; say it again later, if it is still so then",
    )


def _write(desk: Books, book: SqlLedger, moved: Sequence[Moved], *, by: str) -> Sequence[Left]:
    """Write down who moved, in the ledger and then in the log; a log that cannot be opened stops it before.

    Returns who was left where it is.
    """
    now = time.time()  # noqa: TID251 - the shell's clock
    with desk.logging() as log:
        _, left = settle_in(book, log, moved, at=now, by=by)
    return left


def _attempt(one: Settlement) -> dict[str, int] | None:
    """Return which try a report is about, by the numbers that ledger and log have for it; None: it does not say."""
    said = one.envelope_id
    if said is None or said.message != message_of(one.record.message_id):
        return None
    return {"run": said.run, "session": said.session, "transaction": said.transaction}


def _tell(settlements: Sequence[Settlement], strange: int, *, as_json: bool) -> None:
    for one in settlements:
        state = one.state or one.record.state
        if as_json:
            report = {"recipient": one.record.address, "kind": str(one.report.kind), "form": one.report.form}
            known = {"state": state.value, "reason": one.reason, "suppress": one.suppress, "attempt": _attempt(one)}
            click.echo(json.dumps({**report, **known}))
        else:
            change = f"{one.record.state}, now {state}" if one.state else f"stays {state}"
            vain = f"; {escape(one.suppress)}" if one.suppress else ""
            click.echo(f"{escape(one.record.address)}: {change} ({escape(one.reason)}){vain}")
    if strange:
        click.echo(f"{strange:,} not about this campaign", err=True)
