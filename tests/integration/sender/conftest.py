"""A stage for the runner: the real sender and the real fake server in virtual time, one campaign, several runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import Network, World, run_world
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import AttemptRecord, Durability, Ledger, RecipientRecord, open_ledger
from maildrill.sender.lists import Row
from maildrill.sender.log_sinks import Memory
from maildrill.sender.message import Composer
from maildrill.sender.runner import Runner, RunSummary

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
        self, wrap: Callable[[Ledger], Ledger] = lambda ledger: ledger, campaign: Campaign | None = None
    ) -> RunSummary:
        """Run the sender to its end on the ledger in `file`, which is read and closed after it."""
        campaign = campaign or self.campaign
        ledger = open_ledger(self.file, campaign, at=self.world.clock.now(), durability=Durability.PROCESS)
        try:
            with ConnectionLog(self.memory) as log:
                runner = Runner(
                    campaign,
                    self.rows,
                    Composer(campaign),
                    wrap(ledger),
                    clock=self.world.clock,
                    log=log,
                    stop=self.stop,
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
