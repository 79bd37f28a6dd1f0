"""`maildrill send`: a campaign over TCP, for real; run again, it goes on where it stopped.

Rule 1: everything that can be wrong with the files is found before a connection is made.
Rule 2: Ctrl-C stops between commands; nothing makes it leave a transaction whose final dot has gone.
Rule 3: where several processes send, they are begun before the ledger is opened (see `crew`).
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maildrill.cli.descriptors import need_for_sending
from maildrill.cli.exits import CommandError, Exit, error_exits
from maildrill.cli.loop import best_loop
from maildrill.cli.place import CAMPAIGN, PLACE
from maildrill.cli.progress import Progress, display
from maildrill.cli.stopping import Stop
from maildrill.cli.system_clock import SystemClock
from maildrill.sender.account_file import exposed
from maildrill.sender.campaign import Campaign
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.canary import canary_alone, canary_of
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.content import Caution
from maildrill.sender.ending import ending_of
from maildrill.sender.ledger import Durability, Ledger, is_shared, open_book
from maildrill.sender.lists import Recipients, spool_list
from maildrill.sender.log_files import log_files
from maildrill.sender.merge.preflight import preflight
from maildrill.sender.message import Composer
from maildrill.sender.report import Summary, render_text, summarise
from maildrill.sender.runner import Runner, RunSummary
from maildrill.sender.share import check_shares
from maildrill.sender.watch import standing_pause
from maildrill.smtp import MaildrillError, timestamp
from maildrill.smtp.collecting import collecting_seldom

if TYPE_CHECKING:
    from maildrill.cli.crew import Crew


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be sent, read and checked; and where it is written down."""

    campaign: Campaign
    recipients: Recipients
    composer: Composer
    place: Path | str
    durability: Durability
    events: Path
    text: Path
    caution: Caution


@click.command(
    epilog="Exit status: 0 all accepted, 1 some not, 2 usage, 65 paused: the content is refused, 74 report not "
    "printed, 75 mail remains for a later run, or a disk failed, 77 the server wants authentication, 78 configuration."
)
@click.argument("campaign", type=CAMPAIGN)
@click.option(
    "--ledger",
    type=PLACE,
    metavar="FILE|URL",
    help="Where everybody stands; a postgresql:// URL to share it. [CAMPAIGN.ledger]",
)
@click.option(
    "--log-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where the logs go. [the ledger's folder]"
)
@click.option(
    "--durability",
    type=click.Choice([level.value for level in Durability]),
    default=Durability.POWER.value,
    help="What a write must have survived before the final dot leaves: a power cut, a kill, or nothing. [power]",
)
@click.option(
    "--canary",
    type=click.IntRange(min=1),
    metavar="N",
    help="Send to the first N of the list, wait for them, and stop.",
)
@click.option("--then-go-on", is_flag=True, help="After a canary of which all are delivered go on with the rest.")
@click.option("--resume", is_flag=True, help="Go on though the campaign is paused because its content was refused.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    help="Share the work out to so many processes, one for each core that is to be busy. [1]",
)
@click.option("--forget-limits", is_flag=True, help="Forget what destinations have taught of their limits.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def send(  # noqa: PLR0913 - one for each option
    campaign: Path,
    ledger: Path | str | None,
    log_dir: Path | None,
    *,
    durability: str,
    canary: int | None,
    then_go_on: bool,
    resume: bool,
    processes: int,
    forget_limits: bool,
    as_json: bool,
) -> int:
    """Send CAMPAIGN (a file) over TCP, and wait for what is due later.

    Ctrl-C stops it. Run it again to go on: who has the message does not get it a second time.

    When the content is refused (the same 5yz after the dot for [limits] pause_after recipients in a row) the campaign
    is paused, and goes on with --resume alone.
    """
    if then_go_on and not canary:
        raise click.UsageError("--then-go-on says what is to be done after a canary: --canary N --then-go-on")
    caution = Caution(canary=canary or 0, go_on=then_go_on, resume=resume)
    file = ledger if isinstance(ledger, Path) else campaign.with_suffix(".ledger")
    places = (ledger or file, (log_dir or file.parent) / file.stem)
    with error_exits(configuration=Exit.CONFIGURATION, others=Exit.LEFTOVERS), ExitStack() as opened:
        order = _prepared(campaign, *places, durability=Durability(durability), caution=caution)
        need_for_sending(order.campaign.limits.connections, order.recipients.recipients, processes)
        crew = opened.enter_context(_crew(order, processes)) if processes > 1 else None
        clock = SystemClock()
        book = opened.enter_context(
            closing(open_book(order.place, order.campaign, at=clock.now(), durability=order.durability))
        )
        if forget_limits:
            book.forget()
        _refuse_paused(book, caution, clock.now())
        summary = _sent(order, book, clock, crew)
        click.echo(json.dumps(summary.to_json(), indent=2) if as_json else render_text(summary), nl=as_json)
        if summary.pause is not None:
            return Exit.PAUSED
        told = book.recipients()
        return Exit(ending_of(told if summary.canary is None else canary_of(told, caution.canary).records))


