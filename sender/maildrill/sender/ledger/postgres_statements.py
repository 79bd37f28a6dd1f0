"""The SQL of the ledger that only PostgreSQL is asked: leases, who is alive, and what an operator may move.

Rule: `clock_timestamp()` is the one clock of leases. Parameters are marked `?`, as everywhere.
"""

from __future__ import annotations

from maildrill.sender.ledger import statements as sql

_COLUMNS = "id, address, queued_at, state, attempts, due, first_at, expires_at, doubtful, reason"
_UNTIL = "clock_timestamp() + make_interval(secs => ?)"

LEASE = (
    f"UPDATE recipient SET lease_run = ?, lease_until = {_UNTIL} WHERE id IN ("  # noqa: S608 - constants only
    "SELECT id FROM recipient WHERE state IN ('pending', 'deferred') AND due <= ? AND id <= ?"
    " AND (lease_run IS NULL OR (lease_run <> ? AND lease_until < clock_timestamp()))"
    " AND (due, id) >= (?, ?) AND domain <> ALL(?::text[]) AND mod(id, ?::bigint) <> ALL(?::bigint[])"
    f" ORDER BY due, id LIMIT ? FOR UPDATE SKIP LOCKED) RETURNING {_COLUMNS}"
)
NEXT_FREE = (
    "SELECT due FROM recipient WHERE state IN ('pending', 'deferred') AND lease_run IS NULL AND id <= ?"
    " AND (due, id) >= (?, ?) AND domain <> ALL(?::text[]) AND mod(id, ?::bigint) <> ALL(?::bigint[])"
    " ORDER BY due, id LIMIT 1"
)
NEXT_ELSEWHERE = (
    "SELECT extract(epoch FROM min(lease_until) - clock_timestamp())::double precision FROM recipient"
    " WHERE lease_run IS NOT NULL AND lease_run <> ?"
)
IN_DOUBT = (
    sql.INTENTS.replace(
        "ORDER BY", "WHERE recipient.lease_run <> ? AND recipient.lease_until < clock_timestamp() ORDER BY"
    )
    + " FOR UPDATE OF recipient SKIP LOCKED"
)
FREE = "UPDATE recipient SET lease_run = NULL, lease_until = NULL WHERE id = ANY(?)"
RELEASE = f"{FREE} AND lease_run = ?"
LET_GO = "UPDATE recipient SET lease_run = NULL, lease_until = NULL WHERE lease_run = ? AND state <> 'inflight'"
RENEW = f"UPDATE recipient SET lease_until = {_UNTIL} WHERE lease_run = ?"  # noqa: S608 - constants only
STILL_OURS = "SELECT id FROM recipient WHERE id = ANY(?) AND lease_run = ? FOR UPDATE"
OURS = STILL_OURS.replace("FOR UPDATE", "AND lease_until > clock_timestamp() FOR UPDATE")
SETTLE_LATE = (
    "UPDATE recipient SET attempt = ?, state = 'delivered', due = NULL, reason = '', lease_run = NULL,"
    " lease_until = NULL WHERE id = ? AND state <> 'delivered'"
    " AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.recipient = recipient.id)"
)
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext(current_schema()))"
SCHEMAS = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'maildrill\\_%%' ORDER BY nspname"
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'version'"
#: Held as long as the sender's connection lasts, so that whoever reads can tell a run that lives from a dead one.
LIVE = "SELECT pg_advisory_lock(hashtext(current_schema()), CAST(? AS integer))"
RUNNING = (
    "SELECT id FROM run WHERE ended IS NULL AND id IN (SELECT objid::bigint FROM pg_locks"
    " WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND classid::bigint = (hashtext(current_schema())::bigint & 4294967295)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) ORDER BY id"
)
#: Whom an operator may move: with no sender, and not in doubt. Nobody is waited for, so nobody can be hindered.
MOVABLE = (
    f"SELECT {_COLUMNS} FROM recipient WHERE id = ANY(?)"  # noqa: S608 - constants only
    " AND (lease_run IS NULL OR lease_until < clock_timestamp())"
    " AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.recipient = recipient.id)"
    " ORDER BY id FOR UPDATE SKIP LOCKED"
)
WITH_WHOM = (
    "SELECT id, lease_run, lease_until >= clock_timestamp(), intent.run FROM recipient"
    " LEFT JOIN intent ON intent.recipient = recipient.id WHERE id = ANY(?)"
)
