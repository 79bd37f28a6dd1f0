"""The table of dispositions: stage and event on the left, what becomes of a recipient on the right. Values only.

Rule: within a stage the first row that fits decides: 421 stands before 4yz. The rows before a transaction are in
disposition_setup; docs/dispositions.md is made from all of them, and each has a script of its name in the catalogue.
"""

from __future__ import annotations

from functools import lru_cache

from maildrill.sender.attempt import Scope, Verdict
from maildrill.sender.disposition_dns import DNS
from maildrill.sender.disposition_row import LOST, Row, rows_at
from maildrill.sender.disposition_setup import SETUP
from maildrill.smtp import Stage

__all__ = ["LOST", "ROWS", "TABLE", "Row", "find", "markdown"]

_H, _M, _R = Scope.HOST, Scope.MESSAGE, Scope.RECIPIENT
_DELIVERED, _DEFERRED, _RELEASED = Verdict.DELIVERED, Verdict.DEFERRED, Verdict.RELEASED
_FAILED, _UNKNOWN, _HELD = Verdict.FAILED, Verdict.UNKNOWN, Verdict.HELD

_5321, _421 = "RFC 5321 section 4.2.1", "RFC 5321 section 3.8"
_RETRY, _MANY = "RFC 5321 section 4.5.4.1", "RFC 5321 section 4.5.3.1.10"
_DOT, _1870, _6531 = "RFC 5321 section 4.2.5", "RFC 1870 section 6.1", "RFC 6531 section 3.2"
_EHLO = "RFC 5321 section 3.2"
_4954, _2920, _3463 = "RFC 4954 section 6", "RFC 2920 section 3.1", "RFC 3463 section 3.6"

