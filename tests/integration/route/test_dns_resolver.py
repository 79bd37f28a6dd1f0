"""The real resolver against a DNS server of our own, over UDP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from maildrill.sender.route import dns_resolver
from maildrill.sender.route.answers import AddressAnswer, Found, Mx, MxAnswer, TextAnswer
from maildrill.sender.route.dns_resolver import LONGEST_TTL, DnsResolver

T = TypeVar("T")

ZONE = {
    ("x.test.", "MX"): "60 IN MX 20 mx2.x.test.\n60 IN MX 10 mx1.x.test.",
    ("null.test.", "MX"): "999999 IN MX 0 .",
    ("mx1.x.test.", "A"): "30 IN A 192.0.2.1",
    ("mx1.x.test.", "AAAA"): "90 IN AAAA 2001:db8::1",
    ("mx2.x.test.", "A"): "30 IN A 192.0.2.2",
    ("x.test.", "TXT"): '60 IN TXT "v=spf1 " "-all"',
    ("_25._tcp.mx1.x.test.", "TLSA"): "60 IN TLSA 3 1 1 " + "ab" * 32,
}


class Zone(asyncio.DatagramProtocol):
    """Answers from ZONE; `servfail.*` in trouble, `silent.*` never."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = str(question.name), dns.rdatatype.to_text(question.rdtype)
        if name.startswith("silent."):
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AD if kind == "TLSA" else 0
        records = ZONE.get((name, kind))
        if name.startswith("servfail."):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            lines = records.split("\n")
            ttl = int(lines[0].split()[0])
            texts = [line.split(" ", 3)[3] for line in lines]
            answer.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, *texts))
        elif not any(known == name for known, _ in ZONE):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)


def _asked(question: Callable[[DnsResolver], Awaitable[T]]) -> T:
    async def main() -> T:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Zone, ("127.0.0.1", 0))
        try:
            port = transport.get_extra_info("sockname")[1]
            return await question(DnsResolver(("127.0.0.1",), port=port))
        finally:
            transport.close()

    return asyncio.run(main())


def test_mx_records_come_with_their_preference_and_time() -> None:
    """Without the final dot; no time is longer than an hour."""
    found = _asked(lambda resolver: resolver.mx("x.test"))
    null = _asked(lambda resolver: resolver.mx("null.test"))

    assert (found.found, set(found.records), found.ttl) == (
        Found.ANSWER,
        {Mx(10, "mx1.x.test"), Mx(20, "mx2.x.test")},
        60.0,
    )
    assert null == MxAnswer(found=Found.ANSWER, records=(Mx(0, ""),), ttl=LONGEST_TTL)


def test_addresses_of_both_families_are_asked_for() -> None:
    """One is enough; the shorter time counts."""
    both = _asked(lambda resolver: resolver.addresses("mx1.x.test"))
    four = _asked(lambda resolver: resolver.addresses("mx2.x.test"))

    assert both == AddressAnswer(found=Found.ANSWER, addresses=("2001:db8::1", "192.0.2.1"), ttl=30.0)
    assert four.addresses == ("192.0.2.2",)


def test_other_records_are_texts() -> None:
    """TXT joined, TLSA as it is written, with what DNSSEC says of it."""
    txt = _asked(lambda resolver: resolver.txt("x.test"))
    tlsa = _asked(lambda resolver: resolver.tlsa("mx1.x.test", 25))

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
def test_what_goes_wrong_is_an_answer(name: str, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """Final or temporary, never an exception."""
    monkeypatch.setattr(dns_resolver, "LIFETIME", 0.5)
    answer = _asked(lambda resolver: resolver.addresses(name))

    assert (answer.found, answer.addresses, bool(answer.detail)) == (found, (), True)
