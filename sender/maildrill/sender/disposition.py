"""What a reply, or the lack of one, means for each recipient: one table, and the rules that find the row.

Rule 1: the first digit decides, then a short list of exceptions with their sources (RFC 5321 section 4.2).
Rule 2: nothing is doubtful before the final dot, and everything is between it and its reply (RFC 1047). Pure.
"""

from __future__ import annotations

from collections.abc import Collection

from maildrill.sender.attempt import Broken, Fault, Ruling, Transaction
from maildrill.sender.disposition_table import ROWS, TABLE, Row
from maildrill.smtp import Reply, Stage

__all__ = ["TABLE", "Row", "judge", "judge_setup", "learned_limit", "too_many"]

_LOCAL = {
    Fault.TOO_BIG: "local-size",
    Fault.NO_SMTPUTF8: "local-smtputf8",
    Fault.NO_8BITMIME: "local-8bitmime",
}


def judge(tx: Transaction, *, free: Collection[str] = ()) -> tuple[Ruling, ...]:
    """Return the ruling for each recipient of a transaction, in order.

    free: recipients that were put back for too many recipients once in this session; they are not again.
    """
    whole = _whole(tx)
    if whole is not None:
        return tuple(_ruling(to, whole, _evidence(tx, whole)) for to in tx.recipients)
    return tuple(_one(tx, n, free) for n in range(len(tx.recipients)))


def judge_setup(broken: Broken, recipients: Collection[str]) -> tuple[Ruling, ...]:
    """Return the ruling for recipients who could not be tried, because no session came about."""
    row = _setup_row(broken)
    return tuple(_ruling(to, row, broken) for to in recipients)


def learned_limit(tx: Transaction) -> int | None:
    """Return how many recipients the server takes in a transaction, if this one taught it.

    Where DATA is refused after a too-many, the site takes no batch of that size at all: half of it (RFC 5321
    section 4.5.3.1.10 allows that answer).
    """
    if not any(_is_too_many(tx, n) for n in range(len(tx.recipients))):
        return None
    accepted = sum(reply is not None and reply.positive for reply in tx.rcpt)
    if tx.data is not None and tx.data.code == 503:
        accepted //= 2
    return max(1, accepted)


def too_many(reply: Reply, accepted: int) -> bool:
    """Whether a reply to RCPT means: too many recipients, send the rest in another transaction.

    accepted: recipients accepted before in this transaction. RFC 5321 section 4.5.3.1.10: 452, and 552 from old
    servers; an enhanced code, where there is one, tells it from a full mailbox (RFC 3463 section 3.6, X.5.3).
    """
    status = reply.enhanced
    if status is not None:
        return (status.subject, status.detail) == (5, 3) and reply.klass in (4, 5)
    return reply.code in (452, 552) and accepted > 0


def _whole(tx: Transaction) -> Row | None:
    """Return the row that decides for everybody, whatever their RCPT was told; None: each has one of their own."""
    broken = tx.broken
    if broken is not None and broken.fault in _LOCAL:
        return ROWS[_LOCAL[broken.fault]]
    if broken is not None and broken.stage is Stage.IDLE and tx.mail is None:
        return ROWS["idle-lost"]
    if tx.mail is None:
        return _lost(tx, Stage.MAIL)
    if not tx.mail.positive:
        return _mail_row(tx.mail)
    if _pairing_in_doubt(tx):
        return ROWS["out-of-step"]
    return None


def _one(tx: Transaction, n: int, free: Collection[str]) -> Ruling:
    """Return the ruling for the n-th recipient of a transaction whose MAIL was accepted."""
    to, reply = tx.recipients[n], tx.rcpt[n]
    if reply is None:
        asked = next(i for i, answer in enumerate(tx.rcpt) if answer is None)
        row = _lost(tx, Stage.RCPT, first=n == asked)
        return _ruling(to, row, _evidence(tx, row))
    if not reply.positive:
        row = _rcpt_row(tx, n, reply, spent=to in free)
        return _ruling(to, row, Broken(Stage.RCPT, None, reply))
    row = _accepted_row(tx)
    return _ruling(to, row, _evidence(tx, row))


def _rcpt_row(tx: Transaction, n: int, reply: Reply, *, spent: bool) -> Row:
    if _is_too_many(tx, n):
        return ROWS["rcpt-too-many-again" if spent else "rcpt-too-many"]
    if reply.code in (421, 500, 503):
        return ROWS["rcpt-421" if reply.code == 421 else "out-of-step"]
    return ROWS[{3: "out-of-step", 4: "rcpt-4yz"}.get(reply.klass, "rcpt-5yz")]


