"""What a reply, or the lack of one, means for each recipient: which row of the table decides.

Rule 1: the first digit decides, then a short list of exceptions with their sources (RFC 5321 section 4.2).
Rule 2: nothing is doubtful before the final dot, and everything is between it and its reply (RFC 1047). Pure.
"""

from __future__ import annotations

from collections.abc import Collection

from maildrill.sender.attempt import NOT_TRIED, Broken, Fault, Ruling, Transaction
from maildrill.sender.disposition_dns import row_of
from maildrill.sender.disposition_table import LOST, ROWS, TABLE, Row, find
from maildrill.smtp import Reply, Stage
from maildrill.smtp.quickly import maker

__all__ = ["TABLE", "Row", "enough", "judge", "judge_setup", "learned_limit"]

_SETUP = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.HELO, Stage.STARTTLS, Stage.TLS, Stage.AUTH})
#: Rows of what went wrong before a transaction that no reply code tells.
_SETUP_FAULTS = {
    (Stage.STARTTLS, Fault.NO_TLS): "starttls-missing",
    (Stage.STARTTLS, Fault.POLICY): "starttls-policy",
    (Stage.TLS, Fault.CERTIFICATE): "tls-certificate",
    (Stage.TLS, Fault.POLICY): "tls-policy",
    (Stage.TLS, Fault.HANDSHAKE): "tls-failed",
    (Stage.AUTH, Fault.IN_CLEAR): "auth-in-clear",
    (Stage.AUTH, Fault.NO_AUTH): "auth-missing",
    (Stage.AUTH, Fault.NO_SECRET): "auth-secret",
    (Stage.AUTH, Fault.IMPOSTOR): "auth-impostor",
}
#: What nobody's address has to do with.
_WHOLE: dict[Fault | None, str] = {Fault.TOO_BIG: "local-size", Fault.NO_8BITMIME: "local-8bitmime"}
_OF_THE_COMMAND = frozenset({"data-too-many", "data-out-of-step", "data-530"})
_NOT_THAT = frozenset({421, 500, 503})  # of the session, whatever an enhanced code says
_GONE = Broken(Stage.IDLE, Fault.EOF)
_made, _broken = maker(Ruling), maker(Broken)
_MAIL, _DOT, _BDAT = Stage.MAIL, Stage.DOT, Stage.BDAT  # to ask an enumeration for them takes its time


def judge(tx: Transaction, *, free: Collection[str] = ()) -> tuple[Ruling, ...]:
    """Return the ruling for each recipient of a transaction, in order.

    free: recipients that were put back for too many recipients once in this session; they are not again.
    """
    if tx.broken is not None and tx.broken.fault in NOT_TRIED:
        return _not_tried(tx, tx.broken)
    left = tx.broken is not None and _left(tx, tx.broken)
    decided = _for_all(tx, left=left)
    if decided is not None:
        return tuple(_ruling(to, *decided) for to in tx.recipients)
    message = (ROWS["stopped"], tx.broken or _GONE) if left else _of_message(tx)
    return tuple([_ruling(to, *_of_recipient(tx, n, message, free)) for n, to in enumerate(tx.recipients)])


def judge_setup(
    broken: Broken, recipients: Collection[str], *, direct: bool = False, unusable_fails: bool = False
) -> tuple[Ruling, ...]:
    """Return the ruling for recipients that could not be tried, because no session came about.

    direct: the host is one that the recipients' own domain named. unusable_fails: so do recipients of a domain whose
    MX hosts have no address, instead of being deferred.
    """
    if broken.fault is Fault.STOPPED:
        row = ROWS["stopped"]
    elif broken.stage is Stage.DNS:
        row = ROWS[row_of(broken, unusable_fails=unusable_fails)]
    elif direct and broken.stage is Stage.BANNER and broken.reply is not None and broken.reply.code == 521:
        row = ROWS["banner-521-mx"]
    elif broken.stage not in _SETUP:
        row = ROWS["idle-lost"]
    elif broken.fault is not None and (broken.stage, broken.fault) in _SETUP_FAULTS:
        row = ROWS[_SETUP_FAULTS[broken.stage, broken.fault]]
    else:
        row = find(broken.stage, broken.reply.code if broken.reply and broken.fault is None else None)
    return tuple(_ruling(to, row, broken) for to in recipients)


