"""A run by a crew: taken in, handed out, and summed up by the process that began it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from maildrill.cli.crew import Crew
from maildrill.cli.crew_words import Ended, Go
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.content import Caution
from maildrill.sender.ledger import Ledger
from maildrill.sender.lists import Row
from maildrill.sender.roll import begin_run, end_run
from maildrill.sender.runner import RunSummary
from maildrill.sender.watch import Watch, standing_pause
from maildrill.smtp import Clock


async def run_crew(  # noqa: PLR0913 - everything that a run touches
    crew: Crew,
    campaign: Campaign,
    rows: Iterable[Row],
    ledger: Ledger,
    *,
    clock: Clock,
    log: ConnectionLog,
    stop: asyncio.Event,
    caution: Caution,
) -> RunSummary:
    """Send until nobody waits any more, until asked to stop or until paused; return what it came to.

    Raises what Runner.run raises, and MaildrillError where one of the processes is gone.
    """
    started = clock.now()
    begin_run(campaign, ledger, log, rows, started)
    watch = Watch(campaign.limits.pause_after, ledger, log)
    watch.begin(caution, started)
    done = Ended()
    if watch.pause is None:
        saying = asyncio.create_task(_say_stopping(stop, clock, log), name="maildrill stopping")
        try:
            done = await crew.send(Go(ledger.run, ledger.created), log, stop)
        finally:
            saying.cancel()
            await asyncio.wait([saying])
    now, pause = clock.now(), standing_pause(ledger)
    before = ledger.counts()
    stopped = stop.is_set() and before[State.PENDING] + before[State.DEFERRED] > 0
    reason = "paused" if pause else "stopped" if stopped else "done"
    states = end_run(ledger, log, now, reason=reason, connections=done.connections, attempts=done.attempts)
    return RunSummary(
        started=started,
        ended=now,
        connections=done.connections,
        attempts=done.attempts,
        states=states,
        stopped=stopped,
        pause=pause,
    )


async def _say_stopping(stop: asyncio.Event, clock: Clock, log: ConnectionLog) -> None:
    await stop.wait()
    log.emit("run.stopping", clock.now(), reason="asked to stop")
