"""What domains have published about TLS to their hosts, asked for before a session begins: DANE, then MTA-STS.

Rule: DANE comes first (RFC 8461 section 2); what could not be had is a delay, never a downgrade.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.route.resolver import Resolver
from maildrill.sender.security import Security, TlsMode
from maildrill.sender.setup.dane import by_dane
from maildrill.sender.setup.mta_sts import MOST_OCTETS, Kept, Policy, StsMode, holds, parse_policy, policy_id
from maildrill.smtp import Stage

#: Seconds for the fetch of a policy (RFC 8461 section 3.3 suggests a minute).
_PATIENCE = 60.0


class Fetcher(Protocol):
    """Fetches the policy file of a domain."""

    async def fetch(self, domain: str) -> str:
        """Return https://mta-sts.DOMAIN/.well-known/mta-sts.txt; raises OSError or ValueError where that cannot be."""
        ...


class HttpsFetcher:
    """Fetches over HTTPS: the certificate is checked, redirects are not followed (RFC 8461 section 3.3)."""

    async def fetch(self, domain: str) -> str:
        """Return the policy file of a domain."""
        return await asyncio.to_thread(self._get, domain)

    def _get(self, domain: str) -> str:
        import http.client  # noqa: PLC0415 - for direct delivery alone
        import ssl  # noqa: PLC0415

        host = f"mta-sts.{domain}"
        connection = http.client.HTTPSConnection(host, timeout=_PATIENCE, context=ssl.create_default_context())
        try:
            connection.request("GET", "/.well-known/mta-sts.txt")
            response = connection.getresponse()
            if response.status != 200:
                raise ValueError(f"{host} says {response.status}")
            if response.headers.get_content_type() != "text/plain":
                raise ValueError(f"{host} has no text/plain")
            octets = response.read(MOST_OCTETS + 1)
        except http.client.HTTPException as error:
            raise ValueError(f"{host} speaks no HTTP: {type(error).__name__}") from None
        finally:
            connection.close()
        if len(octets) > MOST_OCTETS:
            raise ValueError(f"the policy of {host} is too long")
        return octets.decode("utf-8")


class Published:
    """Asks, and keeps policies for as long as they hold. fetcher: None leaves MTA-STS out."""

    def __init__(self, resolver: Resolver, fetcher: Fetcher | None) -> None:
        self._resolver = resolver
        self._fetcher = fetcher
        self._kept: dict[str, Kept] = {}

    async def security(  # noqa: PLR0913 - the way to a host, in full
        self, security: Security, host: str, port: int, *, domains: Iterable[str], secure: bool, now: float
    ) -> Security | Broken:
        """Return how a session with `host` for all of `domains` must be secured, or why there can be none now.

        secure: whether DNSSEC vouches for the way to the host. now: Unix seconds.
        """
        if secure:
            found = by_dane(security, await self._resolver.tlsa(host, port), host)
            if found is not None:
                return found
        for domain in sorted(domains):
            policy = await self._policy(domain, now)
            if policy is None or policy.mode is not StsMode.ENFORCE:
                continue
            if not policy.allows(host):
                detail = f"the MTA-STS policy of {domain} does not name {host}"
                return Broken(Stage.TLS, Fault.POLICY, None, detail)
            security = replace(
                security, mode=TlsMode.REQUIRED, verify=True, name=host.rstrip("."), pins=(), published=True
            )
        return security

    async def _policy(self, domain: str, now: float) -> Policy | None:
        if self._fetcher is None:
            return None
        told = policy_id((await self._resolver.txt(f"_mta-sts.{domain}")).records)
        kept = self._kept.get(domain)
        if not holds(kept, told, now) and told:
            try:
                policy = parse_policy(await self._fetcher.fetch(domain))
            except (OSError, ValueError):
                pass  # as if nothing had been told; what is kept goes on to hold
            else:
                kept = self._kept[domain] = Kept(policy, told, now + policy.max_age)
        return kept.policy if kept is not None and now < kept.until else None