def learned_limit(tx: Transaction) -> int | None:
    """Return how many recipients (1 or more) the server takes in a transaction, if this one taught it.

    Where DATA or BDAT is refused after a too-many, the site takes no such batch at all: half of it, or less.
    """
    if len(tx.recipients) == 1:
        return None  # who is alone is never one too many
    accepted = _accepted(tx, len(tx.recipients))
    if accepted in (0, len(tx.recipients)) or not _any_too_many(tx):
        return None
    refusal = tx.data or tx.bdat or (tx.dot if tx.chunked else None)
    if refusal is not None and _refuses_batch(refusal):
        return max(1, min(accepted, len(tx.recipients) // 2))
    return accepted


def enough(mail: Reply) -> bool:
    """Whether the reply to MAIL means: no more messages in this session.

    Nobody was named yet, so that too many recipients (RFC 3463 section 3.6, X.5.3) are those of the messages before;
    OpenSMTPD says so (452 4.5.3) behind its `max-mails`.
    """
    return mail.klass == 4 and mail.code not in _NOT_THAT and _detail(mail) == (5, 3)


_Decided = tuple[Row, Broken]


def _for_all(tx: Transaction, *, left: bool) -> _Decided | None:
    """Return what decides for everybody, whatever their RCPT was told; None: each has a row of their own."""
    broken = tx.broken or _GONE
    if left and not any(reply is not None and not reply.positive for reply in tx.rcpt):
        return ROWS["stopped"], broken
    if tx.mail is None:
        row = ROWS["idle-lost"] if broken.stage is Stage.IDLE or broken.fault not in LOST else find(Stage.MAIL, None)
        return row, broken
    if not tx.mail.positive:
        return (ROWS["mail-too-many"], Broken(_MAIL, None, tx.mail)) if enough(tx.mail) else _said(_MAIL, tx.mail)
    if tx.early is None and not tx.dot_sent and broken.fault is Fault.UNSOLICITED:
        return ROWS["out-of-step"], broken
    return None


def _left(tx: Transaction, broken: Broken) -> bool:
    """Whether we ended it ourselves, before the dot; who was refused by then stays refused."""
    return broken.fault is Fault.STOPPED and not tx.dot_sent


def _of_recipient(tx: Transaction, n: int, message: _Decided, free: Collection[str]) -> _Decided:
    """Return what decides for the n-th recipient of a transaction whose MAIL was accepted."""
    reply = tx.rcpt[n]
    if reply is None:
        broken = tx.broken or _GONE
        asked = tx.rcpt.index(None) == n and broken.fault in LOST
        return (find(Stage.RCPT, None), broken) if asked else (ROWS["rcpt-undecided"], broken)
    if reply.positive:
        row, why = message
        if row.id == "data-too-many" and tx.recipients[n] in free:
            return ROWS["data-too-many-again"], why
        return message
    if _is_too_many(tx, n):
        row = ROWS["rcpt-too-many-again" if tx.recipients[n] in free else "rcpt-too-many"]
        return row, Broken(Stage.RCPT, None, reply)
    return _said(Stage.RCPT, reply)


def _of_message(tx: Transaction) -> _Decided:
    """Return what decides for the recipients that were accepted: what became of the message."""
    broken = tx.broken or _GONE
    if tx.dot is not None:
        return _of_last_chunk(tx, tx.dot) if tx.chunked else _said(_DOT, tx.dot)
    if tx.dot_sent:
        return ROWS["dot-lost"], broken
    if tx.early is not None:
        return _said(Stage.BODY, tx.early)
    if tx.data is not None or tx.chunked:
        return _of_command(tx, broken)
    if None in tx.rcpt or broken.stage is Stage.RCPT:
        return ROWS["rcpt-undecided"], broken
    return _lost(Stage.DATA, broken)


def _of_command(tx: Transaction, broken: Broken) -> _Decided:
    """Return what decides when DATA was answered, or a chunk begun, and the message did not come to its end."""
    if tx.bdat is not None:
        return _of_chunk(tx, tx.bdat)
    if tx.data is not None and tx.data.klass != 3:
        return _of_data(tx, tx.data)
    return _lost(Stage.BODY, broken)


def _of_data(tx: Transaction, reply: Reply) -> _Decided:
    why = Broken(Stage.DATA, None, reply)
    if _refuses_batch(reply) and _any_too_many(tx):
        return ROWS["data-too-many"], why
    if reply.code == 554 and _detail(reply) == (5, 1):
        return ROWS["data-out-of-step"], why
    return _said(Stage.DATA, reply)


def _of_chunk(tx: Transaction, reply: Reply) -> _Decided:
    """Return what decides when a chunk before the last was refused: the same as for DATA."""
    row = ROWS["data-out-of-step"] if reply.klass == 3 else _of_data(tx, reply)[0]
    return row, Broken(Stage.BDAT, None, reply)


def _of_last_chunk(tx: Transaction, reply: Reply) -> _Decided:
    """Return what decides when the last chunk was answered: the same as for the dot.

    But what DATA alone would have been told is about the command, not about the message: it may be the first chunk.
    """
    row = _of_data(tx, reply)[0] if reply.klass == 5 else None
    if row is None or row.id not in _OF_THE_COMMAND:
        row = find(Stage.DOT, reply.code)
    return row, Broken(Stage.BDAT, None, reply)


def _lost(stage: Stage, broken: Broken) -> _Decided:
    """Return what decides when the session ended at `stage`: by a fault, or by a 421 that came unasked."""
    return find(stage, None if broken.fault in LOST else 421), broken


def _said(stage: Stage, reply: Reply) -> _Decided:
    return find(stage, reply.code), _broken(stage, None, reply)


def _is_too_many(tx: Transaction, n: int) -> bool:
    """Whether the reply to the n-th RCPT means: too many recipients, send the rest in another transaction.

    RFC 5321 section 4.5.3.1.10: 452, and 552 from old servers, once some were accepted; an enhanced code, where there
    is one, tells it from a full mailbox (RFC 3463 section 3.6, X.5.3).
    """
    reply = tx.rcpt[n]
    if reply is None or reply.klass not in (4, 5) or reply.code in _NOT_THAT:
        return False
    detail = _detail(reply)
    if detail is not None:
        return detail == (5, 3)
    return reply.code in (452, 552) and _accepted(tx, n) > 0


def _any_too_many(tx: Transaction) -> bool:
    return any(_is_too_many(tx, n) for n in range(len(tx.recipients)))


def _refuses_batch(reply: Reply) -> bool:
    """Whether a reply to DATA means: not with these recipients (RFC 5321 section 3.3: 503, or 554)."""
    return reply.code == 503 or (reply.code == 554 and _detail(reply) in (None, (5, 1)))


def _accepted(tx: Transaction, before: int) -> int:
    return sum([1 for reply in tx.rcpt[:before] if reply is not None and reply.positive])


def _detail(reply: Reply) -> tuple[int, int] | None:
    """Return subject and detail of the enhanced code; its class is the basic code's business."""
    status = reply.enhanced
    return (status.subject, status.detail) if status else None


def _not_tried(tx: Transaction, broken: Broken) -> tuple[Ruling, ...]:
    """Return the rulings where the server's own offers say that it cannot take this.

    An international address fails alone, or waits alone; where no recipient has one it is our own, or the message.
    """
    if broken.fault in _WHOLE:
        return tuple(_ruling(to, ROWS[_WHOLE[broken.fault]], broken) for to in tx.recipients)
    untold = broken.fault is Fault.NO_EHLO
    own, theirs = ("local-untold",) * 2 if untold else ("local-smtputf8-sender", "local-smtputf8")
    plain = own if all(to.isascii() for to in tx.recipients) else "local-smtputf8-others"
    return tuple(_ruling(to, ROWS[plain if to.isascii() else theirs], broken) for to in tx.recipients)


def _ruling(to: str, row: Row, why: Broken) -> Ruling:
    """A message that goes by BDAT is lost at that stage, whatever row it shares with one that goes by DATA."""
    own = why.stage if row.id == "rcpt-undecided" or why.stage is _BDAT else row.stage
    stage = own if why.fault in LOST else why.stage
    return _made(
        recipient=to,
        verdict=row.verdict,
        scope=row.scope,
        stage=stage,
        row=row.id,
        reply=why.reply,
        fault=why.fault,
        detail=why.detail,
        again=row.again,
    )
