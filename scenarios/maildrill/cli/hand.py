"""One process of a crew: it sends its share of the campaign.

Rule 1: it ends between two transactions when the process that began it is gone. Rule 2: as long as it lives the ledger
is nobody else's (see sender.ledger.crew).
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from maildrill.cli.crew import Crew, begin
from maildrill.cli.crew_ends import HandEnd
from maildrill.cli.crew_words import Answer, Ended, Failed, Go, Look, Order, Ready, Stop
from maildrill.cli.loop import best_loop
from maildrill.cli.system_clock import SystemClock
from maildrill.sender.campaign import Campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import Durability, Ledger, join_ledger
from maildrill.sender.ledger.crew import CrewFile
from maildrill.sender.log_sinks import JsonLines, TextFile
from maildrill.sender.message import Composer
from maildrill.sender.runner import Runner
from maildrill.sender.share import Share
from maildrill.smtp.collecting import collecting_seldom


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a crew is to send. ledger, events, text: the files of the campaign; a hand opens the first alone."""

    campaign: Campaign
    composer: Composer
    ledger: Path
    events: Path
    text: Path
    durability: Durability
    local_hostname: str


def begin_hands(processes: int, task: Task) -> AbstractContextManager[Crew]:
    """Begin so many processes for a task; see `crew.begin`."""
    return begin(processes, partial(work, task))


def work(task: Task, share: Share, end: HandEnd) -> None:
    """Be a hand: wait for the order to go, send this share, say what it came to. Raises nothing."""
    with suppress(EOFError, OSError):  # nobody is there any more
        end.words.send(Ready())
        order = end.words.recv()
        if isinstance(order, Go):
            end.words.send(_answer(task, share, end, order))


def _answer(task: Task, share: Share, end: HandEnd, go: Go) -> Answer:
    try:
        with closing(CrewFile(task.ledger, share.place)) as crew:
            # Only now is it asked whether whoever began us lives: if so, the lease is still held, and who gets it later
            # finds our lock. If not, somebody else may have the ledger already, and we must not touch it.
            if end.words.poll() and isinstance(_heard(end.words), Stop):
                return Ended()
            campaign = share.of_campaign(task.campaign)
            with (
                closing(
                    join_ledger(
                        task.ledger,
                        campaign.name,
                        share,
                        run=go.run,
                        created=go.created,
                        durability=task.durability,
                        turn=crew.turn,
                    )
                ) as ledger,
                collecting_seldom(),
                asyncio.Runner(loop_factory=best_loop) as loop,
            ):
                return loop.run(_sent(task, campaign, ledger, share, end))
    except Exception as error:  # told by whoever began us
        return Failed.of(error)


async def _sent(task: Task, campaign: Campaign, ledger: Ledger, share: Share, end: HandEnd) -> Ended:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    events, text = end.files()
    sinks = JsonLines(task.events, into=events), TextFile(task.text, into=text)
    with ConnectionLog(*sinks, eager=True, on_fault=lambda _: stop.set()) as log:
        runner = Runner(
            campaign,
            (),
            task.composer,
            ledger,
            clock=SystemClock(),
            log=log,
            stop=stop,
            local_hostname=task.local_hostname,
            share=share,
        )

        def hear() -> None:
            order = _heard(end.words)
            if isinstance(order, Look):
                runner.look()
            else:
                loop.remove_reader(end.words.fileno())
                stop.set()

        loop.add_reader(end.words.fileno(), hear)
        try:
            done = await runner.run()
        finally:
            loop.remove_reader(end.words.fileno())
    return Ended(done.connections, done.attempts)


def _heard(words: Connection) -> Order:
    """Return the next order; where there is nobody to give one, to stop."""
    try:
        order: Order = words.recv()
    except (EOFError, OSError):
        return Stop()
    return order
