"""Drills with several hosts: the real sender, a fake server for each, a DNS of the test's own, in memory or real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Drilled, Plan, rehearse
from maildrill.scenarios.fake_dns import Records
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.lists import RecipientList, Row


def script(rules: str = "") -> Script:
    """A script of these rules."""
    return read_script(f"version = 1\n{rules}", "test.toml")


@pytest.fixture
def played() -> Callable[..., Drilled]:
    """Play a campaign: recipients (a number, or addresses), scripts by host, records by name; the rest by name."""

    def play(
        recipients: int | Sequence[str],
        hosts: Mapping[str, str],
        dns: Mapping[str, Records] | None = None,
        *,
        ledger: Path | None = None,
        judged: bool = True,
        **given: Any,
    ) -> Drilled:
        people = [f"r{n}@x.example" for n in range(recipients)] if isinstance(recipients, int) else recipients
        plain: dict[str, Any] = {
            "name": "club",
            "sender": Mailbox("", "office@club.example"),
            "subject": "Hello",
            "account": Account(host=next(iter(hosts), "none.example")),
            "list_file": Path("list.csv"),
            "email": "email",
            "text": "Hello!\n",
            "html": None,
            "attachments": (),
            "retry": RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=86400.0),
            "limits": Limits(connections=4),
        }
        rows = tuple(Row(n, address, {"email": address}) for n, address in enumerate(people, start=2))
        plan = Plan(
            campaign=Campaign(**{**plain, **given}),
            script=script(),
            recipients=RecipientList(rows, (), ("email",)),
            hosts={host: script(rules) for host, rules in hosts.items()},
            dns=dns or {},
            ledger=ledger,
        )
        drilled = rehearse(plan)
        assert not judged or drilled.summary.violations == ()
        return drilled

    return play


class Zone(asyncio.DatagramProtocol):
    """Answers from memory; `servfail.*` in trouble, `*silent.*` never."""

    def __init__(self, records: Mapping[tuple[str, str], str]) -> None:
        self.records = records

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = str(question.name), dns.rdatatype.to_text(question.rdtype)
        if "silent." in name:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AD if kind == "TLSA" else 0
        records = self.records.get((name, kind))
        if name.startswith("servfail."):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif records:
            lines = records.split("\n")
            ttl = int(lines[0].split()[0])
            texts = [line.split(" ", 3)[3] for line in lines]
            answer.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, *texts))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def _serving(records: Mapping[tuple[str, str], str]) -> AsyncIterator[int]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Zone(records), ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


@pytest.fixture
def dns_server() -> Callable[[Mapping[tuple[str, str], str]], AbstractAsyncContextManager[int]]:
    """A DNS server on the loopback, for as long as its context lasts: gives its port. Records by name and type."""
    return _serving
