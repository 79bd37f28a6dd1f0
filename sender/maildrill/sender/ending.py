"""What a run comes to, as a number that a shell reads: what the recipients in its ledger say is left to do. Pure.

Rule: mail that remains weighs more than mail that failed, for somebody has to do something about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from maildrill.sender.attempt import State
from maildrill.smtp import Stage

if TYPE_CHECKING:  # the command line knows these numbers before it knows what a ledger is
    from maildrill.sender.ledger.records import RecipientRecord


class Ending(IntEnum):
    """How a run ended; 64 and above are those of BSD's sysexits, which mailers speak."""

    DONE = 0  # all accepted
    FAILED = 1  # some not, and nothing is left to do
    PAUSED = 65  # EX_DATAERR: the content of the message is refused
    LEFTOVERS = 75  # EX_TEMPFAIL: mail remains that a later run will send
    AUTHENTICATION = 77  # EX_NOPERM: the server wants to know who we are


#: Replies that ask who we are, or do not believe it (RFC 4954): no recipient is at fault.
_AUTHENTICATION = frozenset({530, 534, 535, 538})
_LEFTOVERS = frozenset({State.PENDING, State.INFLIGHT, State.DEFERRED, State.HELD})
_FAILED = frozenset({State.FAILED, State.EXPIRED, State.UNKNOWN})
_HEAVIEST_FIRST = (Ending.AUTHENTICATION, Ending.LEFTOVERS, Ending.FAILED)


def ending_of(recipients: Iterable[RecipientRecord]) -> Ending:
    """Return what the ledger's recipients come to, where the campaign is not paused.

    All of them are read: an answer of the ledger that is left half-read outlives its connection.
    """
    found = {_ending(record) for record in recipients}
    return next((ending for ending in _HEAVIEST_FIRST if ending in found), Ending.DONE)


def _ending(record: RecipientRecord) -> Ending:
    if record.state is State.HELD and _wants_authentication(record):
        return Ending.AUTHENTICATION
    if record.state in _LEFTOVERS:
        return Ending.LEFTOVERS
    return Ending.FAILED if record.state in _FAILED else Ending.DONE


def _wants_authentication(record: RecipientRecord) -> bool:
    return record.stage is Stage.AUTH or (record.reply is not None and record.reply.code in _AUTHENTICATION)
