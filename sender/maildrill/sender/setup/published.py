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
from maildrill.sender.setup.mta_sts import Kept, Policy, StsMode, holds, parse_policy, policy_id
from maildrill.smtp import Stage

#: Seconds after a fetch that failed, before the same policy is asked for again (RFC 8461 section 3.3).
PAUSE = 300.0
#: Domains that a session asks about at once: thousands may share a host.
AT_ONCE = 20


class Fetcher(Protocol):
    """Fetches the policy file of a domain."""

    async def fetch(self, domain: str) -> str:
        """Return https://mta-sts.DOMAIN/.well-known/mta-sts.txt; raises OSError or ValueError where that cannot be."""
        ...


class Published:
    """Asks, and keeps policies for as long as they hold. fetcher: None leaves MTA-STS out."""

    def __init__(self, resolver: Resolver, fetcher: Fetcher | None) -> None:
        self._resolver = resolver
        self._fetcher = fetcher
        self._kept: dict[str, Kept] = {}
        self._told: dict[str, tuple[float, str]] = {}  # until when the DNS stands by which id
        self._failed: dict[str, tuple[str, float]] = {}  # which policy could not be had, and when
        self._fetching: dict[str, asyncio.Lock] = {}

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
        concerned = sorted(domains) if self._fetcher is not None else []
        turns = asyncio.Semaphore(AT_ONCE)  # of this session: slow domains of one host keep no other host waiting
        policies = await asyncio.gather(*(self._policy(domain, now, turns) for domain in concerned))
        for domain, policy in zip(concerned, policies, strict=True):
            if policy is None or policy.mode is not StsMode.ENFORCE:
                continue
            if not policy.allows(host):
                detail = f"the MTA-STS policy of {domain} does not name {host}"
                return Broken(Stage.TLS, Fault.POLICY, None, detail)
            security = replace(
                security, mode=TlsMode.REQUIRED, verify=True, name=host.rstrip("."), pins=(), published=True
            )
        return security

    async def _policy(self, domain: str, now: float, turns: asyncio.Semaphore) -> Policy | None:
        if self._fetcher is None:
            return None
        async with turns:
            if told := await self._id(domain, now):
                async with self._fetching.setdefault(domain, asyncio.Lock()):  # many sessions may ask at once
                    if not holds(self._kept.get(domain), told, now):
                        await self._renew(self._fetcher, domain, told, now)
        kept = self._kept.get(domain)
        return kept.policy if kept is not None and now < kept.until else None

    async def _id(self, domain: str, now: float) -> str:
        """Return the id of a domain's policy, from memory as long as the DNS stands by it."""
        until, told = self._told.get(domain, (now, ""))
        if now >= until:
            answer = await self._resolver.txt(f"_mta-sts.{domain}")
            told = policy_id(answer.records)
            self._told[domain] = (now + answer.ttl, told)
        return told

    async def _renew(self, fetcher: Fetcher, domain: str, told: str, now: float) -> None:
        """Fetch the policy that the DNS tells of; where that fails, it is as if nothing had been told."""
        which, failed_at = self._failed.get(domain, ("", now))
        if which == told and now < failed_at + PAUSE:
            return
        try:
            policy = parse_policy(await fetcher.fetch(domain))
        except (OSError, ValueError):
            self._failed[domain] = (told, now)
        else:
            self._kept[domain] = Kept(policy, told, now + policy.max_age)