TABLE: tuple[Row, ...] = (
    *DNS,
    *SETUP,
    *rows_at(
        Stage.MAIL,
        ("local-size", "(larger than SIZE)", _M, _FAILED, _1870, "5.3.4, not even tried"),
        ("local-8bitmime", "(octets above 127, no 8BITMIME)", _M, _FAILED, "RFC 6152 section 3", "5.6.3, not tried"),
        ("local-smtputf8", "(international address, no SMTPUTF8)", _R, _FAILED, _6531, "5.6.7; never rewritten"),
        ("local-smtputf8-others", "(another's address, no SMTPUTF8)", _R, _RELEASED, _6531, "at once, without it"),
        (
            "local-smtputf8-sender",
            "(our own address, no SMTPUTF8)",
            _H,
            _HELD,
            _6531,
            "the campaign and the host differ",
        ),
        (
            "local-untold",
            "(no reply to EHLO, which tells whether)",
            _M,
            _DEFERRED,
            _EHLO,
            "EHLO again, in a new session",
        ),
        ("mail-421", "421", _H, _RELEASED, _421, "the session is over; the message was not looked at"),
        ("mail-530", "530", _H, _HELD, _4954, "our account lacks authentication or TLS; nobody is burnt for it"),
        ("mail-too-many", "(4yz with X.5.3)", _H, _RELEASED, _3463, "enough messages in this session: in another one"),
        ("mail-out-of-step", "500, 503, 3yz", _M, _DEFERRED, _2920, "close: it answers something else"),
        ("mail-4yz", "4yz", _M, _DEFERRED, _5321, "the sender, or this message, is not served now"),
        ("mail-552", "552", _M, _FAILED, "RFC 1870 section 6.2", "too large for this server"),
        ("mail-5yz", "5yz", _M, _FAILED, _RETRY, "never remembered; twice in a row the sender is at fault: held"),
        ("mail-lost", "lost", _M, _DEFERRED, _421, "as if 451 had been said"),
    ),
    *rows_at(
        Stage.RCPT,
        (
            "rcpt-too-many",
            "(too many recipients)",
            _R,
            _RELEASED,
            _MANY,
            "send to the accepted, then to the rest at once",
        ),
        ("rcpt-too-many-again", "(the same, twice in a session)", _R, _DEFERRED, _MANY, "else it is asked for ever"),
        ("rcpt-421", "421", _H, _RELEASED, _421, "the session is over; who was asked for stands aside for a minute"),
        ("rcpt-530", "530", _R, _HELD, _4954, "our account lacks authentication or TLS; nobody is burnt for it"),
        ("rcpt-out-of-step", "500, 503, 3yz", _R, _DEFERRED, _2920, "close: it answers something else"),
        ("rcpt-4yz", "4yz", _R, _DEFERRED, _5321, "greylisting, mailbox full, …; the others go on"),
        ("rcpt-5yz", "5yz", _R, _FAILED, _5321, "the others go on"),
        ("rcpt-lost", "lost", _R, _DEFERRED, _421, "as if 451 had been said to the one that was asked about"),
        ("rcpt-undecided", "(the session is over)", _H, _RELEASED, _421, "nothing was said about these"),
    ),
    *rows_at(
        Stage.DATA,
        ("data-too-many", "(503 or 554 after too many)", _M, _RELEASED, _MANY, "no such batch at all: half, at once"),
        ("data-too-many-again", "(the same, twice in a session)", _M, _DEFERRED, _MANY, "else it is asked for ever"),
        ("data-out-of-step", "503, 2yz", _M, _DEFERRED, _2920, "also 554 5.5.1; it knows nothing of our recipients"),
        ("data-421", "421", _H, _RELEASED, _421, "the session is over; refusals at RCPT stay"),
        ("data-530", "530", _H, _HELD, _4954, "our account lacks authentication or TLS; nobody is burnt for it"),
        ("data-4yz", "4yz", _M, _DEFERRED, _5321, "the accepted ones; refusals at RCPT stay"),
        ("data-5yz", "5yz", _M, _FAILED, _5321, "the accepted ones"),
        ("data-lost", "lost", _M, _DEFERRED, _421, "certainly not accepted"),
    ),
    *rows_at(
        Stage.BODY,
        ("body-421", "421", _H, _RELEASED, _421, "a reply before the dot: certainly not accepted"),
        ("body-4yz", "4yz", _M, _DEFERRED, _5321, "a reply before the dot: read it, stop, close"),
        ("body-5yz", "5yz", _M, _FAILED, _5321, "a reply before the dot: read it, stop, close"),
        ("body-out-of-step", "2yz, 3yz", _M, _DEFERRED, _DOT, "before the dot nothing can be accepted"),
        ("body-lost", "lost", _M, _DEFERRED, "RFC 1047", "the dot had not left: certainly not accepted"),
    ),
    *rows_at(
        Stage.DOT,
        ("dot-2yz", "2yz", _M, _DELIVERED, _DOT, "the server is responsible now; 251 is as good as 250"),
        ("dot-3yz", "3yz", _M, _UNKNOWN, "RFC 5321 section 4.2", "no answer to the question who has the message"),
        ("dot-4yz", "421, 4yz", _M, _DEFERRED, _DOT, "after 421 the session is over, too"),
        ("dot-5yz", "5yz", _M, _FAILED, _DOT, "content, size or policy"),
        ("dot-lost", "lost", _M, _UNKNOWN, "RFC 1047", "nobody can know; a plain retry is how people get two copies"),
    ),
    *rows_at(
        Stage.RSET,
        ("out-of-step", "(a reply too many, or one missing)", _M, _DEFERRED, _2920, "no reply of it can be trusted"),
    ),
)

ROWS: dict[str, Row] = {row.id: row for row in TABLE}


@lru_cache(maxsize=512)
def find(stage: Stage, code: int | None) -> Row:
    """Return the row for a reply code at a stage; None: no reply came, the session was lost there.

    Raises LookupError where the table has none.
    """
    for row in TABLE:
        fits = row.lost if code is None else str(code).startswith(row.codes)
        if row.stage is stage and fits:
            return row
    raise LookupError(f"no row for {code or 'a lost session'} at {stage}")


def markdown() -> str:
    """Return the table of docs/dispositions.md."""
    head = "| Row | Stage | Event | Scope | Verdict | Why | Source |\n|---|---|---|---|---|---|---|\n"
    return head + "".join(
        f"| `{row.id}` | {row.stage} | {row.event.strip('()')} | {row.scope} | "
        f"{row.verdict}{', again' if row.again else ''} | {row.why} | {row.source} |\n"
        for row in TABLE
    )
