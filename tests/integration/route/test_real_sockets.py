"""Twins of drills, over TCP and in real time: sessions used again, lost while idle, and an account that is away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.system_clock import SystemClock
from maildrill.fakeserver.text.script_file import read_script
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, Member, RetryPolicy, Route, RouteKind
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import AttemptRecord, Durability, RecipientRecord, open_ledger
from maildrill.sender.lists import Row
from maildrill.sender.log_sinks import Memory
from maildrill.sender.message import Composer
from maildrill.sender.runner import Runner
from maildrill.smtp.quantity import Rate

IDLE = '[[rule]]\nat = "idle"\nage = ">=100ms"\nreply = "421 4.4.2 idle for too long"\n'


@dataclass
class Sent:
    """What a run left behind."""

    sessions: dict[str, int] = field(default_factory=dict)
    recipients: list[RecipientRecord] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)


@pytest.fixture
def sent(tmp_path: Path) -> Callable[..., Sent]:
    """Send to so many over TCP, by servers with these scripts (None: nobody listens), each an account of its own."""

    def run(scripts: list[str | None], recipients: int, kind: RouteKind, limits: Limits) -> Sent:
        async def main() -> Sent:
            found, clock = Sent(), SystemClock()
            servers = [FakeServer(read_script(f"version = 1\n{text or ''}", "t.toml"), clock=clock) for text in scripts]
            ports = [(await server.start("127.0.0.1", 0))[1] for server in servers]
            for server, text in zip(servers, scripts, strict=True):
                if text is None:
                    await server.stop()
            names = "abc"
            members = tuple(
                Member(account=Account(host="127.0.0.1", port=port, name=name))
                for port, name in zip(ports, names, strict=False)
            )
            campaign = _campaign(members, kind, limits)
            rows = [Row(n, f"r{n}@x.example", {"email": f"r{n}@x.example"}) for n in range(recipients)]
            ledger = open_ledger(tmp_path / "l.ledger", campaign, at=clock.now(), durability=Durability.PROCESS)
            try:
                with ConnectionLog(found.memory) as log:
                    await asyncio.wait_for(
                        Runner(campaign, rows, Composer(campaign), ledger, clock=clock, log=log).run(), 60
                    )
                found.recipients, found.attempts = list(ledger.recipients()), list(ledger.attempts())
            finally:
                ledger.close()
                for server in servers:
                    await server.stop()
            found.sessions = {name: len(one.journal.sessions) for name, one in zip(names, servers, strict=False)}
            return found

        return asyncio.run(main())

    return run


def _campaign(members: tuple[Member, ...], kind: RouteKind, limits: Limits) -> Campaign:
    plain: dict[str, Any] = {"html": None, "attachments": (), "list_file": Path("l.csv"), "email": "email"}
    return Campaign(
        name="club",
        sender=Mailbox("", "office@club.example"),
        subject="Hello",
        account=members[0].account,
        text="Hello!\n",
        retry=RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=3600.0),
        limits=limits,
        route=Route(kind=kind, members=members),
        **plain,
    )


def _all_delivered_once(sent: Sent) -> bool:
    return {(record.state, record.attempts) for record in sent.recipients} == {(State.DELIVERED, 1)}


def test_a_session_that_waits_is_used_again(sent: Callable[..., Sent]) -> None:
    """One message every fifth of a second: one session."""
    found = sent([""], 5, RouteKind.ROTATION, Limits(connections=3, rate=Rate(5, 1.0)))

    assert _all_delivered_once(found)
    assert found.sessions == {"a": 1}


def test_a_session_lost_while_it_was_idle_is_replaced_at_once(sent: Callable[..., Sent]) -> None:
    """421 into the silence: nobody's attempt, no pause."""
    found = sent([IDLE], 4, RouteKind.ROTATION, Limits(connections=1, rate=Rate(1, 0.4)))

    assert _all_delivered_once(found)
    assert found.sessions["a"] == 4
    assert not [event for event in found.memory.events if event.kind == "breaker.opened"]


def test_an_account_that_is_away_is_stood_in_for(sent: Callable[..., Sent]) -> None:
    """Nobody listens at the first: its breaker opens, and the second sends everything."""
    found = sent([None, ""], 20, RouteKind.FAILOVER, Limits(connections=4))

    assert _all_delivered_once(found)
    assert Counter(one.account for one in found.attempts if one.counted) == {"b": 20}
