"""What the DNS says, as values: the hosts of a domain, the addresses of a host, other records. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Found(StrEnum):
    """How a question to the DNS ended."""

    ANSWER = "answer"
    NOTHING = "no data"  # the name exists, records of this type do not
    NXDOMAIN = "nxdomain"
    TROUBLE = "servfail"  # SERVFAIL, REFUSED, a lame or broken server
    TIMEOUT = "timeout"

    @property
    def temporary(self) -> bool:
        """Whether the same question may be answered later."""
        return self in (Found.TROUBLE, Found.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Mx:
    """One MX record: the lower the preference, the sooner its host is tried. host: without a final dot; "": null MX."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MxAnswer:
    """The MX records of a domain. ttl: seconds for which it holds. secure: validated by DNSSEC."""

    found: Found
    records: tuple[Mx, ...] = ()
    ttl: float = 300.0
    secure: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressAnswer:
    """The addresses of a host, those to be tried first in front."""

    found: Found
    addresses: tuple[str, ...] = ()
    ttl: float = 300.0
    secure: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextAnswer:
    """Other records, each in its presentation form: TLSA as `3 1 1 0b9f…`, TXT as its joined strings."""

    found: Found
    records: tuple[str, ...] = ()
    ttl: float = 300.0
    secure: bool = False
    detail: str = ""
