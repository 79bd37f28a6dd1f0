"""A small drill, told by hand: five recipients, each with a fate of its own, and three witnesses that agree.

Rule: no oracle speaks about it. A lie (see `lies`) changes what one witness says of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from maildrill.scenarios.oracles import Asked, Connected, Evidence, Taken
from maildrill.sender.attempt import Fault, Scope, State, Verdict
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.ledger.records import AttemptRecord, RecipientRecord
from maildrill.sender.log_event import LogEvent
from maildrill.sender.summary import STATES
from maildrill.smtp import Reply, Stage

LIFETIME = 3600.0
CAMPAIGN = Campaign(
    name="told",
    sender=Mailbox("", "us@example.com"),
    subject="s",
    account=Account(host="mx.test"),
    list_file=Path("list.csv"),
    email="Email",
    text="t",
    html=None,
    attachments=(),
    retry=RetryPolicy(schedule=(300.0, 600.0), cap=600.0, jitter=0.1, lifetime=LIFETIME),
    limits=Limits(),
)
OK, GO, BUSY, NO = (Reply.of(text) for text in ("250 ok", "354 go", "450 4.2.1 busy", "550 5.1.1 no"))
FATES = {
    "ann@x.test": State.DELIVERED,
    "bob@x.test": State.DELIVERED,  # after a deferral
    "cyd@x.test": State.FAILED,
    "dan@x.test": State.EXPIRED,
    "eve@x.test": State.UNKNOWN,
}


HELLO = Reply(250, ("mx.test", "PIPELINING", "SIZE 1000"))


def identity(address: str) -> str:
    """Return the Message-ID of an address."""
    return f"<{address.replace('@', '.')}@example.com>"


def composed(address: str) -> bytes:
    """Return the message of an address."""
    return f"To: {address}\r\nMessage-ID: {identity(address)}\r\n\r\nhello\r\n".encode()


def hello(session: int, at: float) -> Asked:
    """Return the beginning of a session."""
    return Asked(at=at, session=session, transaction=0, stage=Stage.EHLO, reply=HELLO)


def transaction(session: int, number: int, at: float, recipient: str, rcpt: Reply, dot: Reply | None) -> list[Asked]:
    """Return the journal's commands of one transaction; refused at RCPT it ends with RSET."""
    rest = [(Stage.DATA, "", GO), (Stage.DOT, "", dot)] if rcpt.positive else [(Stage.RSET, "", OK)]
    said = [(Stage.MAIL, "", OK), (Stage.RCPT, recipient, rcpt), *rest]
    return [
        Asked(at=at + n / 10, session=session, transaction=number, stage=stage, recipient=to, reply=reply)
        for n, (stage, to, reply) in enumerate(said)
    ]


def taken(session: int, number: int, at: float, recipient: str, *, acknowledged: bool = True) -> Taken:
    """Return the journal's end of data that belongs to `transaction` with the same arguments."""
    return Taken(
        at=at + 0.3,
        session=session,
        transaction=number,
        recipients=(recipient,),
        content=composed(recipient),
        committed=True,
        acknowledged=acknowledged,
        honest=True,
    )


def attempt(
    recipient: str, session: int, number: int, at: float, verdict: Verdict, state: State, reply: Reply | None
) -> AttemptRecord:
    """Return the ledger's record of one try; transaction and attempt have one number where it does not matter."""
    return AttemptRecord(
        recipient=recipient,
        number=1 if recipient != "bob@x.test" or state is State.DEFERRED else 2,
        run=1,
        session=session,
        transaction=number,
        started=at - 0.05,
        ended=at + 0.5,
        verdict=verdict,
        state=state,
        scope=Scope.RECIPIENT,
        stage=Stage.DOT if verdict in (Verdict.DELIVERED, Verdict.UNKNOWN) else Stage.RCPT,
        row="told",
        counted=True,
        reply=reply,
        fault=None if reply else Fault.EOF,
        until=at + 300.5 if state is State.DEFERRED else None,
    )


