"""`kill -9` of `maildrill send` at random moments: nobody lost, nobody doubled, Unknown as the ledger's evidence says.

Where several processes send it is one of them, or the one that began them.

A few kills in every run of the suite; `--kills 500` for the proof. `--kill-seed` plays a run again as far as the
machine's own pace allows; every run prints its seed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from maildrill.fakeserver.journal.journal import Entry, Journal
from maildrill.smtp import Stage

Play = Callable[..., Any]

FEW = 4  # kills that every run of the suite has time for
CREWS = (1, 2) if hasattr(os, "fork") else (1,)  # processes
ROUND = 20  # kills of one campaign, at most: then it is sent to its end, and judged
DOMAINS = ("good.example", "good.example", "grey.example", "gone.example")
SLOW = '[[rule]]\nat = "dot"\nwait = "5ms"\n'
SCRIPT = (Path(__file__).parents[2] / "data" / "domains.toml").read_text("utf-8") + SLOW


def _kills(config: pytest.Config) -> int:
    return int(config.option.kills)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Share the kills out over rounds; plant defects."""
    if "share" in metafunc.fixturenames:
        kills = _kills(metafunc.config)
        shares = [min(ROUND, kills - begun) for begun in range(0, kills, ROUND)]
        metafunc.parametrize(("number", "share"), list(enumerate(shares)))
        metafunc.parametrize("processes", CREWS)
    if "defect" in metafunc.fixturenames:  # one in every run of the suite
        found = [(name, processes) for name in DEFECTS for processes in CREWS if (name, processes) != OTHERWISE]
        metafunc.parametrize(("defect", "processes"), found[: None if _kills(metafunc.config) > FEW else len(CREWS)])


def drawn(seed: str) -> Random:
    """Return a source of moments."""
    return Random(seed)  # noqa: S311 - nothing is to be kept secret


class Killer:
    """Kills a process at a moment drawn at random: after a while, or after so much that the server saw of it."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._left = 0
        self._pause = 0.0
        self._kill: Callable[[], None] = lambda: None

    def aim(self, process: asyncio.subprocess.Process, site: Any) -> None:
        """Draw the moment at which this process, or one of its crew, is to die."""
        self._choose(process, site)
        if self._rng.random() < 0.2:  # while it starts, reads, opens, recovers
            self._left = 0
            asyncio.get_running_loop().call_later(self._rng.uniform(0.1, 0.6), self._kill)
            return
        self._left = self._rng.randint(1, 40)
        # the reply is on its way: kill before it is read, while it is written down, or after
        self._pause = self._rng.uniform(0.0, 0.012)

    def saw(self, entry: Entry) -> None:
        """Count what the server sees."""
        self._left -= 1
        if self._left == 0:
            asyncio.get_running_loop().call_later(self._pause, self._kill)

    def _choose(self, process: asyncio.subprocess.Process, site: Any) -> None:
        place = self._rng.choice((None, *range(site.processes))) if site.processes > 1 else None

        def kill() -> None:
            if process.returncode is not None:
                return
            if place is not None:
                with suppress(FileNotFoundError):  # it has not begun yet
                    os.kill(site.hand(place), signal.SIGKILL)
                    return
            process.kill()

        self._kill = kill


def _in_doubt(journal: Journal) -> set[str]:
    """Return whose dot may have left, as the server sees it: it had said 354, and the session ended without more."""
    return {
        asked.address
        for transaction in journal.transactions
        if transaction.data is not None and transaction.data.code == 354 and transaction.ended in ("close", "dot")
        for asked in transaction.asked
        if asked.address is not None and asked.reply is not None and asked.reply.positive
    }


async def _killed_and_ended(site: Any, killer: Killer, kills: int, before: str = "") -> tuple[int, list[str]]:
    """Kill the sender so often, or until nobody is left; then let it come to its end. Return kills and findings."""
    killed, doubted, found = 0, set[str](), list[str]()
    while killed < kills:
        process = await site.begin(before)
        killer.aim(process, site)
        _, errors = await process.communicate()  # of all: hands have the same stderr
        if process.returncode != -9 and b"was killed by SIGKILL" not in errors:
            if process.returncode not in (0, 1):
                found.append(f"ended with {process.returncode}: {errors.decode()}")
            break
        killed += 1
        doubted |= site.doubted()
        found += site.doubled() + (site.ahead() if site.has_tables() else [])
    last = await site.send(before)
    if last.code not in (0, 1):
        found.append(f"ended with {last.code}: {last.errors}")
    strange = doubted - _in_doubt(site.journal)
    return killed, found + site.wrong(doubted) + [f"{one} is unknown, its dot cannot have left" for one in strange]


def _options(rng: Random, killer: Killer, guests: int, processes: int) -> dict[str, Any]:
    addresses = tuple(f"guest{number}@{DOMAINS[number % len(DOMAINS)]}" for number in range(guests))
    return {
        "journal": Journal(killer.saw),
        "script": SCRIPT,
        "guests": addresses,
        "mode": rng.choice(("merge", "batch")),
        "connections": rng.randint(processes, 4),
        "processes": processes,
        "durability": rng.choice(("power", "process")),
    }


def test_killed_at_any_moment(number: int, share: int, processes: int, kill_seed: int, play: Play) -> None:
    """Killed again and again and started again, it comes to an end, and ledger, log and server agree."""
    rng, killed, campaigns = drawn(f"{kill_seed} {number}"), 0, 0
    while killed < share:
        killer, left = Killer(rng), share - killed
        done: list[tuple[int, list[str]]] = []

        async def story(site: Any, killer: Killer = killer, left: int = left, done: Any = done) -> None:
            done.append(await _killed_and_ended(site, killer, left))

        play(story, folder=f"campaign{campaigns}", **_options(rng, killer, 30 + 25 * left, processes))
        died, found = done[0]
        assert found == [], f"--kills {share} --kill-seed {kill_seed}, round {number}, campaign {campaigns}"
        killed += died
        campaigns += 1

    assert killed == share


class Defect(NamedTuple):
    """What is wrong with a sender: how that shows, and the code that plants it."""

    shows: str
    code: str


DEFECTS = {
    "no intents": Defect(
        "times",
        """\
