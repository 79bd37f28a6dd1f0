"""At `power` no dot leaves before its intent is on the disk, whatever happens to whoever waits for the disk."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.journal.journal import Entry, Journal
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Campaign
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import Durability, LedgerError, group, open_ledger
from maildrill.sender.ledger.flusher import Beside
from maildrill.sender.lists import Row
from maildrill.sender.message import Composer
from maildrill.sender.runner import Runner
from maildrill.smtp import Stage

Play = Callable[..., Any]

TURNS = 60  # of the loop: a dot needs five to come to a server on this machine
LIMIT = 60
PEOPLE = 5


class Played:
    """Whoever flushes, played by the test: what it is asked and answers, and the dots that the server sees."""

    def __init__(self, codes: list[int] | None = None) -> None:
        self.seen: list[str] = []
        self._codes = codes or []
        self._channel: socket.socket | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def saw(self, entry: Entry) -> None:
        """Write a dot down."""
        if entry.stage is Stage.DOT:
            self.seen.append("dot")

    def begin(self, _: int) -> Beside:
        """Begin to be asked."""
        ours, self._channel = socket.socketpair()
        for end in (ours, self._channel):
            end.settimeout(0)
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self._asked)
        return Beside(ours)

    def _asked(self) -> None:
        assert self._channel is not None
        if self._channel.recv(1):
            self.seen.append("asked")
            self._tasks.append(asyncio.create_task(self._answer()))
        else:
            for task in self._tasks:  # nobody waits for the answer any more
                task.cancel()
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._channel.close()

    async def _answer(self) -> None:
        assert self._channel is not None
        for _ in range(TURNS):
            await asyncio.sleep(0)
        code = self._codes.pop(0) if self._codes else 0
        self.seen.append("failed" if code else "answered")
        self._channel.send(bytes([code]))


async def _sent(site: Any, campaign: Campaign, played: Played) -> None:
    """Send the campaign in this process, with somebody else at the disk."""
    clock = SystemClock()
    rows = [Row(number, address, {}) for number, address in enumerate(site.guests, 2)]
    file = site.file(".ledger")
    with closing(open_ledger(file, campaign, at=clock.now(), durability=Durability.PROCESS)) as ledger:
        ledger.flush_apart(played.begin)
        with ConnectionLog() as log:
            await asyncio.wait_for(
                Runner(campaign, rows, Composer(campaign), ledger, clock=clock, log=log).run(), LIMIT
            )
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _seen(play: Play, *codes: int, **options: Any) -> tuple[list[str], Any]:
    played = Played(list(codes))

    async def story(site: Any) -> None:
        campaign = read_campaign(site.file(".toml"))
        if any(codes):
            with pytest.raises(LedgerError, match=r"Input/output error, when what was written was flushed"):
                await _sent(site, campaign, played)
        else:
            await _sent(site, campaign, played)

    guests = tuple(f"guest{number}@x.example" for number in range(PEOPLE))
    site = play(story, guests=guests, journal=Journal(played.saw), **options)
    return played.seen, site


def _early(seen: list[str]) -> list[str]:
    """Return what came right before each dot, where that was no answer."""
    return [before for before, what in pairwise(["nothing", *seen]) if what == "dot" and before != "answered"]


def test_a_dot_leaves_when_its_intent_is_flushed(play: Play) -> None:
    """One session: each dot comes right behind an answer, however long the disk takes."""
    seen, site = _seen(play, connections=1)

    assert (seen.count("dot"), _early(seen)) == (PEOPLE, [])
    assert set(site.states().values()) == {State.DELIVERED}


def test_no_dot_leaves_when_a_flush_has_failed(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk works again, it says; the next run knows who is in doubt, and reaches the others."""
    monkeypatch.setattr(group, "SOON", LIMIT)  # on a machine that is busy outcomes would have flushes of their own
    seen, site = _seen(play, 0, 0, errno.EIO, connections=1)

    assert seen == ["asked", "answered", "dot"] * 2 + ["asked", "failed"]
    doubted = site.doubted()
    assert len(doubted) == 1