ASKED = (
    hello(1, 999.9),
    *transaction(1, 1, 1000.0, "ann@x.test", OK, OK),
    *transaction(1, 2, 1001.0, "bob@x.test", BUSY, None),
    *transaction(1, 3, 1002.0, "cyd@x.test", NO, None),
    *transaction(1, 4, 1003.0, "dan@x.test", BUSY, None),
    Asked(at=1004.0, session=1, transaction=4, stage=Stage.QUIT, reply=Reply.of("221 bye")),
    hello(2, 1301.9),
    *transaction(2, 1, 1302.0, "bob@x.test", OK, OK),
    Asked(at=1303.0, session=2, transaction=1, stage=Stage.QUIT, reply=Reply.of("221 bye")),
    hello(3, 1399.9),
    *transaction(3, 1, 1400.0, "eve@x.test", OK, None),
)
TAKEN = (
    taken(1, 1, 1000.0, "ann@x.test"),
    taken(2, 1, 1302.0, "bob@x.test"),
    taken(3, 1, 1400.0, "eve@x.test", acknowledged=False),
)
ATTEMPTS = (
    attempt("ann@x.test", 1, 1, 1000.0, Verdict.DELIVERED, State.DELIVERED, OK),
    attempt("bob@x.test", 1, 2, 1001.0, Verdict.DEFERRED, State.DEFERRED, BUSY),
    attempt("cyd@x.test", 1, 3, 1002.0, Verdict.FAILED, State.FAILED, NO),
    attempt("dan@x.test", 1, 4, 1003.0, Verdict.DEFERRED, State.EXPIRED, BUSY),
    attempt("bob@x.test", 2, 1, 1302.0, Verdict.DELIVERED, State.DELIVERED, OK),
    attempt("eve@x.test", 3, 1, 1400.0, Verdict.UNKNOWN, State.UNKNOWN, None),
)


CONNECTED = (
    Connected(session=1, opened=999.8, closed=1004.1, host="mx.test"),
    Connected(session=2, opened=1301.8, closed=1303.1, host="mx.test"),
    Connected(session=3, opened=1399.8, closed=1400.4, host="mx.test"),
)


def recipient(number: int, address: str, state: State) -> RecipientRecord:
    """Return the ledger's record of an address."""
    tries = [record for record in ATTEMPTS if record.recipient == address]
    return RecipientRecord(
        address=address,
        number=number,
        state=state,
        attempts=len(tries),
        queued_at=999.0,
        due=None,
        first_at=tries[0].started,
        expires_at=tries[0].started + LIFETIME,
        message_id=identity(address),
        body_hash=blake2b(composed(address), digest_size=16).hexdigest(),
    )


def in_order(events: list[tuple[float, str, Mapping[str, object]]]) -> tuple[LogEvent, ...]:
    """Return events as a log has them."""
    events.sort(key=lambda event: event[0])
    return tuple(LogEvent(n, at, kind, fields) for n, (at, kind, fields) in enumerate(events, start=1))


def logged() -> tuple[LogEvent, ...]:
    """Return the sender's log: who was queued, the dialogue's outline, and one attempt event for each try."""
    events: list[tuple[float, str, Mapping[str, object]]] = []
    events += [(999.0, "recipient.queued", {"recipient": address}) for address in FATES]
    events.append((1000.0, "line", {"session": 1, "mark": "->", "text": "MAIL FROM:<us@example.com>"}))
    events.append((1004.0, "line", {"session": 1, "mark": "<**", "text": "421 4.3.2 closing"}))
    events.append((1004.1, "line", {"session": 1, "mark": "->", "text": "QUIT"}))
    events.append((1004.2, "run.waited", {"until": 1301.5}))
    events.append((1303.2, "run.waited", {"until": 1399.8}))
    for record in ATTEMPTS:
        said = {"response": {"code": record.reply.code}} if record.reply else {"fault": str(record.fault)}
        names = ("recipient", "session", "transaction", "counted")
        fields = {name: getattr(record, name) for name in names} | said
        fields |= {name: getattr(record, name).value for name in ("stage", "verdict", "state")} | {"delay": 1.0}
        text = f"RCPT TO:<{record.recipient}>"
        who = {"session": record.session, "transaction": record.transaction, "recipients": [record.recipient]}
        digest = blake2b(composed(record.recipient), digest_size=16).hexdigest()
        events.append((record.started, "transaction.started", who | {"body_hash": digest}))
        events.append((record.started, "line", {"session": record.session, "mark": "->", "text": text}))
        if record.stage is Stage.DOT:
            events.append((record.started, "transaction.intent", who))
        events.append((record.ended, "attempt", fields))
    events.append((1003.6, "recipient.expired", {"recipient": "dan@x.test", "state": "expired"}))
    return in_order(events)


def good_drill() -> Evidence:
    """Return the evidence of a drill in which everything went as it should."""
    counts = Counter(state.value for state in FATES.values())
    return Evidence(
        campaign=CAMPAIGN,
        imported=tuple(FATES),
        recipients=tuple(recipient(n, address, state) for n, (address, state) in enumerate(FATES.items(), start=2)),
        attempts=ATTEMPTS,
        events=logged(),
        asked=ASKED,
        taken=TAKEN,
        report={"recipients": len(FATES)} | {state.value: counts[state.value] for state in STATES},
        composed=composed,
        connected=CONNECTED,
        rows={address: {"Name": "N"} for address in FATES},
    )
