"""Who we are to a server: a name, a secret, and the mechanisms of AUTH that may be used. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from maildrill.sender.secret import Secret


class Mechanism(StrEnum):
    """The mechanisms that we speak, the strongest first: what shows the least of the secret (RFC 4954)."""

    SCRAM_SHA_256 = "SCRAM-SHA-256"  # RFC 7677
    SCRAM_SHA_1 = "SCRAM-SHA-1"  # RFC 5802
    CRAM_MD5 = "CRAM-MD5"  # RFC 2195
    OAUTHBEARER = "OAUTHBEARER"  # RFC 7628
    XOAUTH2 = "XOAUTH2"  # Google's and Microsoft's
    PLAIN = "PLAIN"  # RFC 4616
    LOGIN = "LOGIN"  # draft-murchison-sasl-login


#: Those whose secret is a token that expires.
TOKENS = frozenset({Mechanism.OAUTHBEARER, Mechanism.XOAUTH2})
PASSWORDS = tuple(mechanism for mechanism in Mechanism if mechanism not in TOKENS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What AUTH needs. mechanisms: those allowed, in any order; raises ValueError without one.

    plaintext: whether they may be said without TLS, to anybody who listens (RFC 4954 section 4, invariant I35).
    """

    user: str
    secret: Secret
    mechanisms: tuple[Mechanism, ...] = PASSWORDS
    plaintext: bool = False

    def __post_init__(self) -> None:
        if not self.mechanisms:
            raise ValueError("at least one mechanism must be allowed")


def choose(offered: str, allowed: tuple[Mechanism, ...]) -> tuple[Mechanism, ...]:
    """Return the mechanisms of both sides, the strongest first. offered: what EHLO said behind AUTH."""
    names = {word.upper() for word in offered.split()}
    return tuple(mechanism for mechanism in Mechanism if mechanism in allowed and mechanism.value in names)
