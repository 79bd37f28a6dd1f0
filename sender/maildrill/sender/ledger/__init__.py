"""The ledger: who is to get the message, what became of each try, and what may be on its way. Survives anything.

`records` the values · `store` the protocol · `sqlite`, `postgres` the two stores · `opening` which file is whose ·
`lease` who may write · `schema` its tables · `identity` what makes a campaign the same campaign.
"""

from maildrill.sender.ledger.lease import is_leased
from maildrill.sender.ledger.opening import (
    Durability,
    change_book,
    change_ledger,
    is_shared,
    join_ledger,
    open_book,
    open_ledger,
    read_book,
    read_ledger,
)
from maildrill.sender.ledger.records import (
    AttemptRecord,
    Enrolment,
    Entry,
    Intent,
    Left,
    Page,
    Pause,
    RecipientRecord,
    Recovered,
    Refusal,
    Requeued,
    RunRecord,
)
from maildrill.sender.ledger.store import Ledger, LedgerError

__all__ = [
    "AttemptRecord",
    "Durability",
    "Enrolment",
    "Entry",
    "Intent",
    "Ledger",
    "LedgerError",
    "Left",
    "Page",
    "Pause",
    "RecipientRecord",
    "Recovered",
    "Refusal",
    "Requeued",
    "RunRecord",
    "change_book",
    "change_ledger",
    "is_leased",
    "is_shared",
    "join_ledger",
    "open_book",
    "open_ledger",
    "read_book",
    "read_ledger",
]
