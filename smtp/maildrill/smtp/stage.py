"""The stages of an SMTP session: where a reply was given, or a fault happened.

One word for one place, in code, scripts, logs and docs (RFC 5321 sections 3 and 4.1).
"""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """A place in the dialogue; its value is the word that scripts and logs use."""

    DNS = "dns"  # looking for the host: before there is anybody to talk to (RFC 5321 section 5.1)
    CONNECT = "connect"  # the TCP connection itself, before a word is said
    TLS = "tls"  # the TLS handshake: behind STARTTLS's 220, or before the banner where TLS is implicit
    BANNER = "banner"  # the greeting, 220 (RFC 5321 section 3.1)
    HELO = "helo"
    EHLO = "ehlo"
    STARTTLS = "starttls"  # RFC 3207
    AUTH = "auth"  # RFC 4954
    AUTH_STEP = "auth-step"  # the client's response to a challenge, 334 (RFC 4954 section 4)
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the command and its 354
    BODY = "body"  # the octets between 354 and the final dot
    DOT = "dot"  # the end of data and its reply: who has the message now?
    BDAT = "bdat"  # a chunk of a message, with its command (RFC 3030); the last one ends the message
    RSET = "rset"
    NOOP = "noop"
    VRFY = "vrfy"
    QUIT = "quit"
    IDLE = "idle"  # nothing asked: between a reply and the next command
    UNKNOWN = "unknown"  # a verb that the server does not know


#: The stages in which a server takes part: those that a script may name.
SERVED: tuple[Stage, ...] = tuple(stage for stage in Stage if stage is not Stage.DNS)

#: The verb on the wire for each stage that is a command (RFC 5321 section 4.1.1).
VERBS: dict[str, Stage] = {
    stage.value.upper(): stage
    for stage in (
        Stage.HELO,
        Stage.EHLO,
        Stage.STARTTLS,
        Stage.AUTH,
        Stage.MAIL,
        Stage.RCPT,
        Stage.DATA,
        Stage.BDAT,
        Stage.RSET,
        Stage.NOOP,
        Stage.VRFY,
        Stage.QUIT,
    )
}
