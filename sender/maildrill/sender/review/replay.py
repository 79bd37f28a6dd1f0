"""A ledger's records from a log alone: a shared, pseudonymised one can be reported on without its ledger.

Pure. What the log does not say is left open: hashes, lifetimes, and lists' line numbers of recipients of earlier logs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from maildrill.sender.attempt import Fault, Scope, State, Verdict
from maildrill.sender.ledger.records import AttemptRecord, Pause, RecipientRecord, Requeued, RunRecord
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_response import reply_of
from maildrill.sender.review.located import Located, locate
from maildrill.smtp import Stage


@dataclass(slots=True)
class Replayed:
    """What a ledger would hold. created: when the first run began."""

    campaign: str = ""
    created: float = 0.0
    recipients: dict[str, RecipientRecord] = field(default_factory=dict)
    attempts: list[AttemptRecord] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)
    requeues: list[Requeued] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    begun: dict[object, float] = field(default_factory=dict)  # when the last transaction of each session was


def replay(events: Iterable[LogEvent]) -> Replayed:
    """Return what the events come to."""
    made = Replayed()
    for one in locate(events):
        kind = one.event.kind
        move = _MOVES.get(kind) or (_state if kind.startswith("recipient.") and "state" in one.event.fields else None)
        if move is not None:
            move(made, one)
    return made


def _run_started(made: Replayed, one: Located) -> None:
    made.campaign = str(one.event.fields["campaign"])
    made.created = made.created or one.event.at
    made.runs.append(RunRecord(one.run, one.event.at, None))
    made.begun.clear()


def _run_ended(made: Replayed, one: Located) -> None:
    if made.runs:
        made.runs[-1] = replace(made.runs[-1], ended=one.event.at)


def _queued(made: Replayed, one: Located) -> None:
    (address,) = one.recipients
    made.recipients[address] = _newcomer(address, one.event.fields, one.event.at)


def _begun(made: Replayed, one: Located) -> None:
    made.begun[one.event.fields["session"]] = one.event.at


def _intended(made: Replayed, one: Located) -> None:
    for address in one.recipients:
        _move(made, address, State.INFLIGHT)


def _requeued(made: Replayed, one: Located) -> None:
    fields = one.event.fields
    before, by = State(str(fields["before"])), str(fields["by"])
    made.requeues.append(Requeued(recipient=one.recipients[0], at=one.event.at, before=before, by=by))
    _state(made, one)


def _paused(made: Replayed, one: Located) -> None:
    """Note a pause once: each run that finds the campaign paused says so again, with the same moment."""
    fields = one.event.fields
    since, recipients, reply = fields.get("since"), fields.get("recipients"), reply_of(fields)
    if not (isinstance(since, int | float) and isinstance(recipients, int) and reply is not None):
        return
    if all(known.at != since for known in made.pauses):
        made.pauses.append(Pause(at=since, run=one.run, recipients=recipients, reply=reply))


def _resumed(made: Replayed, one: Located) -> None:
    """An operator lifts every pause that stands, as in the ledger."""
    at = one.event.at
    made.pauses = [pause if pause.resumed is not None else replace(pause, resumed=at) for pause in made.pauses]


def _newcomer(address: str, fields: Mapping[str, object], at: float) -> RecipientRecord:
    row = fields.get("row")
    return RecipientRecord(
        address=address,
        number=row if isinstance(row, int) else 0,
        state=State.PENDING,
        attempts=0,
        queued_at=at,
        due=at,
        first_at=None,
        expires_at=None,
        message_id=str(fields.get("message_id", "")),
    )


def _move(made: Replayed, address: str, state: State, **changes: object) -> None:
    known = made.recipients.get(address) or _newcomer(address, {}, 0.0)
    made.recipients[address] = replace(known, state=state, **changes)  # type: ignore[arg-type]


def _state(made: Replayed, one: Located) -> None:
    """Move a recipient by an event that is no try."""
    fields = one.event.fields
    attempts, reason = fields.get("attempts"), fields.get("reason")
    counted = {"attempts": attempts} if isinstance(attempts, int) else {}
    _move(made, one.recipients[0], State(str(fields["state"])), reason=str(reason or ""), **counted)


def _tried(made: Replayed, one: Located) -> None:
    event, fields = one.event, one.event.fields
    started = made.begun.get(fields["session"], event.at)
    reply, fault = reply_of(fields), Fault(str(fields["fault"])) if "fault" in fields else None
    number, until, session = fields["num_attempts"], fields.get("until"), fields["session"]
    record = AttemptRecord(
        recipient=one.recipients[0],
        number=number if isinstance(number, int) else 0,
        run=one.run,
        session=session if isinstance(session, int) else 0,
        transaction=one.transaction,
        started=event.at if one.transaction is None else started,
        ended=event.at,
        verdict=Verdict(str(fields["verdict"])),
        state=State(str(fields["state"])),
        scope=Scope(str(fields["scope"])),
        stage=one.stage or Stage.IDLE,
        row=str(fields["row"]),
        counted=bool(fields["counted"]),
        reply=reply,
        fault=fault,
        detail=str(fields.get("detail", "")),
        until=until if isinstance(until, int | float) else None,
        override=str(fields.get("override", "")),
    )
    made.attempts.append(record)
    _move(
        made,
        record.recipient,
        record.state,
        attempts=record.number,
        due=record.until,
        verdict=record.verdict,
        stage=record.stage,
        reply=reply,
        fault=fault,
        row=record.row,
        reason=record.detail,
    )


_MOVES: dict[str, Callable[[Replayed, Located], None]] = {
    "run.started": _run_started,
    "run.ended": _run_ended,
    "recipient.queued": _queued,
    "recipient.requeued": _requeued,
    "transaction.started": _begun,
    "transaction.intent": _intended,
    "attempt": _tried,
    "campaign.paused": _paused,
    "campaign.resumed": _resumed,
}
