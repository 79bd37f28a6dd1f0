"""The real resolver against a DNS server of our own, over UDP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from maildrill.sender.route import dns_resolver
from maildrill.sender.route.answers import AddressAnswer, Found, Mx, MxAnswer, TextAnswer
from maildrill.sender.route.dns_resolver import LONGEST_TTL, DnsResolver

ZONE = {
    ("x.test.", "MX"): "60 IN MX 20 mx2.x.test.\n60 IN MX 10 mx1.x.test.",
    ("null.test.", "MX"): "999999 IN MX 0 .",
    ("mx1.x.test.", "A"): "30 IN A 192.0.2.1",
    ("mx1.x.test.", "AAAA"): "90 IN AAAA 2001:db8::1",
    ("mx2.x.test.", "A"): "30 IN A 192.0.2.2",
    ("x.test.", "TXT"): '60 IN TXT "v=spf1 " "-all"',
    ("_25._tcp.mx1.x.test.", "TLSA"): "60 IN TLSA 3 1 1 " + "ab" * 32,
}


@pytest.fixture
def asked(dns_server: Callable[..., Any]) -> Callable[[Callable[[DnsResolver], Awaitable[Any]]], Any]:
    """Ask a resolver that asks ZONE."""

    def ask(question: Callable[[DnsResolver], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with dns_server(ZONE) as port:
                return await question(DnsResolver(("127.0.0.1",), port=port))

        return asyncio.run(main())

    return ask


def test_mx_records_come_with_their_preference_and_time(asked: Callable[..., Any]) -> None:
    """Without the final dot; no time is longer than an hour."""
    found = asked(lambda resolver: resolver.mx("x.test"))
    null = asked(lambda resolver: resolver.mx("null.test"))

    assert (found.found, set(found.records), found.ttl) == (
        Found.ANSWER,
        {Mx(10, "mx1.x.test"), Mx(20, "mx2.x.test")},
        60.0,
    )
    assert null == MxAnswer(found=Found.ANSWER, records=(Mx(0, ""),), ttl=LONGEST_TTL)


def test_addresses_of_both_families_are_asked_for(asked: Callable[..., Any]) -> None:
    """One is enough; the shorter time counts."""
    both = asked(lambda resolver: resolver.addresses("mx1.x.test"))
    four = asked(lambda resolver: resolver.addresses("mx2.x.test"))

    assert both == AddressAnswer(found=Found.ANSWER, addresses=("2001:db8::1", "192.0.2.1"), ttl=30.0)
    assert four.addresses == ("192.0.2.2",)


def test_other_records_are_texts(asked: Callable[..., Any]) -> None:
    """TXT joined, TLSA as it is written, with what DNSSEC says of it."""
    txt = asked(lambda resolver: resolver.txt("x.test"))
    tlsa = asked(lambda resolver: resolver.tlsa("mx1.x.test", 25))

    assert txt.records == ("v=spf1 -all",)
    assert tlsa == TextAnswer(found=Found.ANSWER, records=("3 1 1 " + "ab" * 32,), ttl=60.0, secure=True)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("nowhere.test", Found.NXDOMAIN),
        ("null.test", Found.NOTHING),
        ("servfail.test", Found.TROUBLE),
        ("silent.test", Found.TIMEOUT),
        ("a..b", Found.TROUBLE),
    ],
)
def test_what_goes_wrong_is_an_answer(
    name: str, found: Found, asked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Final or temporary, never an exception."""
    monkeypatch.setattr(dns_resolver, "LIFETIME", 0.5)
    answer = asked(lambda resolver: resolver.addresses(name))

    assert (answer.found, answer.addresses, bool(answer.detail)) == (found, (), True)
