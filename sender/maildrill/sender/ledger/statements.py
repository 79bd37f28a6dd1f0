"""The SQL of the ledger, and the way between its columns and our values."""

from __future__ import annotations

from functools import lru_cache
from sys import intern
from typing import Any

from maildrill.sender.attempt import Fault, Scope, State, Verdict
from maildrill.sender.ledger.records import AttemptRecord, Entry, Pause, RecipientRecord, Refusal
from maildrill.sender.pacing.lessons import Kind, Lesson
from maildrill.sender.plan import Waiting
from maildrill.sender.standing import Standing
from maildrill.smtp import Reply, Stage
from maildrill.smtp.quickly import maker
from maildrill.smtp.words import Words

_waiting, _standing = maker(Waiting), maker(Standing)
_recipient, _attempt = maker(RecipientRecord), maker(AttemptRecord)
_STATES, _VERDICTS, _SCOPES, _STAGES, _FAULTS = Words(State), Words(Verdict), Words(Scope), Words(Stage), Words(Fault)

_STANDING = "state, attempts, due, first_at, expires_at, doubtful, reason"
WHO_WAITS = f"SELECT id, address, queued_at, {_STANDING} FROM recipient"  # noqa: S608 - constants only
_EVIDENCE = "verdict, stage, code, lines, fault, rule"

