"""What an operator does to a campaign between two runs, or beside senders that share: in the ledger, then in the log.

Rule 1: the ledger is written first, then the log. Rule 2: nothing is sent; the next run tries whoever is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from maildrill.sender.attempt import State
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import Left, RecipientRecord
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.standing import Standing, requeued

#: What an operator may say of a message whose fate nobody knew, and where its recipient stands then.
SAID = {"delivered": State.DELIVERED, "failed": State.FAILED, "retry": State.PENDING}

_OPEN = (State.UNKNOWN, State.DEFERRED, State.EXPIRED)
_REASON = "an operator said so"


@dataclass(frozen=True, slots=True)
class Moved:
    """A recipient, where it stands from now on, and why (in words; "" where the command says it all)."""

    record: RecipientRecord
    standing: Standing
    reason: str = ""


def can_be_settled(record: RecipientRecord) -> bool:
    """Whether nobody knows what became of a message for this recipient, and nothing is settled yet."""
    return record.doubtful and record.state in _OPEN


def as_said(record: RecipientRecord, said: str, now: float) -> Moved:
    """Return what an operator makes of a recipient; said: a word of SAID."""
    standing = record.waiting.standing
    if said == "retry":
        return Moved(record, requeued(standing, now), _REASON)
    return Moved(record, replace(standing, state=SAID[said], due=None, reason=_REASON), _REASON)


def move(
    book: SqlLedger, log: ConnectionLog, moved: Sequence[Moved], *, at: float, by: str
) -> tuple[Sequence[Moved], Sequence[Left]]:
    """Write down who is tried again, and by which command; return who moved, and who was left where it is."""
    return _written(book, log, moved, at=at, by=by, kind="recipient.requeued")


def settle(
    book: SqlLedger, log: ConnectionLog, moved: Sequence[Moved], *, at: float, by: str
) -> tuple[Sequence[Moved], Sequence[Left]]:
    """Write down what was learned of recipients, and by which command; return who moved, and who was left."""
    return _written(book, log, moved, at=at, by=by, kind="recipient.settled")


def _written(  # noqa: PLR0913 - what is written is named one by one
    book: SqlLedger, log: ConnectionLog, moved: Sequence[Moved], *, at: float, by: str, kind: str
) -> tuple[Sequence[Moved], Sequence[Left]]:
    left = book.requeue([(one.record, one.standing) for one in moved], at=at, by=by)
    staying = {one.record.key for one in left}
    gone = [one for one in moved if one.record.key not in staying]
    for one in gone:
        log.emit(
            kind,
            at,
            recipient=one.record.address,
            state=one.standing.state.value,
            attempts=one.standing.attempts,
            before=one.record.state.value,
            by=by,
            **({"reason": one.reason} if one.reason else {}),
        )
    return gone, left
