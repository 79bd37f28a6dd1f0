"""What a server said it can do, read from its reply to EHLO (RFC 5321 section 4.1.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from maildrill.smtp import Reply


@dataclass(frozen=True)
class Capabilities:
    """The EHLO keywords, in upper case, each with its parameters; empty after HELO.

    told: the server answered EHLO, be it that it knows no such command; else it may well offer what is not here.
    """

    keywords: Mapping[str, str]
    told: bool = True

    @classmethod
    def of(cls, reply: Reply) -> Capabilities:
        """Read them from a positive reply to EHLO; the first line is the server's name."""
        pairs = (line.partition(" ") for line in reply.lines[1:] if line.strip())
        return cls(MappingProxyType({keyword.upper(): parameters.strip() for keyword, _, parameters in pairs}))

    @property
    def names(self) -> frozenset[str]:
        """The keywords alone."""
        return frozenset(self.keywords)

    @cached_property
    def pipelining(self) -> bool:
        """Whether commands may be sent in groups (RFC 2920)."""
        return "PIPELINING" in self.keywords

    @cached_property
    def eightbit(self) -> bool:
        """Whether octets above 127 may be sent (RFC 6152)."""
        return "8BITMIME" in self.keywords

    @cached_property
    def smtputf8(self) -> bool:
        """Whether addresses and header fields may be UTF-8 (RFC 6531)."""
        return "SMTPUTF8" in self.keywords

    @cached_property
    def chunking(self) -> bool:
        """Whether a message may come by BDAT (RFC 3030)."""
        return "CHUNKING" in self.keywords

    @cached_property
    def dsn(self) -> bool:
        """Whether reports may be asked for (RFC 3461)."""
        return "DSN" in self.keywords

    @cached_property
    def size(self) -> int | None:
        """The largest message in octets; 0: no limit is told; None: the extension is not offered (RFC 1870)."""
        told = self.keywords.get("SIZE")
        if told is None:
            return None
        # 20 digits are all that it may have (RFC 1870 section 4)
        return int(told) if told.isascii() and told.isdigit() and len(told) <= 20 else 0


#: What is offered by who refuses EHLO: nothing.
NOTHING = Capabilities(MappingProxyType({}))
#: What is known of who never answered EHLO.
UNTOLD = Capabilities(MappingProxyType({}), told=False)
