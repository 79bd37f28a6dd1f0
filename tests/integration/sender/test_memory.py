"""A large attachment is in memory nowhere: it is prepared once, shared by all messages, and read as it is sent."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import pytest

from maildrill.fakeserver.system_clock import SystemClock
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import open_ledger
from maildrill.sender.lists import Row
from maildrill.sender.message import Composer
from maildrill.sender.octets import BLOCK
from maildrill.sender.runner import Runner

MEGABYTE = 2**20
SIZE = 8 * MEGABYTE
#: Less than half of the attachment, though three connections send it at the same time.
MOST = 3 * MEGABYTE


@dataclass
class Sink:
    """Takes every message and keeps its size and hash; what arrives is forgotten at once."""

    offers: tuple[str, ...]
    sizes: list[int] = field(default_factory=list)
    declared: list[int] = field(default_factory=list)
    hashes: set[str] = field(default_factory=set)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        hashed, size = blake2b(digest_size=16), 0
        while line := await reader.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            answer = b"250 ok\r\n"
            if verb == "EHLO":
                answer = "".join(f"250-{word}\r\n" for word in ("sink", *self.offers)).encode() + b"250 SIZE\r\n"
            elif verb == "MAIL":
                hashed, size = blake2b(digest_size=16), 0
                self.declared.append(int(rest.partition("SIZE=")[2].split()[0]))
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                async for octets in _to_dot(reader):
                    hashed.update(octets)
                    size += len(octets)
            elif verb == "BDAT":
                left = int(rest.split()[0])
                while left:
                    octets = await reader.read(min(left, BLOCK))
                    left -= len(octets)
                    hashed.update(octets)
                    size += len(octets)
            if verb == "DATA" or rest.endswith(" LAST"):
                self.sizes.append(size)
                self.hashes.add(hashed.hexdigest())
            writer.write(answer)
            if verb == "QUIT":
                break
        writer.close()


async def _to_dot(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield a message up to its dot; no line of it begins with one."""
    held = b""
    while not held.endswith(b"\r\n.\r\n"):
        held += await reader.read(BLOCK)
        yield held[:-5]
        held = held[-5:]
    yield held[:2]


@pytest.mark.parametrize("chunk", [0, 300_000], ids=["DATA", "BDAT"])
def test_a_large_attachment_is_never_in_memory(tmp_path: Path, chunk: int) -> None:
    """Six messages by three connections: the peak stays far below the size of one of them."""
    (tmp_path / "large.bin").write_bytes(bytes(range(256)) * (SIZE // 256))
    sink = Sink(("PIPELINING", "CHUNKING"))

    async def play() -> tuple[set[State], int, set[str | None]]:
        server = await asyncio.start_server(sink.talk, "127.0.0.1", 0)
        campaign = Campaign(
            name="large",
            sender=Mailbox("", "office@club.example"),
            subject="Hello [Name]",
            account=Account(host="127.0.0.1", port=server.sockets[0].getsockname()[1]),
            list_file=Path("list.csv"),
            email="email",
            text="Dear [Name],\n",
            html=None,
            attachments=(tmp_path / "large.bin",),
            retry=RetryPolicy(schedule=(1.0,), cap=1.0, lifetime=60.0),
            limits=Limits(connections=3, messages_per_connection=2),
            chunk=chunk,
        )
        rows = [Row(n, f"r{n}@x.example", {"Name": f"R{n}"}) for n in range(2, 8)]
        clock = SystemClock()
        tracemalloc.start()
        try:
            ledger = open_ledger(tmp_path / "large.ledger", campaign, at=clock.now())
            with ConnectionLog() as log:
                await Runner(campaign, rows, Composer(campaign), ledger, clock=clock, log=log).run()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            server.close()
        records = list(ledger.recipients())
        ledger.close()
        return {one.state for one in records}, peak, {one.body_hash for one in records}

    states, peak, hashes = asyncio.run(asyncio.wait_for(play(), 120))

    assert states == {State.DELIVERED}
    assert peak < MOST < SIZE / 2
    assert sink.hashes == hashes
    assert len(hashes) == 6
    assert sink.sizes == sink.declared
    assert min(sink.sizes) > SIZE * 4 / 3