LAST_KEY = "SELECT coalesce(max(id), 0) FROM recipient"
#: All who wait but those at the domains of a JSON array, and those whose turn it is by another one; SQLite decides that
#: by the index alone.
WAITING = (
    f"{WHO_WAITS} WHERE state IN ('pending', 'deferred')"  # noqa: S608 - constants only
    " AND domain NOT IN (SELECT value FROM json_each(?)) AND id % ? NOT IN (SELECT value FROM json_each(?))"
    " ORDER BY due, id"
)
STAND = (
    "UPDATE recipient SET state = ?, attempts = ?, due = ?, first_at = ?, expires_at = ?, doubtful = ?, reason = ?"
    " WHERE id = ?"
)
TRIED = STAND.replace("SET ", "SET attempt = ?, ")
#: The same with the message's hash in front; None: it stays.
GATHERED_TRIED = TRIED.replace("SET ", "SET body_hash = coalesce(?, body_hash), ")
#: Recipients whose rows are read in one go.
SOME = 50
_MARKS = ", ".join("?" * SOME)
ADDRESSEES = f"SELECT id, number, address, fields, message_id FROM recipient WHERE id IN ({_MARKS})"  # noqa: S608 - constants only
INTEND = (
    "INSERT INTO intent (recipient, run, session, txn, started, at, account, host, code, lines, rule)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (recipient) DO UPDATE SET run = excluded.run,"
    " session = excluded.session, txn = excluded.txn, started = excluded.started, at = excluded.at,"
    " account = excluded.account, host = excluded.host, code = excluded.code, lines = excluded.lines,"
    " rule = excluded.rule"
)
INTENTS = (
    "SELECT id, address, queued_at, state, attempts, due, first_at, expires_at, doubtful, reason,"
    " intent.run, intent.session, intent.txn, intent.started, intent.at, intent.account, intent.host,"
    " intent.code, intent.lines, intent.rule"
    " FROM intent JOIN recipient ON recipient.id = intent.recipient ORDER BY intent.at, id"
)
INFLIGHT = "UPDATE recipient SET state = 'inflight', body_hash = ? WHERE id = ?"
STRIKE = "DELETE FROM intent WHERE recipient = ?"
TRY = (
    "INSERT INTO attempt (recipient, number, run, session, txn, started, ended, verdict, state, scope, stage,"
    " code, lines, fault, detail, rule, counted, until, account, host, override)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
#: The same with the try's number in front, where one connection alone gives them out.
NUMBERED_TRY = TRY.replace("(recipient", "(id, recipient").replace("(?", "(?, ?").removesuffix(" RETURNING id")
LAST_TRY = "SELECT coalesce(max(id), 0) FROM attempt"
_RECIPIENT = (
    "SELECT address, recipient.number, recipient.state, attempts, queued_at, due, first_at, expires_at, message_id,"  # noqa: S608 - constants only
    f" body_hash, reason, doubtful, recipient.id, {_EVIDENCE}"
    " FROM recipient LEFT JOIN attempt ON attempt.id = recipient.attempt"
)
RECIPIENTS = f"{_RECIPIENT} ORDER BY recipient.id"
STANDINGS = "SELECT address, state, attempts FROM recipient WHERE id <= ? ORDER BY id"
NEWCOMERS = "SELECT address, number, message_id FROM recipient WHERE id > ? ORDER BY id"
FIND = f"{_RECIPIENT} WHERE identity = ?"
_ATTEMPT = (
    "SELECT address, attempt.number, run, session, txn, started, ended, attempt.state, scope, counted, detail, until,"  # noqa: S608 - constants only
    " account, host, override,"
    f" {_EVIDENCE} FROM attempt JOIN recipient ON recipient.id = attempt.recipient"
)
ATTEMPTS = f"{_ATTEMPT} ORDER BY attempt.id"
ATTEMPTS_OF = f"{_ATTEMPT} WHERE attempt.recipient = ? ORDER BY attempt.id"
RUNS = "SELECT id, started, ended FROM run ORDER BY id"
LAST_RUN = "SELECT id, ended FROM run ORDER BY id DESC LIMIT 1"
REQUEUE = "INSERT INTO requeue (recipient, at, before, by) VALUES (?, ?, ?, ?)"
REQUEUES = (
    "SELECT address, at, before, by FROM requeue JOIN recipient ON recipient.id = requeue.recipient ORDER BY requeue.id"
)
COUNTS = "SELECT state, count(*) FROM recipient GROUP BY state"
LESSONS = "SELECT destination, kind, value, at, code, lines FROM lesson ORDER BY destination, kind"
LEARN = (
    "INSERT INTO lesson (destination, kind, value, at, code, lines) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (destination, kind) DO UPDATE SET value = excluded.value, at = excluded.at, code = excluded.code,"
    " lines = excluded.lines"
)
FORGET = "DELETE FROM lesson"
#: Gives a row where it pauses the campaign, none where that is paused.
PAUSE = (
    "INSERT INTO pause (at, run, recipients, code, lines) SELECT ?, ?, ?, ?, ?"
    " WHERE NOT EXISTS (SELECT 1 FROM pause WHERE resumed IS NULL) RETURNING id"
)
PAUSES = "SELECT at, run, recipients, code, lines, resumed FROM pause ORDER BY id"
REFUSED = (
    "SELECT address, code, lines FROM attempt JOIN recipient ON recipient.id = attempt.recipient"
    " WHERE attempt.id > (SELECT coalesce(max(id), 0) FROM attempt WHERE verdict = 'delivered')"
    " AND ended > (SELECT coalesce(max(resumed), 0) FROM pause)"
    " AND verdict = 'failed' AND rule = ? AND code IS NOT NULL ORDER BY attempt.id DESC"
)
RESUME = "UPDATE pause SET resumed = ? WHERE resumed IS NULL"
SENT_SINCE = (
    "SELECT account, count(*) FROM (SELECT DISTINCT account, run, session, txn FROM attempt"
    " WHERE started >= ? AND txn IS NOT NULL) AS begun GROUP BY account"
)
CAMPAIGN = "SELECT name, fingerprint, created FROM campaign"
BEGIN_CAMPAIGN = 'INSERT INTO campaign ("only", name, fingerprint, created) VALUES (1, ?, ?, ?)'
RUN_STARTED = "INSERT INTO run (started) VALUES (?) RETURNING id"
RUN_ENDED = "UPDATE run SET ended = ? WHERE id = ?"

#: What SQLite gives back: the STRICT tables say the types, Python does not.
Found = tuple[Any, ...]


def waiting(found: Found) -> Waiting:
    """Return the recipient of a row of WHO_WAITS or INTENTS."""
    key, address, queued_at, state, attempts, due, first_at, expires_at, doubtful, reason = found[:10]
    return _waiting(
        key,
        address,
        queued_at,
        _standing(
            state=_STATES[state],
            attempts=attempts,
            due=due,
            first_at=first_at,
            expires_at=expires_at,
            doubtful=bool(doubtful),
            reason=reason,
        ),
    )


def standing(key: int, of: Standing) -> Found:
    """Return the parameters of STAND; TRIED wants the attempt before them."""
    return (of.state._value_, of.attempts, of.due, of.first_at, of.expires_at, int(of.doubtful), of.reason, key)


def attempt(entry: Entry) -> Found:
    """Return the parameters of TRY."""
    of = entry.attempt
    return (
        entry.key,
        of.number,
        of.run,
        of.session,
        of.transaction,
        of.started,
        of.ended,
        of.verdict._value_,  # .value takes four times as long
        of.state._value_,
        of.scope._value_,
        of.stage._value_,
        of.reply.code if of.reply else None,
        "\n".join(of.reply.lines) if of.reply and of.reply.lines else None,
        of.fault.value if of.fault else None,
        of.detail,
        of.row,
        int(of.counted),
        of.until,
        of.account,
        of.host,
        of.override,
    )


def recipient_record(found: Found) -> RecipientRecord:
    """Return the record of a row of RECIPIENTS."""
    address, number, state, attempts, queued_at, due, first_at, expires_at, message_id, body_hash, reason = found[:11]
    doubtful, key, verdict, stage, code, lines, fault, rule = found[11:]
    return _recipient(  # for more than 15 names in a call Python makes a dictionary, each time
        intern(address),  # tries name it, too: one string for all
        number,
        _STATES[state],
        attempts,
        queued_at,
        due,
        first_at=first_at,
        expires_at=expires_at,
        message_id=message_id,
        body_hash=body_hash,
        reason=reason,
        verdict=None if verdict is None else _VERDICTS[verdict],
        stage=None if stage is None else _STAGES[stage],
        reply=_reply(code, lines),
        fault=None if fault is None else _FAULTS[fault],
        row=rule or "",
        doubtful=bool(doubtful),
        key=key,
    )


def attempt_record(found: Found) -> AttemptRecord:
    """Return the record of a row of ATTEMPTS."""
    address, number, run, session, transaction, started, ended, state, scope, counted, detail, until = found[:12]
    account, host, override, verdict, stage, code, lines, fault, rule = found[12:]
    return _attempt(
        intern(address),
        number,
        run,
        session,
        transaction,
        started,
        ended,
        _VERDICTS[verdict],
        _STATES[state],
        _SCOPES[scope],
        stage=_STAGES[stage],
        row=intern(rule),
        counted=bool(counted),
        reply=_reply(code, lines),
        fault=None if fault is None else _FAULTS[fault],
        detail=detail,
        until=until,
        account=intern(account),
        host=intern(host),
        override=override,
    )


def lesson(found: Found) -> Lesson:
    """Return the lesson of a row of LESSONS."""
    destination, kind, value, at, code, lines = found
    return Lesson(destination=destination, kind=Kind(kind), value=value, at=at, reply=_reply(code, lines))


def learned(of: Lesson) -> Found:
    """Return the parameters of LEARN."""
    reply = of.reply
    lines = "\n".join(reply.lines) if reply and reply.lines else None
    return (of.destination, of.kind.value, of.value, of.at, reply.code if reply else None, lines)


def pause(of: Pause) -> Found:
    """Return the parameters of PAUSE."""
    return (of.at, of.run, of.recipients, of.reply.code, "\n".join(of.reply.lines) if of.reply.lines else None)


def pause_record(found: Found) -> Pause:
    """Return the pause of a row of PAUSES."""
    at, run, recipients, code, lines, resumed = found
    return Pause(at=at, run=run, recipients=recipients, reply=_said(code, lines), resumed=resumed)


def refused(found: Found) -> tuple[str, Reply]:
    """Return the recipient and the reply of a row of REFUSED."""
    address, code, lines = found
    return address, _said(code, lines)


def _said(code: int, lines: str | None) -> Reply:
    return Reply(code, () if lines is None else tuple(lines.split("\n")))


def refusal(of: Refusal | None) -> Found:
    """Return the last parameters of INTEND."""
    if of is None:
        return (None, None, "")
    return (of.reply.code, "\n".join(of.reply.lines) if of.reply.lines else None, of.row)


def reply_of(code: int | None, lines: str | None) -> Reply | None:
    """Return the reply that two columns hold."""
    return _reply(code, lines)


@lru_cache(maxsize=1024)  # most replies of a server are the same ones
def _reply(code: int | None, lines: str | None) -> Reply | None:
    if code is None:
        return None
    return Reply(code, () if lines is None else tuple(lines.split("\n")))
