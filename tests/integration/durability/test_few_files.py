"""Few files may be open at once: it works, or it says what is missing; never a signal, and nothing done is lost."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit to set")
FORKS = hasattr(os, "fork")  # where none can, one process is all there is
#: From what modules can just be loaded with, over where a loop, a signal or a connection finds no room, to plenty.
LIMITS = (6, 13, 16, 20, 22, 24, 27, 31, 38, 64)
Play = Callable[..., Any]


def room(descriptors: int) -> str:
    """Return the code after which so many files and sockets can be open at once in the process."""
    return f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({descriptors}, {descriptors}))\n"


def is_clear(told: str) -> bool:
    """Whether an error says what is wrong, what was expected and what to do; and nothing else broke."""
    lines = told.splitlines()
    said = lines[0].startswith("error: ") and lines[1].startswith("  expected room") and "limit" in lines[2]
    return said and len(lines) == 3


@pytest.mark.parametrize("processes", [1, 2] if FORKS else [1])
def test_a_campaign_is_sent_or_refused(processes: int, play: Play) -> None:
    """75 before anything is sent, until there is room for all connections; then none fails for want of it."""
    codes: list[int] = []

    async def story(site: Any) -> None:
        first = await site.run("send", "spring.toml", "--canary", "3")
        for limit in LIMITS:
            sent = await site.send(room(limit))
            codes.append(sent.code)

            assert sent.code in (0, 75), f"{limit}: {sent.errors}"
            assert is_clear(sent.errors) if sent.code else "open files" not in sent.errors, f"{limit}: {sent.errors}"

        assert first.code == 0, first.errors
        assert site.wrong(set()) == []
        assert len(site.journal.messages) == 12

    play(story, processes=processes)

    assert (codes[0], codes[-1], codes) == (75, 0, sorted(codes, reverse=True))


@pytest.mark.parametrize("options", [(), ("--loop", "asyncio"), ("--clock", "scaled:2"), ("--http-port", "0")])
def test_a_server_serves_or_refuses(options: tuple[str, ...], play: Play) -> None:
    """2 before it listens, until there is room for what it opens."""
    codes: list[int] = []

    async def story(site: Any) -> None:
        for limit in LIMITS:
            served = await site.run("serve", "--port", "0", "--exit-after", "1ms", *options, before=room(limit))
            codes.append(served.code)

            assert served.code in (0, 2), f"{limit}: {served.errors}"
            assert is_clear(served.errors) if served.code else "listening" in served.output, f"{limit}: {served.errors}"

    play(story)

    assert (codes[0], codes[-1], codes) == (2, 0, sorted(codes, reverse=True))


@pytest.mark.parametrize("options", [("--loop", "asyncio"), ("--clock", "scaled:2")])
def test_more_clients_than_there_is_room_for_wait(options: tuple[str, ...], play: Play) -> None:
    """It says so, once; and when some are gone others are served."""

    async def story(site: Any) -> None:
        server = await site.start("serve", "--port", "0", *options, before=room(40))
        listening = await server.stdout.readline()
        host, _, port = listening.decode().strip().removeprefix("listening smtp=").rpartition(":")
        clients = [await asyncio.open_connection(host, int(port)) for _ in range(60)]
        told = await server.stderr.readline()
        for _, writer in clients:
            writer.close()
            await writer.wait_closed()
        reader, writer = await asyncio.open_connection(host, int(port))
        greeting = await reader.readline()
        writer.close()
        server.terminate()
        _, rest = await server.communicate()

        assert (told[:21], rest, greeting[:4]) == (b"clients have to wait:", b"", b"220 ")
        assert server.returncode == 0

    play(story)
