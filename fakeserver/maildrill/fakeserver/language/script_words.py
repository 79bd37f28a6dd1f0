"""The words of the language that are names: what is counted, how a line is cut, and what is known where.

Tables only. Pure.
"""

from __future__ import annotations

from enum import StrEnum

from maildrill.smtp import Stage
from maildrill.smtp.stage import SERVED


class Key(StrEnum):
    """What a rule counts by."""

    RCPT = "rcpt"
    MESSAGE = "message"  # Message-ID and envelope: known once the message is whole
    FROM = "from"
    CLIENT = "client"
    DOMAIN = "domain"
    CONNECTION = "connection"
    TRANSACTION = "transaction"  # from one MAIL to the next, in one connection
    EHLO = "ehlo"  # the name given with EHLO or HELO
    USER = "user"  # who is logged in


class Cut(StrEnum):
    """How a rule ends the connection, or keeps it."""

    BEFORE = "before"  # FIN in place of the reply
    AFTER = "after"  # FIN behind the reply
    MID = "mid"  # FIN behind half of the reply
    RST = "rst"  # RST in place of the reply
    REFUSE = "refuse"  # no connection at all
    NEVER = "never"  # stays open after a 421


class Mangle(StrEnum):
    """What is wrong with the octets of a reply."""

    CODE_MISMATCH = "code-mismatch"  # its lines have different codes
    NO_CODE = "no-code"  # text alone
    LF = "lf"  # lines end with LF
    CR = "cr"  # lines end with CR
    NO_EOL = "no-eol"  # the last line does not end
    SPLIT = "split"  # each octet is sent by itself
    LONG = "long"  # a line far beyond 512 octets
    NUL = "nul"  # NUL octets in the text
    EMPTY = "empty"  # an empty line comes first
    EXTRA = "extra"  # the reply comes twice
    EARLY = "early"  # the reply to the next command comes with it, and that command then gets none


class Handshake(StrEnum):
    """What goes wrong with a TLS handshake."""

    EXPIRED = "expired"  # the certificate was valid until yesterday
    NOT_YET = "not-yet"  # it is valid from tomorrow on
    WRONG_HOST = "wrong-host"  # it names another host
    SELF_SIGNED = "self-signed"
    UNTRUSTED = "untrusted"  # issued by an authority that nobody knows
    WEAK = "weak"  # a key that is too short
    OLD_VERSION = "old-version"  # TLS 1.0 or 1.1 at most
    ABORT = "abort"  # the connection ends in the middle of the handshake
    HANG = "hang"  # nothing comes
    GARBAGE = "garbage"  # octets that are no TLS
    PLAIN = "plain"  # the server goes on in clear


class Then(StrEnum):
    """What comes after the last of a rule's replies; without this word the last one stays."""

    CYCLE = "cycle"  # the first again
    PASS = "pass"  # noqa: S105 - not a password: the rule lets the event through to the rules behind it


#: Where a client waits for a reply: what `at = "*"` means. Connect, TLS, body and idle must be named.
REPLYING = frozenset(SERVED) - {Stage.CONNECT, Stage.TLS, Stage.BODY, Stage.IDLE}

_IN_TRANSACTION = frozenset(
    {
        Stage.DATA,
        Stage.BODY,
        Stage.DOT,
        Stage.BDAT,
        Stage.RSET,
        Stage.NOOP,
        Stage.VRFY,
        Stage.QUIT,
        Stage.IDLE,
        Stage.UNKNOWN,
    }
)

#: Where a client says a line that begins with a verb.
_COMMANDS = REPLYING - {Stage.BANNER, Stage.AUTH_STEP, Stage.DOT}

_WHOLE_MESSAGE = frozenset({Stage.DOT, Stage.BDAT})  # of BDAT only the last

#: Where a word is, or may be, known; all others are known everywhere.
KNOWN: dict[str, frozenset[Stage]] = {
    "from": _IN_TRANSACTION | {Stage.MAIL, Stage.RCPT},
    "rcpt": _IN_TRANSACTION | {Stage.RCPT},
    "domain": _IN_TRANSACTION | {Stage.RCPT},
    "transaction": _IN_TRANSACTION | {Stage.MAIL, Stage.RCPT},
    "param": _IN_TRANSACTION | {Stage.MAIL, Stage.RCPT},
    "ehlo": frozenset(SERVED) - {Stage.CONNECT, Stage.BANNER},
    "user": frozenset(SERVED) - {Stage.CONNECT, Stage.TLS, Stage.BANNER},
    "tls": frozenset(SERVED) - {Stage.CONNECT, Stage.TLS},
    "command": _COMMANDS,
    "pipelined": _COMMANDS,
    "size": _WHOLE_MESSAGE | {Stage.MAIL, Stage.BODY},
    "subject": _WHOLE_MESSAGE,
    "header": _WHOLE_MESSAGE,
    "body": _WHOLE_MESSAGE,
    "message": _WHOLE_MESSAGE,
    "to": frozenset({Stage.MAIL, Stage.RCPT, Stage.DOT}),
}

#: Which first digits a reply may have, where it is not 2, 4 and 5.
CLASSES: dict[Stage, frozenset[int]] = {
    Stage.CONNECT: frozenset(),  # nothing is said before the greeting
    Stage.TLS: frozenset(),  # TLS records are no replies
    Stage.AUTH: frozenset({2, 3, 4, 5}),
    Stage.AUTH_STEP: frozenset({2, 3, 4, 5}),
    Stage.DATA: frozenset({3, 4, 5}),
    Stage.BODY: frozenset({4, 5}),  # early: before the dot, only bad news
    Stage.IDLE: frozenset({4, 5}),  # unasked
}
USUAL_CLASSES = frozenset({2, 4, 5})

#: The state in which a rule's key, or the whole run, begins.
FIRST_STATE = "start"

#: How early a rule is asked that says no priority: 1 is first.
USUAL_PRIORITY = 5

#: The reply that ends the connection, unless the rule says `cut = "never"` (RFC 5321 section 3.8).
CLOSING = 421

#: Seconds of silence after which the server itself hangs up; RFC 5321 section 4.5.3.2.7 wants five minutes at least.
LONGEST_SILENCE = 300.0
