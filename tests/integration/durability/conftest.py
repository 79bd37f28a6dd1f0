"""A campaign in a folder, a server on a real socket, and `maildrill` as processes of their own: killed, or cramped."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script
from maildrill.sender.attempt import State
from maildrill.sender.fold import fold
from maildrill.sender.ledger import read_ledger
from maildrill.sender.log_json import read_events

CAMPAIGN = """\
[campaign]
name = "spring"
from = "news@example.com"
subject = "Hello"
mode = "MODE"

[account]
host = "127.0.0.1"
port = PORT

[list]
file = "list.csv"
email = "Email"

[message]
text = '''
Hello.
'''

[retry]
schedule = ["SCHEDULE"]

[limits]
connections = CONNECTIONS
"""
LIMIT = 240  # seconds for what should take ten
MAIN = "from maildrill.cli.main import main; main()"
HELD = 3600.0  # seconds: "1h" in a script
#: Has each process of a crew leave its pid where `Site.hand` finds it; a link is there whole, or not at all.
HANDS = """\
import os
begun = []
os.register_at_fork(
    before=lambda: begun.append(1),
    after_in_child=lambda: os.symlink(str(os.getpid()), f"hand-{len(begun) - 1}"),
)
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    output: str
    errors: str


class Gate(SystemClock):
    """The system's clock, where an hour is as long as the test wants: a reply that waits so long waits for `open`."""

    def __init__(self) -> None:
        super().__init__()
        self._opened = asyncio.Event()

    def open(self) -> None:
        """Let go of all that waits, or will."""
        self._opened.set()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await (self._opened.wait() if seconds == HELD else super().sleep(seconds))


