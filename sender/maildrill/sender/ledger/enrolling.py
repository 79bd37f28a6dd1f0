"""Bring a ledger up to the list: who is new is added, who is out of it is suppressed, who was held begins anew.

Rule 1: no more than a page of the list is in memory at a time. Rule 2: what a recipient needs for its message is worked
out when it is added, and not again for a later run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from json.encoder import encode_basestring as _quoted
from typing import TYPE_CHECKING

from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.records import Enrolment
from maildrill.sender.lists import Row
from maildrill.sender.standing import requeued
from maildrill.smtp import domain_of

if TYPE_CHECKING:
    from maildrill.sender.ledger.sql_ledger import SqlLedger

GONE = "no longer in the list"
_AT_ONCE = 1000  # rows that are in memory at a time

#: The list of this run, while it is compared with the ledger.
_LISTED = "CREATE TEMPORARY TABLE listed (identity TEXT PRIMARY KEY)"
_LIST = "INSERT INTO listed (identity) VALUES (?) ON CONFLICT (identity) DO NOTHING"
#: The same for a JSON array of them; and the places of those in it that the ledger does not have.
_LIST_ALL = "INSERT OR IGNORE INTO listed (identity) SELECT value FROM json_each(?)"
_UNKNOWN = "SELECT key FROM json_each(?) WHERE value NOT IN (SELECT identity FROM recipient) ORDER BY key"
_UNLISTED = "DROP TABLE listed"
_RETURNING = (
    f"{sql.WHO_WAITS} WHERE (state = 'held' OR (state = 'suppressed' AND reason = ?))"  # noqa: S608 - constants only
    " AND identity IN (SELECT identity FROM listed) ORDER BY id LIMIT ?"
)
ADD = (
    "INSERT INTO recipient (identity, address, domain, number, fields, message_id, queued_at, state, due)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?) ON CONFLICT (identity) DO NOTHING"
)
_SUPPRESS = (
    "UPDATE recipient SET state = 'suppressed', due = NULL, reason = ?"
    " WHERE state IN ('pending', 'deferred', 'held') "
    " AND NOT EXISTS (SELECT 1 FROM listed WHERE listed.identity = recipient.identity)"
)


def enrol(ledger: SqlLedger, rows: Iterable[Row], message_id: Callable[[Row], str], at: float) -> Enrolment:
    """Bring a ledger up to the list in the caller's transaction; `Ledger.enrol` says what is given and returned."""
    (last_key,) = ledger.do(sql.LAST_KEY) or (0,)
    before = sum(ledger.counts().values())
    if before:
        ledger.do(_LISTED)
    listing = iter(rows)
    while some := list(islice(listing, _AT_ONCE)):
        new = _listed(ledger, some) if before else some
        ledger.each(ADD, [_newcomer(row, message_id(row), at) for row in new])
    if before:
        ledger.do(_SUPPRESS, (GONE,))
        _requeue(ledger, at)
        ledger.do(_UNLISTED)
    return Enrolment(sum(ledger.counts().values()) - before, last_key)


def _listed(ledger: SqlLedger, some: Sequence[Row]) -> Sequence[Row]:
    """Note that these are in the list; return those of them who may be new."""
    identities = [identity(row.address) for row in some]
    if not ledger.takes_arrays:
        ledger.each(_LIST, [(one,) for one in identities])
        return some
    array = json.dumps(identities)
    ledger.do(_LIST_ALL, (array,))
    return [some[place] for (place,) in ledger.all(_UNKNOWN, (array,))]


def _requeue(ledger: SqlLedger, at: float) -> None:
    """Give those who were held, and those who are in the list again, a new start."""
    while some := [sql.waiting(found) for found in ledger.all(_RETURNING, (GONE, _AT_ONCE))]:
        ledger.each(sql.STAND, [sql.standing(who.key, requeued(who.standing, at)) for who in some])


def identity(address: str) -> str:
    """Return what is equal for two spellings of one recipient (as lists.addresses has it)."""
    return address.casefold()


def _newcomer(row: Row, message_id: str, at: float) -> tuple[object, ...]:
    domain = domain_of(row.address)
    return (identity(row.address), row.address, domain, row.number, as_json(row.fields), message_id, at, at)


def as_json(fields: Mapping[str, str]) -> str:
    """Return texts by their names as JSON, as json.dumps has them, which takes four times as long."""
    return "{" + ", ".join([f"{_quoted(name)}: {_quoted(text)}" for name, text in fields.items()]) + "}"
