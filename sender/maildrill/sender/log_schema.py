"""The schema of the event log: every kind of event, its fields, and what they mean.

Rule 1: one table; the encoder, the checks, docs/connection-log.md and the JSON Schema are made from it. Where KumoMTA
logs the same it has KumoMTA's name: `type`, `response`, `num_attempts`, `sender`, `recipient`.
Rule 2: an event is a noun and a past verb. A field is added freely; one that changes its meaning needs a new VERSION.
"""

from __future__ import annotations

from collections.abc import Iterable

from maildrill.sender.log_kind import Field, Kind
from maildrill.sender.log_schema_caution import CAUTION

VERSION = 1

#: Fields that every event has, before its own.
COMMON = (
    ("v", "integer", "the version of this schema: 1"),
    ("n", "integer", "the number of the event in this file, from 1, without gaps"),
    ("at", "number", "Unix seconds (UTC), to the microsecond"),
    ("kind", "text", "the kind of event"),
)


_RECIPIENT = Field("recipient", "text", "the address as it goes into RCPT")
_SESSION = Field("session", "integer", "the number of the session in this run, from 1; 0 where none was begun")
_TRANSACTION = Field("transaction", "integer", "the number of the mail transaction in its session, from 1")
_RECIPIENTS = Field("recipients", "list of text", "the addresses, in the order of their RCPT commands")
_RELAY = Field("relay", "text", "host:port")
_WHO = (
    Field("account", "text", "the label of the destination: an account, or the hosts of a domain", optional=True),
    Field("host", "text", "the host that was talked to", optional=True),
)
_STATE = Field("state", "text", "the recipient's state from now on (`pending`, `deferred`, `delivered`, …)")
_ATTEMPTS = Field("attempts", "integer", "counted attempts so far")
_REASON = Field("reason", "text", "why, in words")
_MESSAGE_ID = Field("message_id", "text", "the Message-ID, the same in every attempt")
_STAGE = Field("stage", "text", "where in the dialogue (`connect`, `banner`, `ehlo`, … `dot`)")
_REPLY = (
    Field("response", "response", "the reply that decided", optional=True),
    Field("fault", "text", "what happened instead of a reply (`timeout`, `eof`, `reset`, …)", optional=True),
    Field("detail", "text", "more about the fault", optional=True),
)