from maildrill.sender.ledger.sqlite import SqliteLedger
SqliteLedger._intend = lambda self, intent: None
""",
    ),
    "the log before the ledger": Defect(
        "only the log knows",
        """\
import asyncio
from maildrill.sender.desk import Desk
conclude, tell = Desk.conclude, Desk._log_attempt
async def first_told(self, batch, rulings, go):
    for waiting, ruling in zip(batch, rulings):
        tell(self, waiting, ruling, self._entry(waiting, ruling, go), go)
    await asyncio.sleep(0.02)
    return await conclude(self, batch, rulings, go)
Desk.conclude, Desk._log_attempt = first_told, lambda *_: None
""",
    ),
    "nothing is written before the end": Defect(
        "times",
        """\
from maildrill.sender.ledger.sqlite import SqliteLedger
SqliteLedger.lazy = property(lambda self: True, lambda self, value: None)
""",
    ),
    "intents are forgotten": Defect(
        "the evidence says unknown",
        """\
from maildrill.sender.ledger import opening, statements
opening.recover = lambda ledger, intents, campaign, at: (ledger.do("DELETE FROM intent"), ())[1]
""",
    ),
}

#: One process of several that writes nothing before its end has the others wait for the ledger: that shows otherwise.
OTHERWISE = ("nothing is written before the end", 2)


def test_a_defect_is_found(defect: str, processes: int, play: Play) -> None:
    """Each shows after a few kills while a message or its outcome is on its way."""
    found: list[str] = []

    async def story(site: Any) -> None:
        found.extend((await _killed_and_ended(site, killer, 3, DEFECTS[defect].code))[1])

    for number in range(6):
        rng = drawn(f"{defect} {number}")
        killer = Dotted(rng)
        options = _options(rng, killer, 60, processes) | {"script": SCRIPT.replace("5ms", "30ms"), "mode": "merge"}
        play(story, folder=str(number), **options)
        if any(DEFECTS[defect].shows in one for one in found):
            break

    assert any(DEFECTS[defect].shows in one for one in found), found


class Dotted(Killer):
    """Kills about when a final dot has come, or its reply was read."""

    def aim(self, process: asyncio.subprocess.Process, site: Any) -> None:
        """Wait for a dot."""
        self._choose(process, site)
        self._left = self._rng.randint(1, 4)
        self._pause = self._rng.uniform(0.0, 0.045)

    def saw(self, entry: Entry) -> None:
        """Count dots."""
        if entry.stage is Stage.DOT:
            super().saw(entry)


def test_the_evidence_needs_no_ledger(tmp_path: Path, play: Play) -> None:
    """Killed before there is a table, nobody is in doubt; nothing is made up."""

    async def story(site: Any) -> None:
        site.file(".ledger").touch()

        assert (site.doubted(), site.has_tables(), site.ahead()) == (set(), False, [])

    play(story, folder=tmp_path.name)
