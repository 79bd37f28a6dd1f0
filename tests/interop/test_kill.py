"""`kill -9` of `maildrill send` at any moment: nothing lost, nothing doubled, unknown only where the dot had left."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import pytest

from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.journal.journal import Entry, Journal
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script

KILLS = 20
GUESTS = 120
SCRIPT = """
version = 1

[[rule]]
at = "rcpt"
domain = "grey.example"
key = "rcpt"
attempt = "1"
reply = "450 4.2.0 greylisted"

[[rule]]
at = "rcpt"
domain = "gone.example"
reply = "550 5.1.1 no such user here"
"""


def _draw(key: str, least: int, most: int) -> int:
    digest = blake2b(key.encode(), digest_size=8).digest()
    return least + int.from_bytes(digest, "big") % (most - least + 1)


class Killer:
    """Kills a process when the server has seen so many things of it, or a moment later."""

    def __init__(self) -> None:
        self._left = 0
        self._pause = 0.0
        self._process: asyncio.subprocess.Process | None = None

    def aim(self, process: asyncio.subprocess.Process, kill: int) -> None:
        """Choose the moment of the kill with this number."""
        self._process = process
        self._left = _draw(f"entries {kill}", 1, 30)
        # the reply is on its way: kill before it is read, while it is written down, or after
        self._pause = _draw(f"pause {kill}", 0, 8) / 1000

    def saw(self, _: Entry) -> None:
        """Count; called for all that the server sees."""
        self._left -= 1
        if self._left == 0 and self._process is not None:
            asyncio.get_running_loop().call_later(self._pause, self._process.kill)


async def _send(folder: Path, program: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        program,
        "send",
        "campaign.toml",
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@pytest.mark.parametrize("connections", [1, 3])
def test_a_killed_sender_loses_nobody_and_doubles_nobody(
    tmp_path: Path,
    campaign: Callable[..., Counter[str]],
    states: Callable[[str], dict[str, str]],
    program: Path,
    connections: int,
) -> None:
    """Killed again and again and started again, it comes to an end, and ledger and server agree."""
    killer = Killer()
    journal = Journal(killer.saw)

    async def run() -> tuple[int, int]:
        server = FakeServer(read_script(SCRIPT, "kill.toml"), clock=SystemClock(), journal=journal)
        _, port = await server.start()
        campaign(
            port,
            ["good.example", "grey.example", "gone.example"],
            GUESTS,
            limits=f"connections = {connections}",
            retry='schedule = ["50ms"]',
        )
        killed = 0
        for kill in range(KILLS // 2):
            process = await _send(tmp_path, program)
            killer.aim(process, kill)
            killed += await process.wait() == -9
        last = await _send(tmp_path, program)
        status = await asyncio.wait_for(last.wait(), 60)
        await server.stop()
        return killed, status

    killed, status = asyncio.run(run())
    ends = states("campaign.ledger")

    assert (killed, status) == (KILLS // 2, 1)
    assert set(ends.values()) <= {"delivered", "failed", "unknown"}
    assert {address for address, state in ends.items() if state == "failed"} == {
        address for address in ends if address.endswith("@gone.example")
    }
    for address, state in ends.items():
        taken = journal.committed(address)
        assert taken == 1 if state == "delivered" else taken <= (state == "unknown"), address
    assert _doubtful(journal) >= {address for address, state in ends.items() if state == "unknown"}


def _doubtful(journal: Journal) -> set[str]:
    """Return the recipients of transactions that had their 354 when the session ended without a reply to the dot."""
    return {
        asked.address
        for transaction in journal.transactions
        if transaction.data is not None and transaction.data.code == 354 and transaction.ended in ("close", "dot")
        for asked in transaction.asked
        if asked.address is not None and asked.reply is not None and asked.reply.positive
    }


def test_the_moments_differ() -> None:
    """Kills fall on many different entries, else twenty kills would be one."""
    assert len({_draw(f"entries {kill}", 1, 30) for kill in range(KILLS)}) > KILLS // 2
