"""The table of dispositions: stage and event on the left, what becomes of a recipient on the right. Values only.

Rule 1: within a stage the first row that fits decides: 421 stands before 4yz. Rule 2: an event is `421`, `4yz`, `lost`
(TIMEOUT, EOF, RESET, GARBAGE), several of those, or words in brackets: then `disposition` finds the row by its id.
docs/dispositions.md is made from it; the log calls a row by its id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from maildrill.sender.attempt import Fault, Scope, Verdict
from maildrill.smtp import Stage

_H, _M, _R = Scope.HOST, Scope.MESSAGE, Scope.RECIPIENT
_DELIVERED, _DEFERRED, _RELEASED = Verdict.DELIVERED, Verdict.DEFERRED, Verdict.RELEASED
_FAILED, _UNKNOWN, _HELD = Verdict.FAILED, Verdict.UNKNOWN, Verdict.HELD

#: What `lost` stands for: the session ended where a reply was due.
LOST = frozenset({Fault.TIMEOUT, Fault.EOF, Fault.RESET, Fault.GARBAGE})
_CODE = re.compile(r"\b(\d)(\d\d|yz)\b", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. event: see the module. again: to be tried once more in the same session, at once, uncounted."""

    id: str
    stage: Stage
    event: str
    scope: Scope
    verdict: Verdict
    source: str
    why: str
    again: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The beginnings of the reply codes that this row is for: `421` itself, or `4`."""
        if self.event.startswith("("):
            return ()
        return tuple(digit + ("" if rest == "yz" else rest) for digit, rest in _CODE.findall(self.event))

    @property
    def lost(self) -> bool:
        """Whether the row is for a session that ended instead of a reply."""
        return "lost" in self.event and not self.event.startswith("(")


_Cells = tuple[str, str, Scope, Verdict, str, str]
_AGAIN = frozenset({"local-smtputf8-others", "rcpt-too-many", "data-too-many"})


def _at(stage: Stage, *rows: _Cells) -> Iterator[Row]:
    for name, event, scope, verdict, source, why in rows:
        again = name in _AGAIN
        yield Row(id=name, stage=stage, event=event, scope=scope, verdict=verdict, source=source, why=why, again=again)


_5321, _421 = "RFC 5321 section 4.2.1", "RFC 5321 section 3.8"
_RETRY, _MANY = "RFC 5321 section 4.5.4.1", "RFC 5321 section 4.5.3.1.10"
_DOT, _1870, _6531 = "RFC 5321 section 4.2.5", "RFC 1870 section 6.1", "RFC 6531 section 3.2"
_4954, _2920 = "RFC 4954 section 6", "RFC 2920 section 3.1"

TABLE: tuple[Row, ...] = (
    *_at(
        Stage.CONNECT,
        ("connect-failed", "refused, lost", _H, _RELEASED, _RETRY, "nothing was said of anybody; the breaker counts"),
    ),
    *_at(
        Stage.BANNER,
        ("banner-521", "521", _H, _HELD, "RFC 7504 section 3", "it never takes mail: the account is wrong"),
        ("banner-4yz", "421, 4yz", _H, _RELEASED, _421, "the host is busy, not a mailbox"),
        ("banner-5yz", "5yz", _H, _RELEASED, "RFC 5321 section 3.1", "one refusing host must not fail a campaign"),
        ("banner-lost", "3yz, lost", _H, _RELEASED, _RETRY, "as a connection that failed"),
    ),
    *_at(
        Stage.EHLO,
        ("ehlo-4yz", "421, 4yz", _H, _RELEASED, "RFC 1869 section 4.5", "QUIT, and later again; 5yz: HELO is said"),
        ("ehlo-lost", "3yz, lost", _H, _RELEASED, "RFC 1869 section 4.7", "after EOF a new session began with HELO"),
    ),
    *_at(
        Stage.HELO,
        ("helo-refused", "4yz, 5yz", _H, _RELEASED, "RFC 1869 section 4.5", "nothing was said of a recipient"),
        ("helo-lost", "3yz, lost", _H, _RELEASED, _RETRY, "as a connection that failed"),
    ),
    *_at(
        Stage.IDLE,
        ("idle-lost", "(421, any other reply, lost)", _H, _RELEASED, _421, "a stale session: a new one at once"),
        ("stopped", "(we were asked to stop)", _H, _RELEASED, "maildrill", "before the dot, at any stage"),
    ),
    *_at(
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
        ("mail-421", "421", _H, _RELEASED, _421, "the session is over; the message was not looked at"),
        ("mail-530", "530", _H, _HELD, _4954, "our account lacks authentication or TLS; nobody is burnt for it"),
        ("mail-out-of-step", "500, 503, 3yz", _M, _DEFERRED, _2920, "close: it answers something else"),
        ("mail-4yz", "4yz", _M, _DEFERRED, _5321, "the sender, or this message, is not served now"),
        ("mail-552", "552", _M, _FAILED, "RFC 1870 section 6.2", "too large for this server"),
        ("mail-5yz", "5yz", _M, _FAILED, _RETRY, "never remembered; twice in a row the sender is at fault: held"),
        ("mail-lost", "lost", _M, _DEFERRED, _421, "as if 451 had been said"),
    ),
    *_at(
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
        ("rcpt-421", "421", _H, _RELEASED, _421, "the session is over; also for all that are not decided yet"),
        ("rcpt-530", "530", _R, _HELD, _4954, "our account lacks authentication or TLS; nobody is burnt for it"),
        ("rcpt-out-of-step", "500, 503, 3yz", _R, _DEFERRED, _2920, "close: it answers something else"),
        ("rcpt-4yz", "4yz", _R, _DEFERRED, _5321, "greylisting, mailbox full, …; the others go on"),
        ("rcpt-5yz", "5yz", _R, _FAILED, _5321, "the others go on"),
        ("rcpt-lost", "lost", _R, _DEFERRED, _421, "as if 451 had been said to the one that was asked about"),
        ("rcpt-undecided", "(the session is over)", _H, _RELEASED, _421, "nothing was said about these"),
    ),
    *_at(
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
    *_at(
        Stage.BODY,
        ("body-421", "421", _H, _RELEASED, _421, "a reply before the dot: certainly not accepted"),
        ("body-4yz", "4yz", _M, _DEFERRED, _5321, "a reply before the dot: read it, stop, close"),
        ("body-5yz", "5yz", _M, _FAILED, _5321, "a reply before the dot: read it, stop, close"),
        ("body-out-of-step", "2yz, 3yz", _M, _DEFERRED, _DOT, "before the dot nothing can be accepted"),
        ("body-lost", "lost", _M, _DEFERRED, "RFC 1047", "the dot had not left: certainly not accepted"),
    ),
    *_at(
        Stage.DOT,
        ("dot-2yz", "2yz", _M, _DELIVERED, _DOT, "the server is responsible now; 251 is as good as 250"),
        ("dot-3yz", "3yz", _M, _UNKNOWN, "RFC 5321 section 4.2", "no answer to the question who has the message"),
        ("dot-4yz", "421, 4yz", _M, _DEFERRED, _DOT, "after 421 the session is over, too"),
        ("dot-5yz", "5yz", _M, _FAILED, _DOT, "content, size or policy"),
        ("dot-lost", "lost", _M, _UNKNOWN, "RFC 1047", "nobody can know; a plain retry is how people get two copies"),
    ),
    *_at(
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