#: What a field of the type `response` holds.
RESPONSE = (
    Field("code", "integer", "the reply code"),
    Field(
        "enhanced_code",
        "object",
        "`class`, `subject`, `detail` of the enhanced status code (RFC 3463)",
        optional=True,
    ),
    Field("content", "text", "the text without that code, lines joined by a blank, as the server wrote it"),
    Field("command", "text", "the command that was answered: `RCPT TO`, `DATA`, `.` …", optional=True),
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "run.started",
            "a run begins, or goes on with a ledger that was there",
            (
                Field("campaign", "text", "the campaign's name"),
                Field("sender", "text", "the reverse-path"),
                _RELAY,
                Field("mode", "text", "`merge` or `batch`"),
                Field("recipients", "integer", "recipients in the ledger"),
                Field("seed", "integer", "the campaign's seed"),
                Field("resumed", "boolean", "whether the ledger knew recipients before"),
            ),
            crucial=True,
        ),
        Kind(
            "recipient.queued",
            "a recipient enters the ledger",
            (_RECIPIENT, Field("row", "integer", "its line in the list"), _MESSAGE_ID),
        ),
        Kind(
            "recipient.set_aside",
            "a row of the list that is not sent to",
            (
                Field("row", "integer", "its line in the list"),
                Field("value", "text", "what stands there"),
                Field("reason", "text", "`invalid` or `duplicate`"),
                Field("detail", "text", "what is wrong with it", optional=True),
            ),
        ),
        Kind(
            "recipient.restored",
            "a later run found this recipient in the ledger; the ledger's word replaces what the log said before",
            (_RECIPIENT, _STATE, _ATTEMPTS),
        ),
        Kind(
            "recipient.recovered",
            "an earlier run ended in the middle of a transaction with this recipient",
            (_RECIPIENT, _STATE, _REASON),
            crucial=True,
        ),
        Kind(
            "session.opened",
            "greeting and EHLO are done; the dialogue so far stands before this event",
            (
                _SESSION,
                _RELAY,
                *_WHO,
                Field("capabilities", "list of text", "the extensions that EHLO offered"),
            ),
        ),
        Kind(
            "session.refused",
            "a session ended before mail could be sent in it",
            (_SESSION, _RELAY, *_WHO, _STAGE, *_REPLY),
            crucial=True,
        ),
        Kind(
            "session.closed",
            "an opened session ended",
            (_SESSION, _REASON, Field("transactions", "integer", "mail transactions begun in it")),
            crucial=True,
        ),
        Kind(
            "line",
            "one line of the dialogue; of the message itself only its size and hash are noted",
            (
                _SESSION,
                Field("mark", "text", "`->` we said, `<-` the server said, `<**` the server said no, `===` our remark"),
                Field("text", "text", "the line as it was said, secrets redacted"),
            ),
        ),
        Kind(
            "transaction.started",
            "a mail transaction begins",
            (
                _SESSION,
                _TRANSACTION,
                _RECIPIENTS,
                _MESSAGE_ID,
                Field("octets", "integer", "the size of the message"),
                Field("body_hash", "text", "the hash of the message that the ledger holds"),
            ),
        ),
        Kind(
            "transaction.intent",
            "the ledger holds it for good: the final dot is about to leave for these recipients",
            (_SESSION, _TRANSACTION, _RECIPIENTS),
            crucial=True,
        ),
        Kind(
            "attempt",
            "one try for one recipient is over; exactly one of these for each recipient of a transaction",
            (
                _SESSION,
                Field("transaction", "integer", "as above; missing where no transaction was begun", optional=True),
                _RECIPIENT,
                Field("type", "text", "KumoMTA's word: `Delivery`, `Bounce`, for all else `TransientFailure`"),
                Field("num_attempts", "integer", "counted attempts, this one included if it counts"),
                _RELAY,
                *_WHO,
                Field("verdict", "text", "`delivered`, `deferred`, `released`, `failed`, `unknown`, `held`"),
                _STATE,
                Field("scope", "text", "what the reply was about: `host`, `message`, `recipient`"),
                _STAGE,
                *_REPLY,
                Field("dsn", "text", "the status for reports (RFC 3463); its class agrees with the verdict"),
                Field("row", "text", "the row of docs/dispositions.md that decided"),
                Field(
                    "override", "text", "your [[override]] that decided instead: its line, and its word", optional=True
                ),
                Field("counted", "boolean", "whether the recipient's attempt count went up"),
                Field("until", "number", "not tried again before this time (Unix seconds)", optional=True),
                Field("delay", "number", "seconds since the recipient was queued"),
            ),
            crucial=True,
        ),
        Kind(
            "recipient.expired",
            "the lifetime ended between two tries (where it ends with a try, that `attempt` has the state); "
            "`unknown` instead of `expired` where a try may have delivered",
            (_RECIPIENT, _STATE, _ATTEMPTS, _REASON),
            crucial=True,
        ),
        Kind(
            "recipient.held",
            "not tried again in this run through no fault of the recipient; a later run tries again",
            (_RECIPIENT, _STATE, _ATTEMPTS, _REASON),
            crucial=True,
        ),
        Kind(
            "recipient.requeued",
            "an operator said between two runs that this recipient is to be tried again",
            (
                _RECIPIENT,
                _STATE,
                _ATTEMPTS,
                Field("before", "text", "the state until now"),
                Field("by", "text", "the command: `retry` or `requeue`"),
            ),
            crucial=True,
        ),
        Kind(
            "recipient.settled",
            "what became of this recipient was learned between two runs: an operator said so, or what came back",
            (
                _RECIPIENT,
                _STATE,
                _ATTEMPTS,
                Field("before", "text", "the state until now"),
                Field("by", "text", "the command: `settle` or `bounces`"),
                _REASON,
            ),
            crucial=True,
        ),
        Kind(
            "breaker.opened",
            "a host failed too often: no session before `until`",
            (_RELAY, Field("failures", "integer", "failures in a row"), Field("until", "number", "Unix seconds")),
        ),
        Kind("breaker.closed", "the host answered again", (_RELAY,)),
        Kind(
            "sessions.allowed",
            "how many sessions at once a host seems to bear: halved when it sends one away, then growing by one",
            (_RELAY, Field("sessions", "integer", "at most, from now on")),
        ),
        Kind(
            "destination.tardy",
            "a session with it served nobody for so long; while others wait, such destinations have half of the places",
            (_RELAY, Field("seconds", "number", "how long")),
        ),
        Kind("destination.prompt", "it serves in seconds again, and waits in line as any other", (_RELAY,)),
        Kind(
            "limit.learned",
            "a destination taught one of its limits; it holds in later runs, too",
            (
                _RELAY,
                Field(
                    "limit",
                    "text",
                    "`recipients` in a transaction, `messages` in a session, `idle` seconds, `rate` an hour",
                ),
                Field("value", "number", "how many"),
                Field("response", "response", "the reply that taught it", optional=True),
            ),
        ),
        *CAUTION,
        Kind("run.waited", "nothing is due before `until`", (Field("until", "number", "Unix seconds"),)),
        Kind("run.stopping", "a stop was asked for; transactions under way come to their end", (_REASON,)),
        Kind(
            "run.ended",
            "the run is over",
            (
                Field(
                    "reason",
                    "text",
                    "`done`: nothing is left to do; `stopped`: asked to stop; `paused`; `canary`: it is over",
                ),
                Field("states", "object", "how many recipients are in each state"),
                Field("connections", "integer", "sessions begun in this run"),
                Field("attempts", "integer", "`attempt` events in this run"),
            ),
            crucial=True,
        ),
    )
}


def markdown() -> str:
    """Return the tables of docs/connection-log.md: the common fields, then each kind with its own."""
    parts = [
        _table((f"`{name}`", kind, meaning) for name, kind, meaning in COMMON),
        f"### A response\n\nWhat a field of the type `response` holds.\n\n{_table(map(_row, RESPONSE))}",
    ]
    for kind in KINDS.values():
        what = f"{kind.meaning[:1].upper()}{kind.meaning[1:]}"
        parts.append(f"### `{kind.name}`\n\n{what}.\n\n{_table(map(_row, kind.fields))}")
    return "\n".join(parts)


def _row(field: Field) -> tuple[str, str, str]:
    return f"`{field.name}`", field.type + (", may be missing" if field.optional else ""), field.meaning


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = (f"| {' | '.join(row)} |\n" for row in (("Field", "Type", "Meaning"), ("---", "---", "---"), *rows))
    return "".join(lines)
