"""What one try did, as values: what the wire heard, what was ruled, what is written down.

Rule: a 4yz or 5yz is data here, never an exception (RFC 5321 section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from maildrill.smtp import Reply, Stage
from maildrill.smtp.quickly import quickly


class Fault(StrEnum):
    """How a session came to an end without (or in spite of) a reply."""

    REFUSED = "refused"  # no TCP connection: refused, unreachable, unknown host
    TIMEOUT = "timeout"  # the deadline of the stage passed
    EOF = "eof"  # the server closed
    RESET = "reset"  # the connection was reset
    GARBAGE = "garbage"  # octets that are no reply
    UNSOLICITED = "unsolicited"  # a reply that answers nothing, 421 apart
    OUT_OF_STEP = "out of step"  # a reply that has no place here: a 354 to MAIL, a 503 to RCPT
    STOPPED = "stopped"  # we were asked to stop
    NO_TLS = "no tls"  # TLS is required, and the server has none
    HANDSHAKE = "handshake"  # the TLS handshake failed
    CERTIFICATE = "certificate"  # the certificate is not one that we trust
    POLICY = "tls policy"  # not as the domain itself has published it: DANE, MTA-STS
    NO_AUTH = "no auth"  # no mechanism that both sides know
    IN_CLEAR = "in clear"  # a credential would have gone over the wire without TLS
    NO_SECRET = "no secret"  # noqa: S105 - the secret of the account cannot be had
    IMPOSTOR = "impostor"  # the server could not show that it knows the password
    TOO_BIG = "too big"  # larger than the server's SIZE: not even tried
    NO_8BITMIME = "no 8bitmime"  # octets above 127 where they are not taken: not even tried
    NO_SMTPUTF8 = "no smtputf8"  # an international address where it is not taken: not even tried
    NO_EHLO = "no ehlo"  # what the message needs may be offered, but EHLO was not answered: not tried in this session
    NXDOMAIN = "nxdomain"  # the domain does not exist
    NULL_MX = "null mx"  # the domain says that it accepts no mail (RFC 7505)
    NO_HOST = "no host"  # the domain has neither MX nor address
    UNUSABLE = "unusable mx"  # it has MX records, and no address is known for any of their hosts
    LOOP = "mail loop"  # its best host is ourselves
    SERVFAIL = "servfail"  # the DNS could not say now


#: What is known from the server's own offers, before anything is said.
NOT_OFFERED = frozenset({Fault.TOO_BIG, Fault.NO_8BITMIME, Fault.NO_SMTPUTF8})
#: Where nothing is said for what is known of the offers, or not known.
NOT_TRIED = NOT_OFFERED | {Fault.NO_EHLO}


@quickly
@dataclass(frozen=True, slots=True)
class Broken:
    """Why a session is over: where, how, and the reply that said so, where one did (a 421, a 554 greeting)."""

    stage: Stage
    fault: Fault | None = None
    reply: Reply | None = None
    detail: str = ""


@quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """Everything that was heard in one mail transaction; None = not asked, or never answered.

    rcpt is aligned with recipients. dot_sent: the first octet of the final CRLF.CRLF was handed to the
    connection (RFC 1047's ambiguous window is open). early: a reply that came before the dot was sent.
    chunked: the message went by BDAT (RFC 3030); then dot is the reply to the last chunk, dot_sent of its last octet,
    and bdat the refusal of a chunk before it.
    """

    recipients: tuple[str, ...]
    mail: Reply | None = None
    rcpt: tuple[Reply | None, ...] = ()
    data: Reply | None = None
    early: Reply | None = None
    dot: Reply | None = None
    dot_sent: bool = False
    broken: Broken | None = None
    chunked: bool = False
    bdat: Reply | None = None


class Scope(StrEnum):
    """What a reply or fault is about."""

    HOST = "host"  # host or session: nobody's attempt is counted, the breaker counts
    MESSAGE = "message"
    RECIPIENT = "recipient"


class Verdict(StrEnum):
    """What one try means for one recipient."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"  # again after a back-off; counted
    RELEASED = "released"  # again, not counted: the try was not about this recipient
    FAILED = "failed"
    UNKNOWN = "unknown"  # the dot had left and no reply came: nobody can know
    HELD = "held"  # our own set-up is at fault: nothing is burnt


_COUNTED = (Verdict.DELIVERED, Verdict.DEFERRED, Verdict.FAILED, Verdict.UNKNOWN)


class State(StrEnum):
    """Where a recipient stands in the ledger."""

    PENDING = "pending"
    INFLIGHT = "inflight"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    HELD = "held"
    SUPPRESSED = "suppressed"


#: States from which nothing moves without an operator.
TERMINAL = frozenset({State.DELIVERED, State.FAILED, State.EXPIRED, State.UNKNOWN, State.HELD, State.SUPPRESSED})


@quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the table says of one recipient after one try, with the evidence and the row that decided.

    again: try at once in the same session, uncounted (too many recipients: delivery is not refused). override: the
    user's own word that the verdict is by, instead of the row's. interval: seconds to the next try by that word.
    """

    recipient: str
    verdict: Verdict
    scope: Scope
    stage: Stage
    row: str  # the id of the row in disposition.TABLE
    reply: Reply | None = None
    fault: Fault | None = None
    detail: str = ""
    again: bool = False
    override: str = ""
    interval: float | None = None

    @property
    def counted(self) -> bool:
        """Whether the recipient's attempt count goes up (invariant I15)."""
        return self.verdict in _COUNTED
