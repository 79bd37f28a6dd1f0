"""Ask the real DNS, with dnspython; only this module knows it, and it is imported where a campaign needs it.

Rule: every failure is an answer: an exception here would be the end of a run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.rdatatype
import dns.resolver

from maildrill.sender.route.answers import AddressAnswer, Found, Mx, MxAnswer, TextAnswer

#: Seconds for one question, all name servers and retries included.
LIFETIME = 15.0
#: An answer is kept no longer than this, whatever it says of itself; and a failure for so long.
LONGEST_TTL = 3600.0
_KINDS = {
    "MX": dns.rdatatype.MX,
    "A": dns.rdatatype.A,
    "AAAA": dns.rdatatype.AAAA,
    "TLSA": dns.rdatatype.TLSA,
    "TXT": dns.rdatatype.TXT,
}


class _Answer(NamedTuple):
    found: Found
    records: Sequence[object] = ()
    ttl: float = 0.0
    secure: bool = False
    detail: str = ""


class DnsResolver:
    """Asks `servers` (addresses), or those of the system where there are none.

    Raises dns.resolver.NoResolverConfiguration's news as an answer, not as an exception.
    """

    def __init__(self, servers: Sequence[str] = (), *, port: int = 53) -> None:
        self._servers = tuple(servers)
        self._port = port
        self._made: dns.asyncresolver.Resolver | None = None

    async def mx(self, domain: str) -> MxAnswer:
        """Return the MX records of a domain."""
        answer = await self._ask(domain, "MX")
        records = tuple(
            Mx(int(record.preference), str(record.exchange).rstrip("."))  # type: ignore[attr-defined]
            for record in answer.records
        )
        return MxAnswer(found=answer.found, records=records, ttl=answer.ttl, secure=answer.secure, detail=answer.detail)

    async def addresses(self, host: str) -> AddressAnswer:
        """Return the addresses of a host, IPv6 first."""
        six, four = await asyncio.gather(self._ask(host, "AAAA"), self._ask(host, "A"))
        both = [answer for answer in (six, four) if answer.found is Found.ANSWER]
        if not both:
            worst = six if six.found.temporary else four
            return AddressAnswer(found=worst.found, ttl=worst.ttl, detail=worst.detail)
        return AddressAnswer(
            found=Found.ANSWER,
            addresses=tuple(str(record) for answer in both for record in answer.records),
            ttl=min(answer.ttl for answer in both),
            secure=all(answer.secure for answer in both),
        )

    async def tlsa(self, host: str, port: int) -> TextAnswer:
        """Return the TLSA records of a service."""
        return await self._texts(f"_{port}._tcp.{host}", "TLSA")

    async def txt(self, name: str) -> TextAnswer:
        """Return the TXT records of a name, the strings of each joined."""
        return await self._texts(name, "TXT")

    async def _texts(self, name: str, kind: str) -> TextAnswer:
        answer = await self._ask(name, kind)
        return TextAnswer(
            found=answer.found,
            records=tuple(_written(record) for record in answer.records),
            ttl=answer.ttl,
            secure=answer.secure,
            detail=answer.detail,
        )

    async def _ask(self, name: str, kind: str) -> _Answer:
        what = f"{kind} of {name}"
        try:
            found = await self._resolver().resolve(
                dns.name.from_text(name), _KINDS[kind], raise_on_no_answer=False, lifetime=LIFETIME
            )
        except dns.resolver.NXDOMAIN:
            return _Answer(Found.NXDOMAIN, ttl=300.0, detail=f"{what}: no such name")
        except dns.resolver.LifetimeTimeout:
            return _Answer(Found.TIMEOUT, detail=f"{what}: no answer within {LIFETIME:g} seconds")
        except (dns.exception.DNSException, OSError, ValueError) as error:
            return _Answer(Found.TROUBLE, detail=f"{what}: {str(error) or type(error).__name__}")
        if found.rrset is None:
            return _Answer(Found.NOTHING, ttl=300.0, detail=f"{what}: none")
        secure = bool(found.response.flags & dns.flags.AD)
        return _Answer(Found.ANSWER, list(found.rrset), min(float(found.rrset.ttl), LONGEST_TTL), secure)

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if self._made is None:
            self._made = made = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                made.nameservers = list(self._servers)
                made.port = self._port
            made.use_edns(0, dns.flags.DO, 1232)
            made.flags = dns.flags.RD | dns.flags.AD
        return self._made


def _written(record: object) -> str:
    strings = getattr(record, "strings", None)
    return b"".join(strings).decode("utf-8", "replace") if strings is not None else str(record)
