"""What a run that ended in the middle of a transaction left behind, and what becomes of it.

Rule: an intent without an outcome means that the dot may have left and been answered: Unknown (RFC 1047, invariant
I38). An intent with a reply means that RCPT was refused: no dot was to leave. Whoever has none is simply still due.
"""

from __future__ import annotations

from collections.abc import Iterable

from maildrill.sender.attempt import Fault, Ruling, Scope, Verdict
from maildrill.sender.campaign import Campaign
from maildrill.sender.disposition_table import ROWS
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.records import AttemptRecord, Entry, Recovered
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.override import overruled
from maildrill.sender.standing import after
from maildrill.smtp import Reply, Stage

ROW = "recovered"
_REFUSED = "the sender ended after the server had refused this recipient"
_WHY = "the sender ended before it read the reply to the final dot"


def recover(ledger: SqlLedger, intents: Iterable[sql.Found], campaign: Campaign, at: float) -> tuple[Recovered, ...]:
    """Settle intents (rows of INTENTS) as Unknown by the campaign's policy, in the caller's transaction; say which."""
    entries = [_entry(found, campaign, at) for found in intents]
    ledger.write_tries(entries)
    return tuple(
        Recovered(entry.attempt.recipient, entry.standing.state, entry.attempt.detail or _REFUSED) for entry in entries
    )


def _entry(found: sql.Found, campaign: Campaign, at: float) -> Entry:
    waiting = sql.waiting(found)
    run, session, transaction, started, left_at, account, host, code, lines, rule = found[10:]
    told = _ruling(waiting.address, rule, sql.reply_of(code, lines))
    ruling = overruled(told, campaign.overrides, host=host, account=account)
    standing = after(waiting.standing, ruling, campaign.retry, started=started, now=at, seed=campaign.seed)
    attempt = AttemptRecord(
        recipient=waiting.address,
        number=standing.attempts,
        run=run,
        session=session,
        transaction=transaction,
        started=started,
        ended=left_at,
        verdict=ruling.verdict,
        state=standing.state,
        scope=ruling.scope,
        stage=ruling.stage,
        row=ruling.row,
        counted=ruling.counted,
        reply=ruling.reply,
        fault=ruling.fault,
        detail=ruling.detail,
        until=standing.due,
        account=account,
        host=host,
        override=ruling.override,
    )
    return Entry(waiting.key, attempt, standing)


def _ruling(recipient: str, rule: str, reply: Reply | None) -> Ruling:
    """Return the ruling of an intent: Unknown, or what the reply to RCPT meant."""
    if reply is not None:
        row = ROWS[rule]
        return Ruling(
            recipient=recipient, verdict=row.verdict, scope=row.scope, stage=row.stage, row=row.id, reply=reply
        )
    return Ruling(
        recipient=recipient,
        verdict=Verdict.UNKNOWN,
        scope=Scope.MESSAGE,
        stage=Stage.DOT,
        row=ROW,
        fault=Fault.STOPPED,
        detail=_WHY,
    )