def _accepted_row(tx: Transaction) -> Row:
    """Return the row for recipients that were accepted: what became of the message decides."""
    if tx.dot is not None:
        return ROWS[{2: "dot-2yz", 3: "dot-3yz", 4: "dot-4yz"}.get(tx.dot.klass, "dot-5yz")]
    if tx.dot_sent:
        return ROWS["dot-lost"]
    if tx.early is not None:
        return _refusal(tx.early, "body")
    if tx.data is not None and tx.data.klass != 3:
        return _data_row(tx, tx.data)
    stage = Stage.RCPT if None in tx.rcpt else Stage.DATA if tx.data is None else Stage.BODY
    return _lost(tx, stage)


def _data_row(tx: Transaction, reply: Reply) -> Row:
    if reply.code == 503:
        refused = any(_is_too_many(tx, n) for n in range(len(tx.recipients)))
        return ROWS["data-503-too-many" if refused else "out-of-step"]
    return _refusal(reply, "data")


def _mail_row(reply: Reply) -> Row:
    special = {421: "mail-421", 503: "out-of-step", 500: "out-of-step", 530: "mail-530", 552: "mail-552"}
    name = special.get(reply.code)
    return ROWS[name] if name else _refusal(reply, "mail")


def _refusal(reply: Reply, stage: str) -> Row:
    """Return the row of a stage for a reply that is not the one that was hoped for."""
    if reply.code == 421:
        return ROWS[f"{stage}-421"]
    return ROWS[{4: f"{stage}-4yz", 5: f"{stage}-5yz"}.get(reply.klass, "out-of-step")]


def _lost(tx: Transaction, stage: Stage, *, first: bool = False) -> Row:
    """Return the row for a session that ended at `stage`, before the dot: certainly not accepted."""
    broken = tx.broken
    if _stopped(tx):
        return ROWS["stopped"]
    if broken is not None and broken.fault is None and broken.reply is not None:
        return ROWS["rcpt-421" if stage is Stage.RCPT else f"{stage}-421"]
    if broken is not None and broken.fault is Fault.TIMEOUT and broken.stage is Stage.RCPT:
        return ROWS["rcpt-timeout" if first else "rcpt-timeout-others"]
    if broken is not None and broken.fault in (Fault.GARBAGE, Fault.UNSOLICITED, Fault.OUT_OF_STEP):
        return ROWS["out-of-step"]
    return ROWS[f"{stage}-lost"]


def _setup_row(broken: Broken) -> Row:
    if broken.stage is Stage.CONNECT:
        return ROWS["connect-failed"]
    reply = broken.reply
    if broken.fault is not None or reply is None:
        return ROWS["greeting-lost"]
    stage = "banner" if broken.stage is Stage.BANNER else "ehlo"
    if stage == "banner" and reply.code == 521:
        return ROWS["banner-521"]
    return ROWS[f"{stage}-5yz" if reply.klass == 5 else f"{stage}-4yz"]


def _is_too_many(tx: Transaction, n: int) -> bool:
    reply = tx.rcpt[n]
    accepted = sum(before is not None and before.positive for before in tx.rcpt[:n])
    return reply is not None and too_many(reply, accepted)


def _pairing_in_doubt(tx: Transaction) -> bool:
    """Whether replies may belong to other commands than those they were taken for: one came that answers nothing."""
    return tx.broken is not None and tx.broken.fault is Fault.UNSOLICITED and not tx.dot_sent


def _stopped(tx: Transaction) -> bool:
    return tx.broken is not None and tx.broken.fault is Fault.STOPPED


def _evidence(tx: Transaction, row: Row) -> Broken:
    """Return the reply that decided, or what broke the session."""
    heard = {Stage.MAIL: tx.mail, Stage.DATA: tx.data, Stage.BODY: tx.early, Stage.DOT: tx.dot}
    if row.stage is None:  # out of step, or stopped: it is said where
        return tx.broken or Broken(Stage.DATA, None, tx.data)
    said = heard.get(row.stage)
    if said is None or (tx.broken is not None and tx.broken.stage is row.stage):
        return tx.broken or Broken(row.stage)
    return Broken(row.stage, None, said)


def _ruling(to: str, row: Row, why: Broken) -> Ruling:
    return Ruling(
        recipient=to,
        verdict=row.verdict,
        scope=row.scope,
        stage=why.stage,
        row=row.id,
        reply=why.reply,
        fault=why.fault,
        detail=why.detail,
        again=row.again,
    )
