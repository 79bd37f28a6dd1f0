"""How a session is secured: whether TLS is spoken, and who may be at the other end. Values only.

Rule: where TLS is enforced nothing but STARTTLS and what goes before it is ever said in clear (invariant I35).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PIN_WORDS = 'sha256: or key-sha256: and 64 hexadecimal digits, as in "sha256:3b7e…"'


class TlsMode(StrEnum):
    """When TLS is spoken."""

    NONE = "none"  # never
    OPPORTUNISTIC = "opportunistic"  # where it is offered, with whoever it is (RFC 7435)
    REQUIRED = "required"  # by STARTTLS, or no mail (RFC 3207)
    IMPLICIT = "implicit"  # from the first octet on, or no mail (RFC 8314)


class Proof(StrEnum):
    """What a server must show before anything is said to it."""

    NOTHING = "nothing"
    NAME = "name"  # a certificate of a trusted authority with its name (RFC 6125)
    PIN = "pin"  # a certificate, or a key, that is known
    DANE = "dane"  # what its TLSA records say (RFC 7672)


@dataclass(frozen=True, slots=True)
class Pin:
    """The SHA-256 of a certificate, or of its public key (`key`: the SubjectPublicKeyInfo, as RFC 7469 has it)."""

    digest: bytes
    key: bool = False

    @classmethod
    def of(cls, text: str) -> Pin:
        """Read `sha256:…` or `key-sha256:…`, colons between the digits allowed; raises ValueError."""
        kind, _, digits = text.strip().lower().partition(":")
        digits = digits.replace(":", "")
        if kind not in ("sha256", "key-sha256") or not _DIGEST.fullmatch(digits):
            raise ValueError(_PIN_WORDS)
        return cls(bytes.fromhex(digits), kind == "key-sha256")

    def __str__(self) -> str:
        return f"{'key-' if self.key else ''}sha256:{self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A TLSA record (RFC 6698 section 2.1): certificate usage, selector, matching type, and what is to be matched."""

    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def usable(self) -> bool:
        """Whether it counts for SMTP: usages 2 and 3 only (RFC 7672 section 3.1.3), all parameters known."""
        length = {0: range(1, 65536), 1: (32,), 2: (64,)}.get(self.matching, ())
        return self.usage in (2, 3) and self.selector in (0, 1) and len(self.data) in length

    @classmethod
    def of(cls, text: str) -> Tlsa:
        """Read the presentation form, `3 1 1 0b9f…`; raises ValueError."""
        parts = text.split(maxsplit=3)
        if len(parts) != 4 or not all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts[:3]):
            raise ValueError("three numbers from 0 to 255 and hexadecimal digits")
        usage, selector, matching = (int(part) for part in parts[:3])
        return cls(usage, selector, matching, bytes.fromhex(parts[3]))

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What an account asks of TLS; raises ValueError for what makes no sense.

    verify: whether the certificate is checked by name where TLS is enforced. name: what it must be for; "" means the
    account's host. authorities: certificates (PEM) of the only authorities that are trusted; "" means the system's.
    pins: one of them must match, and nothing else is asked. tlsa: usable records, validated by DNSSEC; one must match.
    published: whether this was read from DNS (DANE, MTA-STS): then a failure passes, and is never the account's fault.
    """

    mode: TlsMode = TlsMode.OPPORTUNISTIC
    verify: bool = True
    name: str = ""
    authorities: str = ""
    pins: tuple[Pin, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    published: bool = False

    def __post_init__(self) -> None:
        if not self.enforced and (self.pins or self.tlsa or self.authorities or self.name):
            raise ValueError("who may be at the other end can only be asked where TLS is required or implicit")

    @property
    def enforced(self) -> bool:
        """Whether no mail goes in clear."""
        return self.mode in (TlsMode.REQUIRED, TlsMode.IMPLICIT)

    @property
    def proof(self) -> Proof:
        """What the server must show."""
        if not self.enforced:
            return Proof.NOTHING
        if self.tlsa:
            return Proof.DANE
        if self.pins:
            return Proof.PIN
        return Proof.NAME if self.verify else Proof.NOTHING


#: TLS where it is offered; what an account has that says nothing.
WHERE_OFFERED = Security()
#: No TLS, ever.
IN_CLEAR = Security(mode=TlsMode.NONE)
