"""A stage for the runner: the real sender and the real fake server in virtual time, one campaign, several runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.system_clock import SystemClock
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import Network, World, run_world
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.content import PLAIN as CAREFREE
from maildrill.sender.content import Caution
from maildrill.sender.ledger import AttemptRecord, Durability, Ledger, RecipientRecord, open_ledger
from maildrill.sender.lists import Row
from maildrill.sender.log_sinks import Memory
from maildrill.sender.message import Composer
from maildrill.sender.runner import Runner, RunSummary
from maildrill.smtp import Clock

PLAIN: dict[str, Any] = {
    "name": "club",
    "sender": Mailbox("", "office@club.example"),
    "subject": "Hello",
    "account": Account(host="mx.example"),
    "list_file": Path("list.csv"),
    "email": "email",
    "text": "Hello!",
    "html": None,
    "attachments": (),
    "retry": RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=86400.0),
    "limits": Limits(connections=2),
}


@dataclass
class Stage:
    """One campaign against one server. `send()` is a run; what the runs left is there to be looked at."""

    world: World
    server: FakeServer
    campaign: Campaign
    rows: Sequence[Row]
    file: Path
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    memory: Memory = field(default_factory=Memory)
    eager: bool = False  # whether the log is flushed as real sending has it
    recipients: list[RecipientRecord] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)

    @property
    def journal(self) -> Journal:
        return self.server.journal

    @property
    def states(self) -> dict[str, State]:
        return {record.address: record.state for record in self.recipients}

    def times(self, kind: str) -> list[float]:
        """When each event of this kind was logged."""
        return [event.at for event in self.memory.events if event.kind == kind]

    async def send(
        self,
        wrap: Callable[[Ledger], Ledger] = lambda ledger: ledger,
        campaign: Campaign | None = None,
        caution: Caution = CAREFREE,
    ) -> RunSummary:
        """Run the sender to its end on the ledger in `file`, which is read and closed after it."""
        campaign = campaign or self.campaign
        ledger = open_ledger(self.file, campaign, at=self.world.clock.now(), durability=Durability.PROCESS)
        try:
            with ConnectionLog(self.memory, eager=self.eager) as log:
                runner = Runner(
                    campaign,
                    self.rows,
                    Composer(campaign),
                    wrap(ledger),
                    clock=self.world.clock,
                    log=log,
                    stop=self.stop,
                    caution=caution,
                )
                return await runner.run()
        finally:
            self.recipients = list(ledger.recipients())
            self.attempts = list(ledger.attempts())
            ledger.close()


Play = Callable[[Stage], Coroutine[Any, Any, None]]


@pytest.fixture
def on_stage(tmp_path: Path) -> Callable[..., Stage]:
    """Play `main(stage)` against a script (TOML) for so many recipients; campaign's values by name."""

    def run(script: str, recipients: int | Sequence[str], main: Play | None = None, **given: Any) -> Stage:
        addresses = recipients if not isinstance(recipients, int) else [f"r{n}@x.example" for n in range(recipients)]
        campaign = Campaign(**{**PLAIN, **given})
        stages: list[Stage] = []

        async def play(world: World) -> None:
            server = FakeServer(read_script(f"version = 1\n{script}", "test.toml"), clock=world.clock)
            await server.start(campaign.account.host, campaign.account.port)
            rows = [Row(line, address, {"email": address}) for line, address in enumerate(addresses, start=2)]
            stages.append(Stage(world, server, campaign, rows, tmp_path / "club.ledger"))
            try:
                await (main(stages[0]) if main else _once(stages[0]))
            finally:
                await server.stop()

        run_world(play, network=Network())
        return stages[0]

    return run


async def _once(stage: Stage) -> None:
    await stage.send()


PEOPLE = ("ann+list@x.example", "bob@x.example", "jörg@x.example")


@dataclass
class Sent:
    """What a run left: the server's journal, the tries, where everybody stands, and the ledger."""

    journal: Journal
    attempts: list[AttemptRecord]
    states: dict[str, State]
    ledger: Path

    @property
    def messages(self) -> list[Message]:
        return list(self.journal.messages)


@pytest.fixture(params=["memory", "tcp"])
def send(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Sent]:
    """Send a campaign to PEOPLE by a server with this script, in virtual time or over TCP."""
    numbers = count()

    def run(script: str = "", **given: Any) -> Sent:
        file = tmp_path / f"{next(numbers)}.ledger"

        async def play(clock: Clock, host: str) -> Sent:
            server = FakeServer(read_script(f"version = 1\n{script}", "test.toml"), clock=clock)
            _, port = await server.start(host, 0)
            account = Account(host=host, port=port)
            retry = RetryPolicy(schedule=(0.2,), cap=0.2, lifetime=60.0)
            campaign = Campaign(**{**PLAIN, "account": account, "retry": retry, **given})
            ledger = open_ledger(file, campaign, at=clock.now(), durability=Durability.PROCESS)
            rows = [Row(line, address, {"email": address}) for line, address in enumerate(PEOPLE, start=2)]
            try:
                with ConnectionLog(Memory()) as log:
                    await Runner(campaign, rows, Composer(campaign), ledger, clock=clock, log=log).run()
                states = {record.address: record.state for record in ledger.recipients()}
                return Sent(server.journal, list(ledger.attempts()), states, file)
            finally:
                ledger.close()
                await server.stop()

        if request.param == "memory":
            return run_world(lambda world: play(world.clock, "mx.example"))
        return asyncio.run(asyncio.wait_for(play(SystemClock(), "127.0.0.1"), 60))

    return run
