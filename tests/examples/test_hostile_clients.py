"""The table of docs/hostile-clients.md: each sequence is sent, and ends nothing."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from maildrill.fakeserver.journal.journal import Message
from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.language.settings import Settings
from maildrill.fakeserver.server import FakeServer
from maildrill.scenarios.world import World, run_world

PAGE = Path(__file__).parents[2] / "docs" / "hostile-clients.md"
ROWS = re.findall(r"^\| `(?P<octets>\\.*)` \| (?P<strict>\d.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def sent(content: bytes, *, strict: bool) -> tuple[str, list[Message]]:
    """Send a message as these octets; returns the reply to its end, and what the server has."""

    async def story(world: World) -> tuple[str, list[Message]]:
        server = FakeServer(Script(), clock=world.clock, settings=Settings(strict=strict))
        reader, writer = await asyncio.open_connection(*await server.start("mx.test"))
        writer.write(b"EHLO me.test\r\nMAIL FROM:<ann@a.test>\r\nRCPT TO:<bob@b.test>\r\nDATA\r\n")
        await reader.readuntil(b"\r\n354 ")
        await reader.readline()
        writer.write(content + b"\r\n.\r\nQUIT\r\n")
        reply, bye, rest = (await reader.read(-1)).decode().split("\r\n")
        writer.close()
        await writer.wait_closed()
        await server.stop()
        assert (bye[:3], rest) == ("221", "")
        return reply, server.journal.messages

    return run_world(story)


@pytest.mark.parametrize(("octets", "strict"), ROWS)
def test_no_sequence_of_the_table_ends_a_message(octets: str, strict: str) -> None:
    """One message comes, with the second one as text in it; to the letter it is refused as the table says."""
    sequence = octets.encode("ascii").decode("unicode_escape").encode("latin-1")
    content = b"first" + sequence + b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<bob@b.test>\r\nDATA\r\nsecond"
    reply, (message,) = sent(content, strict=False)
    refusal, _ = sent(content, strict=True)

    assert reply == "250 2.0.0 message taken"
    assert message.content == content.replace(b"\r\n.", b"\r\n") + b"\r\n"
    assert refusal.startswith(strict)


def test_the_table_is_there() -> None:
    """A pattern that finds nothing would test nothing."""
    assert len(ROWS) > 10
