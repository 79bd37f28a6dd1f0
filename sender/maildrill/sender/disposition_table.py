"""The table of dispositions: stage and event on the left, what becomes of a recipient on the right. Values only.

docs/dispositions.md is made from it; docs, log (`row`) and code call a row by its id.
"""

from __future__ import annotations

from dataclasses import dataclass

from maildrill.sender.attempt import Scope, Verdict
from maildrill.smtp import Stage

_H, _M, _R = Scope.HOST, Scope.MESSAGE, Scope.RECIPIENT
_RELEASED, _DEFERRED, _FAILED, _HELD = Verdict.RELEASED, Verdict.DEFERRED, Verdict.FAILED, Verdict.HELD


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. stage: None where it may be any. event: a reply class or code, or what happened instead of a reply.

    again: to be tried once more in the same session, at once. why: the reason, and what is easily done wrong.
    """

    id: str
    stage: Stage | None
    event: str
    scope: Scope
    verdict: Verdict
    source: str
    why: str
    again: bool = False


def _row(  # noqa: PLR0913, PLR0917 - a row of the table, in the order of its columns
    id_: str, stage: Stage | None, event: str, scope: Scope, verdict: Verdict, source: str, why: str
) -> Row:
    again = verdict is _RELEASED and id_.endswith("too-many")
    return Row(id=id_, stage=stage, event=event, scope=scope, verdict=verdict, source=source, why=why, again=again)


_421 = "RFC 5321 section 3.8"
_RETRY = "RFC 5321 section 4.2.1"
_MANY = "RFC 5321 section 4.5.3.1.10"
_LOST = "RFC 5321 section 3.8, RFC 1047"

TABLE: tuple[Row, ...] = (
    _row(
        "connect-failed",
        Stage.CONNECT,
        "refused, timeout, unknown host",
        _H,
        _RELEASED,
        "RFC 5321 section 4.5.4.1",
        "nothing was said of any recipient; the breaker counts",
    ),
    _row("banner-4yz", Stage.BANNER, "4yz", _H, _RELEASED, _421, "the host is busy, not the mailbox"),
    _row(
        "banner-5yz",
        Stage.BANNER,
        "5yz",
        _H,
        _RELEASED,
        "RFC 5321 section 3.1",
        "one refusing host must not fail a campaign; it is tried again until the lifetime ends",
    ),
    _row(
        "banner-521",
        Stage.BANNER,
        "521",
        _H,
        _HELD,
        "RFC 7504 section 3",
        "this host never accepts mail: the account is wrong, not the list",
    ),
    _row(
        "ehlo-4yz", Stage.EHLO, "4yz", _H, _RELEASED, "RFC 1869 section 4.5", "also after HELO; a QUIT, and later again"
    ),
    _row(
        "ehlo-5yz",
        Stage.HELO,
        "5yz to EHLO and HELO",
        _H,
        _RELEASED,
        "RFC 1869 section 4.5",
        "5yz to EHLO alone only means that HELO is to be said",
    ),
    _row(
        "greeting-lost",
        None,
        "lost or no reply at all, before MAIL",
        _H,
        _RELEASED,
        "RFC 5321 section 4.5.4.1",
        "as a connection that failed",
    ),
    _row(
        "idle-lost",
        Stage.IDLE,
        "lost, 421, or a reply to nothing, between transactions",
        _H,
        _RELEASED,
        _421,
        "a stale session: a new one at once, nobody's attempt",
    ),
    _row(
        "local-size",
        Stage.MAIL,
        "message larger than SIZE",
        _M,
        _FAILED,
        "RFC 1870 section 6.1",
        "5.3.4, not even tried",
    ),
    _row(
        "local-smtputf8",
        Stage.MAIL,
        "international address, no SMTPUTF8",
        _M,
        _FAILED,
        "RFC 6531 section 3.2",
        "5.6.7, not even tried; an address is never rewritten",
    ),
    _row(
        "local-8bitmime",
        Stage.MAIL,
        "octets above 127, no 8BITMIME",
        _M,
        _FAILED,
        "RFC 6152 section 3",
        "5.6.3, not even tried",
    ),
    _row("mail-421", Stage.MAIL, "421", _H, _RELEASED, _421, "the session is over; the message was not looked at"),
    _row("mail-4yz", Stage.MAIL, "4yz", _M, _DEFERRED, _RETRY, "the sender or the host is not served now"),
    _row(
        "mail-552", Stage.MAIL, "552", _M, _FAILED, "RFC 1870 section 6.2", "the message is too large for this server"
    ),
    _row("mail-530", Stage.MAIL, "530", _H, _HELD, "RFC 4954 section 6", "our account lacks authentication or TLS"),
    _row(
        "mail-5yz",
        Stage.MAIL,
        "5yz",
        _M,
        _FAILED,
        "RFC 5321 section 4.5.4.1",
        "never remembered; twice in a row the sender is at fault, and everybody is held",
    ),
    _row("mail-lost", Stage.MAIL, "lost or timeout", _M, _DEFERRED, _421, "as if 451 had been said"),
    _row(
        "rcpt-421", Stage.RCPT, "421", _H, _RELEASED, _421, "the session is over; so for all that are not decided yet"
    ),
    _row(
        "rcpt-too-many",
        Stage.RCPT,
        "452 or 552: too many recipients",
        _R,
        _RELEASED,
        _MANY,
        "the accepted ones are sent to, then the rest at once in this session",
    ),
    _row(
        "rcpt-too-many-again",
        Stage.RCPT,
        "the same, once more in this session",
        _R,
        _DEFERRED,
        _MANY,
        "otherwise a server that always says so is asked for ever",
    ),
    _row("rcpt-4yz", Stage.RCPT, "4yz", _R, _DEFERRED, _RETRY, "greylisting, mailbox full; the others go on"),
    _row("rcpt-5yz", Stage.RCPT, "5yz", _R, _FAILED, _RETRY, "the others go on"),
    _row(
        "rcpt-timeout",
        Stage.RCPT,
        "timeout",
        _R,
        _DEFERRED,
        "RFC 5321 section 4.5.3.2.3",
        "the recipient whose check took too long",
    ),
    _row(
        "rcpt-timeout-others",
        Stage.RCPT,
        "timeout of another recipient",
        _M,
        _RELEASED,
        "RFC 5321 section 4.5.3.2.3",
        "they did nothing wrong",
    ),
    _row(
        "rcpt-lost", Stage.RCPT, "lost", _M, _DEFERRED, _421, "as if 451 had been said; what was refused stays refused"
    ),
    _row("data-421", Stage.DATA, "421", _H, _RELEASED, _421, "the session is over; refusals at RCPT stay"),
    _row(
        "data-503-too-many",
        Stage.DATA,
        "503 after too many recipients",
        _M,
        _RELEASED,
        _MANY,
        "this site takes no such batch at all: half of it, at once",
    ),
    _row("data-4yz", Stage.DATA, "4yz", _M, _DEFERRED, _RETRY, "for the accepted; refusals at RCPT stay"),
    _row("data-5yz", Stage.DATA, "5yz", _M, _FAILED, _RETRY, "for the accepted"),
    _row("data-lost", Stage.DATA, "lost or timeout", _M, _DEFERRED, _421, "certainly not accepted"),
    _row("body-421", Stage.BODY, "421 before the dot", _H, _RELEASED, _421, "certainly not accepted"),
    _row("body-4yz", Stage.BODY, "4yz before the dot", _M, _DEFERRED, _RETRY, "read it, stop, close"),
    _row("body-5yz", Stage.BODY, "5yz before the dot", _M, _FAILED, _RETRY, "read it, stop, close"),
    _row("body-lost", Stage.BODY, "lost or timeout before the dot", _M, _DEFERRED, _LOST, "certainly not accepted"),
    _row(
        "dot-2yz",
        Stage.DOT,
        "2yz, any of them",
        _M,
        Verdict.DELIVERED,
        "RFC 5321 section 4.2.5",
        "the server is responsible now; 251 is as good as 250",
    ),
    _row(
        "dot-3yz",
        Stage.DOT,
        "3yz",
        _M,
        Verdict.UNKNOWN,
        "RFC 5321 section 4.2",
        "no answer to the question: who has it?",
    ),
    _row("dot-4yz", Stage.DOT, "4yz", _M, _DEFERRED, "RFC 5321 section 4.2.5", "421 too, and then the session is over"),
    _row("dot-5yz", Stage.DOT, "5yz", _M, _FAILED, "RFC 5321 section 4.2.5", "content, size or policy"),
    _row(
        "dot-lost",
        Stage.DOT,
        "lost, timeout or no reply, after the dot",
        _M,
        Verdict.UNKNOWN,
        "RFC 1047",
        "nobody can know; a plain retry is how people get two copies",
    ),
    _row(
        "out-of-step",
        None,
        "a reply that has no place there: 503, 354 to MAIL, 250 to DATA",
        _M,
        _DEFERRED,
        "RFC 2920 section 3.1",
        "close; who knows to what the server answered",
    ),
    _row("stopped", None, "we were asked to stop, before the dot", _M, _RELEASED, "maildrill", "a later run goes on"),
)

ROWS: dict[str, Row] = {row.id: row for row in TABLE}