def _crew(order: Order, processes: int) -> AbstractContextManager[Crew]:
    """Begin the processes that share the work; refuse what they cannot share."""
    from maildrill.cli.hand import Task, begin_hands  # noqa: PLC0415 - one process needs none of this

    alone = (
        (order.caution.canary, "--canary: a few recipients need one process"),
        (
            order.durability is Durability.NONE,
            "--durability none: all that is written is one transaction, of one process",
        ),
        (is_shared(order.place), "a ledger in a database: start `maildrill send` several times instead"),
        (not hasattr(os, "fork"), "this system: it does not let a process fork"),
    )
    for is_so, why in alone:
        if is_so:
            raise click.UsageError(f"--processes cannot be used with {why}")
    check_shares(order.campaign, processes)
    task = Task(
        campaign=order.campaign,
        composer=order.composer,
        ledger=Path(order.place),
        events=order.events,
        text=order.text,
        durability=order.durability,
        local_hostname=_local_hostname(),
    )
    return begin_hands(processes, task)


def _refuse_paused(book: Ledger, caution: Caution, now: float) -> None:
    """Begin nothing where the campaign is paused and nobody has said that it is to go on all the same."""
    pause = standing_pause(book)
    if pause is None or caution.resume:
        return
    book.ended(now)
    raise CommandError(
        MaildrillError(
            f"the campaign is paused since {timestamp(pause.at)}: {pause.recipients} recipients in a row got the same "
            f"reply after the dot: {pause.reply}",
            expected="--resume, once the cause is gone",
            hint=f"`maildrill requeue --code {pause.reply.code}` has those tried again who were refused; to send "
            "another message begin another campaign, with the list of who is left",
        ),
        Exit.PAUSED,
    )


def _prepared(file: Path, place: Path | str, logs: Path, *, durability: Durability, caution: Caution) -> Order:
    """Read and check everything; raises ConfigurationError for whatever would stop the run half-way."""
    campaign = read_campaign(file)
    warning = exposed(campaign.accounts_file) if campaign.accounts_file else ""
    if warning:
        click.echo(f"warning: {warning}", err=True)
    recipients = spool_list(campaign)
    preflight(campaign, recipients)
    for member in campaign.members:
        if member.account.auth is not None:
            member.account.auth.secret.reveal()
    return Order(
        campaign=campaign,
        recipients=recipients,
        composer=Composer(campaign),
        place=place,
        durability=durability,
        events=logs.with_name(f"{logs.name}.events.jsonl"),
        text=logs.with_name(f"{logs.name}.connection.log"),
        caution=caution,
    )


def _sent(order: Order, book: Ledger, clock: SystemClock, crew: Crew | None) -> Summary:
    """Send, by a crew if there is one, and say what it came to."""
    began = time.monotonic()
    with ExitStack() as opened:
        files = opened.enter_context(log_files(order.events, order.text, shared=is_shared(order.place)))
        screen = display()
        stop = Stop(screen)
        log = opened.enter_context(
            ConnectionLog(*files, Progress(screen), eager=True, on_fault=lambda _: stop.event.set())
        )
        for row in order.recipients.set_aside:
            log.set_aside(clock.now(), row)
        with collecting_seldom(), asyncio.Runner(loop_factory=best_loop) as runner:
            run = runner.run(_run(order, book, clock, log, stop=stop, crew=crew))
    if log.fault:
        raise log.fault
    return summarise(
        order.campaign,
        book.recipients(),
        book.attempts(),
        order.recipients.set_aside,
        connections=run.connections,
        virtual_seconds=run.ended - run.started,
        real_seconds=time.monotonic() - began,
        pause=run.pause,
        canary=canary_alone(run.canary, order.caution),
    )


async def _run(  # noqa: PLR0913 - everything that a run touches
    order: Order, book: Ledger, clock: SystemClock, log: ConnectionLog, *, stop: Stop, crew: Crew | None
) -> RunSummary:
    rows = order.recipients.recipients
    with stop.on_signals():
        if crew is not None:
            from maildrill.cli.crew_run import run_crew  # noqa: PLC0415 - one process needs none of this

            return await run_crew(
                crew, order.campaign, rows, book, clock=clock, log=log, stop=stop.event, caution=order.caution
            )
        runner = Runner(
            order.campaign,
            rows,
            order.composer,
            book,
            clock=clock,
            log=log,
            stop=stop.event,
            local_hostname=_local_hostname(),
            caution=order.caution,
        )
        return await runner.run()


def _local_hostname() -> str:
    """Return what we call ourselves in EHLO (RFC 5321 section 4.1.1.1): our full name, if we know it without asking."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