def test_a_dot_that_leaves_at_the_commit_is_found(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded defect: whoever waits is told when it is committed."""
    honest = group.GroupCommit._begin

    def hasty(self: group.GroupCommit, loop: asyncio.AbstractEventLoop) -> None:
        for queued in self._committed:
            queued.finish()
        honest(self, loop)

    monkeypatch.setattr(group.GroupCommit, "_begin", hasty)
    seen, _ = _seen(play, connections=1)

    assert "asked" in _early(seen)


def _children(pid: int) -> list[int]:
    """Return the processes that this one has begun."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


class Watching:
    """Does something when the server has seen so many entries; `flushers` are those that it has met."""

    def __init__(self, count: int, act: Callable[[int, int], None]) -> None:
        self.flushers: list[int] = []  # descriptors that can be read when they are gone
        self.process: asyncio.subprocess.Process | None = None
        self._left = count
        self._act = act

    def saw(self, _: Entry) -> None:
        """Count."""
        self._left -= 1
        if self._left == 0 and self.process is not None:
            (flusher,) = _children(self.process.pid)
            self.flushers.append(os.pidfd_open(flusher))
            self._act(self.process.pid, flusher)

    async def gone(self) -> None:
        """Return when the flusher has ended."""
        loop, (flusher,) = asyncio.get_running_loop(), self.flushers
        ended = asyncio.Event()
        loop.add_reader(flusher, ended.set)
        await asyncio.wait_for(ended.wait(), LIMIT)
        loop.remove_reader(flusher)
        os.close(flusher)


@pytest.mark.parametrize("count", [20, 40])
def test_the_flusher_is_killed_while_a_campaign_runs(count: int, play: Play) -> None:
    """The run goes on and loses nothing; it flushes by itself from then on."""
    watching = Watching(count, lambda _, flusher: os.kill(flusher, signal.SIGKILL))

    async def story(site: Any) -> None:
        process = watching.process = await site.start("send", "spring.toml")
        _, errors = await process.communicate()
        await watching.gone()

        assert (process.returncode, site.wrong(set())) == (0, []), errors

    play(story, journal=Journal(watching.saw))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_flusher_outlives_its_sender(how: signal.Signals, play: Play) -> None:
    """However that ends: killed, or asked to stop."""
    watching = Watching(20, lambda sender, _: os.kill(sender, how))

    async def story(site: Any) -> None:
        process = watching.process = await site.start("send", "spring.toml")
        await process.communicate()
        await watching.gone()
        doubted = site.doubted()
        last = await site.send()

        assert (last.code, site.wrong(doubted)) == (1 if doubted else 0, []), last.errors

    play(story, journal=Journal(watching.saw))


FAILING = """\
import os
from maildrill.sender.ledger import sqlite
class Failing(sqlite.Flusher):
    def __init__(self, *how):
        super().__init__(*how)
        os.dup2(os.open("/dev/null", os.O_RDWR), self.{which}.fileno())
sqlite.Flusher = Failing
"""


@pytest.mark.parametrize("which", ["_file", "_theirs"])
def test_a_disk_that_fails_a_flush_stops_the_run(which: str, play: Play) -> None:
    """Here or beside, with words that help and before a single dot; another run has a disk that works."""

    async def story(site: Any) -> None:
        first = await site.send(FAILING.format(which=which))
        doubted = site.doubted()
        second = await site.send()

        assert (first.code, site.journal.messages[: -len(site.guests)]) == (75, []), first.errors
        said = first.errors[first.errors.index("error: ") :].splitlines()
        assert said[0].startswith("error: spring.ledger: the ledger cannot be read or written: Invalid argument, when")
        assert [line.split()[0] for line in said[1:]] == ["expected", "put"]
        assert second.code == (1 if doubted else 0), second.errors
        assert site.wrong(doubted) == []
        assert bool(doubted) is (which == "_theirs")

    play(story)
