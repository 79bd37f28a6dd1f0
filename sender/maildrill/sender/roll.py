"""The beginning and the end of a run, written down: in the ledger, and in the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from maildrill.sender.attempt import State
from maildrill.sender.campaign import Campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.intake import log_recovered
from maildrill.sender.ledger import Ledger
from maildrill.sender.lists import Row
from maildrill.sender.message import message_id


def begin_run(
    campaign: Campaign, ledger: Ledger, log: ConnectionLog, rows: Iterable[Row], now: float
) -> Mapping[State, int]:
    """Take in the list and whatever earlier runs left; log it all; return how many are in each state."""
    enrolment = ledger.enrol(rows, partial(message_id, campaign), now)
    states = ledger.counts()
    total = sum(states.values())
    log.emit(
        "run.started",
        now,
        campaign=campaign.name,
        sender=campaign.sender.address,
        relay=campaign.relay,
        mode=campaign.mode.value,
        recipients=total,
        seed=campaign.seed,
        resumed=total > enrolment.added,
    )
    if total > enrolment.added:
        log_recovered(log, ledger.recovered, now)
    for address, state, attempts in ledger.standings(enrolment.last_key) if enrolment.last_key else ():
        log.emit("recipient.restored", now, recipient=address, state=state, attempts=attempts)
    for address, number, identity in ledger.newcomers(enrolment.last_key):
        log.emit("recipient.queued", now, recipient=address, row=number, message_id=identity)
    return states


def end_run(  # noqa: PLR0913 - what there is to be said
    ledger: Ledger, log: ConnectionLog, now: float, *, reason: str, connections: int, attempts: int
) -> Mapping[State, int]:
    """Write down that a run is over, and why; return how many are in each state that anybody is in."""
    ledger.ended(now)
    states = {state: count for state, count in ledger.counts().items() if count}
    log.emit(
        "run.ended",
        now,
        reason=reason,
        states={state.value: count for state, count in states.items()},
        connections=connections,
        attempts=attempts,
    )
    return states
