"""How long each stage may take before the session is given up (RFC 5321 section 4.5.3.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds to wait for each reply; the defaults are the RFC's least, where it has one.

    tls: for the handshake. auth: for each reply of the exchange. dot: shorter than the RFC's ten minutes, and a slow
    server gets the message twice. block: for the connection to take another block of the message. rset, quit: nothing
    depends on the answer.
    """

    connect: float = 30.0
    banner: float = 300.0
    ehlo: float = 300.0
    starttls: float = 300.0
    tls: float = 60.0
    auth: float = 120.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    dot: float = 600.0
    rset: float = 20.0
    quit: float = 5.0
