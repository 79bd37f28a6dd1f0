"""What is over is let go at once, whatever ended it: nothing of a connection waits for a search for rings."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.session.session import Session
from maildrill.fakeserver.system_clock import SystemClock
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios import bundled, catalogue
from maildrill.scenarios.drill import Drilled, Plan, rehearse
from maildrill.scenarios.world.pipe import Pipe
from maildrill.scenarios.world.transport import MemoryTransport
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.channel import Channel
from maildrill.sender.lane import Lane
from maildrill.sender.lists import read_list
from maildrill.smtp.collecting import collecting_nothing

#: What each connection has at either end.
PARTS = (Session, MemoryTransport, Pipe, Channel, Lane)
#: Of each part so many may be there still: of connections that were open when a world ended, and both their ends.
LAST = 10


def drilled(script: str, folder: Path) -> tuple[Drilled, Counter[type]]:
    """Play a script of the catalogue; return what came of it, and the parts of connections that are there still."""
    campaign = read_campaign(bundled.campaign_path("festival"))
    people = read_list(campaign)
    plan = Plan(
        campaign=campaign,
        script=catalogue.load_script(script),
        recipients=replace(people, recipients=people.recipients[:60]),
        ledger=folder / "week.ledger",
        seed=7,
    )
    gc.collect()
    with collecting_nothing():
        played = rehearse(plan)
        return played, Counter(type(one) for one in gc.get_objects() if type(one) in PARTS)


@pytest.mark.parametrize(
    "script",
    [
        "dot-3yz",  # the server hangs up behind each message
        "exchange-defaults",
        "lost-reply-after-dot",
        "never-today",  # each connection is turned away
        "rcpt-421-for-one",
    ],
)
def test_a_connection_that_is_over_leaves_nothing_in_a_drill(script: str, tmp_path: Path) -> None:
    """However many there were."""
    played, left = drilled(script, tmp_path)
    assert len(played.evidence.connected) > LAST
    assert {part.__name__: count for part, count in left.items() if count > LAST} == {}


async def visit(port: int, *, quitting: bool) -> None:
    """Hand over a message; take leave, or simply go."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    said = [b"HELO a.example", b"MAIL FROM:<a@a.example>", b"RCPT TO:<b@b.example>", b"DATA", b"Subject: x\r\n\r\n."]
    for line in [*said, b"QUIT"] if quitting else said:
        writer.write(line + b"\r\n")
        await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("quitting", [True, False])
def test_a_session_over_a_real_socket_is_let_go(quitting: bool) -> None:
    """When its client has gone, with QUIT or without; of those that are over none is kept until a search."""

    async def visits() -> int:
        server = FakeServer(read_script("", "plain.toml"), clock=SystemClock())
        _, port = await server.start("127.0.0.1", 0)
        for _ in range(20):
            await visit(port, quitting=quitting)
        await server.stop()
        await asyncio.sleep(0)
        return sum(type(one) is Session for one in gc.get_objects())

    gc.collect()
    with collecting_nothing():
        assert asyncio.run(visits()) == 0
