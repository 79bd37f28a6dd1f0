"""The rows of dispositions before a transaction: no session came about, or it ended while it was idle. Values only.

Nobody is burnt here, but for one case: what a host says before MAIL is about the host or about our account.
"""

from __future__ import annotations

from maildrill.sender.attempt import Scope, Verdict
from maildrill.sender.disposition_row import Row, rows_at
from maildrill.smtp import Stage

_H = Scope.HOST
_RELEASED, _HELD, _FAILED = Verdict.RELEASED, Verdict.HELD, Verdict.FAILED

_MX = "RFC 5321 section 5.1"
_421, _RETRY = "RFC 5321 section 3.8", "RFC 5321 section 4.5.4.1"
_3207, _8314, _PUBLISHED = "RFC 3207 section 4", "RFC 8314 section 5.5", "RFC 7672 section 2.2, RFC 8461 section 5"
_4954, _4954_4, _5802 = "RFC 4954 section 6", "RFC 4954 section 4", "RFC 5802 section 3"

SETUP: tuple[Row, ...] = (
    *rows_at(
        Stage.CONNECT,
        ("connect-failed", "refused, lost", _H, _RELEASED, _RETRY, "the next address; nothing was said of anybody"),
    ),
    *rows_at(
        Stage.BANNER,
        ("banner-521", "521", _H, _HELD, "RFC 7504 section 3", "it never takes mail: the account is wrong"),
        (
            "banner-521-mx",
            "(521 from every MX)",
            Scope.RECIPIENT,
            _FAILED,
            "RFC 7504 section 4",
            "5.3.2: none takes mail",
        ),
        ("banner-4yz", "421, 4yz", _H, _RELEASED, _421, "the host is busy, not a mailbox"),
        ("banner-5yz", "5yz", _H, _RELEASED, "RFC 5321 section 3.1", "one refusing host must not fail a campaign"),
        ("banner-lost", "3yz, lost", _H, _RELEASED, _RETRY, "as a connection that failed"),
    ),
    *rows_at(
        Stage.EHLO,
        ("ehlo-4yz", "421, 4yz", _H, _RELEASED, "RFC 1869 section 4.5", "QUIT, and later again; 5yz: HELO is said"),
        ("ehlo-lost", "3yz, lost", _H, _RELEASED, "RFC 1869 section 4.7", "after EOF a new session began with HELO"),
    ),
    *rows_at(
        Stage.HELO,
        ("helo-refused", "4yz, 5yz", _H, _RELEASED, "RFC 1869 section 4.5", "nothing was said of a recipient"),
        ("helo-lost", "3yz, lost", _H, _RELEASED, _RETRY, "as a connection that failed"),
    ),
    *rows_at(
        Stage.STARTTLS,
        (
            "starttls-missing",
            "(not offered, TLS is required)",
            _H,
            _HELD,
            _3207,
            "never in clear; the account is wrong",
        ),
        (
            "starttls-policy",
            "(no TLS, the domain's policy wants it)",
            _H,
            _RELEASED,
            _PUBLISHED,
            "never in clear; later",
        ),
        ("starttls-4yz", "421, 4yz", _H, _RELEASED, _3207, "TLS is required: never in clear, later again"),
        ("starttls-5yz", "5yz", _H, _HELD, _3207, "TLS is required and refused for good: the account is wrong"),
        ("starttls-lost", "3yz, lost", _H, _RELEASED, _RETRY, "as a connection that failed"),
    ),
    *rows_at(
        Stage.TLS,
        ("tls-certificate", "(certificate not trusted)", _H, _HELD, _8314, "a person must look: never in clear"),
        ("tls-policy", "(not as the domain's policy says)", _H, _RELEASED, _PUBLISHED, "temporary: never in clear"),
        ("tls-failed", "(handshake failed)", _H, _RELEASED, _3207, "required: never in clear; else once more in clear"),
        ("tls-lost", "lost", _H, _RELEASED, _RETRY, "as a connection that failed"),
    ),
    *rows_at(
        Stage.AUTH,
        ("auth-in-clear", "(no TLS)", _H, _HELD, _4954_4, "no credential is said without TLS"),
        ("auth-missing", "(no mechanism in common)", _H, _HELD, _4954_4, "the account allows none that is offered"),
        ("auth-secret", "(the secret cannot be had)", _H, _HELD, "maildrill", "nobody is burnt for our own trouble"),
        ("auth-impostor", "(the server does not know the secret)", _H, _HELD, _5802, "it is another server"),
        ("auth-4yz", "421, 4yz", _H, _RELEASED, _4954, "432, 454: the account backs off; nobody is tried"),
        ("auth-5yz", "5yz", _H, _HELD, _4954, "535, 534, 538, 530: held, never tried twice: that locks accounts"),
        ("auth-lost", "3yz, lost", _H, _RELEASED, _RETRY, "as a connection that failed"),
    ),
    *rows_at(
        Stage.IDLE,
        ("idle-lost", "(421, any other reply, lost)", _H, _RELEASED, _421, "a stale session: a new one at once"),
        ("stopped", "(we were asked to stop)", _H, _RELEASED, "maildrill", "before the dot, at any stage"),
    ),
)