@dataclass
class Site:
    """The folder of `spring.toml`, and the server that it sends to. more: lines of its [limits]."""

    folder: Path
    journal: Journal = field(default_factory=Journal)
    script: str = ""
    guests: tuple[str, ...] = tuple(f"guest{number}@x.example" for number in range(12))
    mode: str = "merge"
    connections: int = 2
    durability: str = "power"
    processes: int = 1
    more: str = ""
    schedule: str = "50ms"
    gate: Gate = field(default_factory=Gate)
    server: FakeServer = field(init=False)

    async def open(self) -> None:
        """Start the server; write the campaign."""
        script = read_script(f"version = 1\n{self.script}", "test.toml")
        self.server = FakeServer(script, clock=self.gate, journal=self.journal)
        _, port = await self.server.start()
        words = {"PORT": str(port), "MODE": self.mode, "CONNECTIONS": str(self.connections), "SCHEDULE": self.schedule}
        text = CAMPAIGN
        for word, value in words.items():
            text = text.replace(word, value)
        self.folder.mkdir(exist_ok=True)
        (self.folder / "spring.toml").write_text(text + self.more)
        (self.folder / "list.csv").write_text("\n".join(("Email", *self.guests, "")))

    def file(self, ending: str) -> Path:
        """Return the file of the campaign with this ending, as `.ledger`."""
        return self.folder / f"spring{ending}"

    async def start(
        self, *words: str, before: str = "", group: int | None = None, streams: str = ""
    ) -> asyncio.subprocess.Process:
        """Start `maildrill WORDS` in the folder, after the code `before`.

        group: 0 for a group of processes of its own. streams: where a shell is to have its streams go.
        """
        shell = ("sh", "-c", f'exec "$@" {streams}', "sh") if streams else ()
        return await asyncio.create_subprocess_exec(
            *(*shell, sys.executable, "-c", before + MAIN, *words),
            cwd=self.folder,
            # coverage has files of its own in each process: with the limits of these tests it would be in the way
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
            process_group=group,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *words: str, before: str = "") -> Ended:
        """Run `maildrill WORDS` to its end."""
        process = await self.start(*words, before=before)
        output, errors = await process.communicate()
        return Ended(process.returncode or 0, output.decode(), errors.decode())

    @property
    def words(self) -> tuple[str, ...]:
        """Return the command that sends the campaign."""
        crew = ("--processes", str(self.processes)) if self.processes > 1 else ()
        return ("send", "spring.toml", "--durability", self.durability, *crew)

    async def send(self, before: str = "") -> Ended:
        """Send the campaign."""
        return await self.run(*self.words, before=before)

    async def begin(self, before: str = "") -> asyncio.subprocess.Process:
        """Begin to send, in a group of processes of its own, where hands leave word who they are."""
        for left in self.folder.glob("hand-*"):
            left.unlink()
        return await self.start(*self.words, before=(HANDS if self.processes > 1 else "") + before, group=0)

    def hand(self, place: int) -> int:
        """Return the pid of a process of the crew that was begun last; FileNotFoundError: it has not begun yet."""
        return int(str((self.folder / f"hand-{place}").readlink()))

    def under_way(self) -> set[str]:
        """Return whose dot has come and waits for its reply."""
        return {one for message in self.journal.messages if not message.settled for one in message.recipients}

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until the server's journal shows it."""
        while not happened():  # noqa: ASYNC110 - the journal has no bell
            await asyncio.sleep(0.005)

    def states(self) -> dict[str, State]:
        """Return what the ledger says."""
        with closing(read_ledger(self.file(".ledger"))) as ledger:
            return {record.address: record.state for record in ledger.recipients()}

    def doubted(self) -> set[str]:
        """Return whose dot may have left without an outcome: the evidence of the ledger between two runs (I38)."""
        if not self.file(".ledger").exists():
            return set()
        asked = "SELECT address FROM intent JOIN recipient ON recipient.id = intent.recipient WHERE code IS NULL"
        try:
            with closing(sqlite3.connect(self.file(".ledger"))) as ledger:
                return {address for (address,) in ledger.execute(asked)}
        except sqlite3.OperationalError:  # there are no tables yet
            return set()

    def has_tables(self) -> bool:
        """Whether a run has come so far as to make the ledger's tables."""
        if not self.file(".ledger").exists():
            return False
        with closing(sqlite3.connect(self.file(".ledger"))) as ledger:
            return bool(ledger.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])

    def ahead(self) -> list[str]:
        """Return what the log says that the ledger does not: the ledger is written first, whatever happens."""
        log, ledger = self.file(".events.jsonl"), self.file(".ledger")
        if not log.exists():
            return []
        said = Counter(
            (str(event.fields["recipient"]), str(event.fields["verdict"]))
            for event in read_events(log)
            if event.kind == "attempt"
        )
        with closing(read_ledger(ledger)) as book:
            said.subtract((one.recipient, one.verdict.value) for one in book.attempts())
        return [f"only the log knows that {who} was {what}" for (who, what), count in said.items() if count > 0]

    def doubled(self) -> list[str]:
        """Return whom the server has twice."""
        return [f"{one} has it {count} times" for one in self.guests if (count := self.journal.committed(one)) > 1]

    def wrong(self, doubted: set[str]) -> list[str]:
        """Return who is lost, doubled or misreported now that a run has come to its end (I1 to I4, I38).

        doubted: whose dot had left without an outcome when earlier runs ended.
        """
        states = self.states()
        found = self.doubled() + self.ahead() + [f"{one} is lost" for one in self.guests if one not in states]
        for one, state in states.items():
            taken = self.journal.committed(one)
            if (state is State.UNKNOWN) is not (one in doubted):
                found.append(f"{one} is {state}, the evidence says {'unknown' if one in doubted else 'known'}")
            elif state not in (State.UNKNOWN, State.DELIVERED, State.FAILED):
                found.append(f"{one} is {state} at the end")
            elif state is not State.UNKNOWN and taken != (state is State.DELIVERED):
                found.append(f"{one} is {state}, and the server took {taken}")
        folded = fold(read_events(self.file(".events.jsonl")))
        return found + ([] if folded == states else ["the log does not come to what the ledger says"])


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Site]:
    """Return a function that plays a story at an open site, in time; `options` are those of a Site."""

    def played(story: Callable[[Site], Awaitable[None]], folder: str = "site", **options: object) -> Site:
        async def whole() -> Site:
            site = Site(tmp_path / folder, **options)  # type: ignore[arg-type]
            await site.open()
            try:
                async with asyncio.timeout(LIMIT):
                    await story(site)
            finally:
                await site.server.stop()
            return site

        return asyncio.run(whole())

    return played
