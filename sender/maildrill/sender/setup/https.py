"""Fetch the policy file of a domain over HTTPS (RFC 8461 section 3.3), in the loop: it can be given up at any moment.

Rule: nobody on the way, and no server, gets more of us than `patience` seconds and so many octets.
"""

from __future__ import annotations

import asyncio
import http.client
import io

from maildrill.sender.route.resolver import Resolver
from maildrill.sender.security import Security, TlsMode
from maildrill.sender.setup.mta_sts import MOST_OCTETS
from maildrill.sender.setup.tls import context_of

#: Seconds for a fetch, from the look-up to the last octet (RFC 8461 section 3.3 suggests a minute).
PATIENCE = 60.0
#: Octets of an answer: what a policy may have, and as much again for its header and for the sizes of chunks.
_MOST = 2 * MOST_OCTETS
_REQUEST = "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {host}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"


class HttpsFetcher:
    """Fetches policies: the certificate must be for the host, redirects are not followed.

    resolver: who knows the addresses of hosts. port: of all hosts. authorities: certificates (PEM) of those who may
    vouch for a host; "": the system's.
    """

    def __init__(
        self, resolver: Resolver, *, port: int = 443, authorities: str = "", patience: float = PATIENCE
    ) -> None:
        self._resolver = resolver
        self._port = port
        self._security = Security(mode=TlsMode.REQUIRED, authorities=authorities)
        self._patience = patience

    async def fetch(self, domain: str) -> str:
        """Return https://mta-sts.DOMAIN/.well-known/mta-sts.txt; raises OSError or ValueError where that cannot be."""
        host = f"mta-sts.{domain}"
        try:
            async with asyncio.timeout(self._patience):
                return _policy(host, await self._answer(host))
        except TimeoutError:
            raise TimeoutError(f"{host} gave no policy within {self._patience:g} seconds") from None

    async def _answer(self, host: str) -> bytes:
        reader, writer = await self._connected(host)
        try:
            writer.write(_REQUEST.format(host=host).encode("ascii"))
            octets = b""
            while len(octets) <= _MOST and (more := await reader.read(_MOST)):
                octets += more
        finally:
            writer.transport.abort()
        if len(octets) > _MOST:
            raise ValueError(f"the answer of {host} is too long")
        return octets

    async def _connected(self, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection with the first address that takes one; TLS speaks with the host's name."""
        answer = await self._resolver.addresses(host)
        error: OSError = OSError(answer.detail or f"{host} has no address")
        for address in answer.addresses:
            try:
                async with asyncio.timeout(self._patience / (len(answer.addresses) + 1)):  # time is left for others
                    return await asyncio.open_connection(
                        address, self._port, ssl=context_of(self._security), server_hostname=host
                    )
            except OSError as refused:
                error = refused
        raise error


class _Heard:
    """All that a server said, as http.client takes it: from a socket."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def makefile(self, mode: str) -> io.BytesIO:  # noqa: ARG002 - as that of a socket
        return io.BytesIO(self._octets)


def _policy(host: str, octets: bytes) -> str:
    """Return the text in a server's answer; raises ValueError where there is none."""
    try:
        response = http.client.HTTPResponse(_Heard(octets))  # type: ignore[arg-type]
        response.begin()
        if response.status != 200:
            raise ValueError(f"{host} says {response.status}")
        if response.headers.get_content_type() != "text/plain":
            raise ValueError(f"{host} has no text/plain")
        body = response.read()
    except http.client.HTTPException as error:
        raise ValueError(f"{host} speaks no HTTP: {type(error).__name__}") from None
    if len(body) > MOST_OCTETS:
        raise ValueError(f"the policy of {host} is too long")
    return body.decode("utf-8")
