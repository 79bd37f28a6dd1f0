"""What the sender asks of the DNS: a protocol. `dns_resolver` asks the real one, a drill has one in its process."""

from __future__ import annotations

from typing import Protocol

from maildrill.sender.route.answers import AddressAnswer, MxAnswer, TextAnswer


class Resolver(Protocol):
    """Answers questions; whatever goes wrong is an answer, too. Names are in their ASCII form."""

    async def mx(self, domain: str) -> MxAnswer:
        """Return the MX records of a domain (RFC 5321 section 5.1)."""
        ...

    async def addresses(self, host: str) -> AddressAnswer:
        """Return the addresses of a host, IPv6 and IPv4."""
        ...

    async def tlsa(self, host: str, port: int) -> TextAnswer:
        """Return the TLSA records of a service (RFC 6698)."""
        ...

    async def txt(self, name: str) -> TextAnswer:
        """Return the TXT records of a name."""
        ...
