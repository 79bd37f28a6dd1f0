"""What a large attachment costs the sender: 50 MB to twenty recipients by four connections, by DATA and by BDAT.

Run: python benchmarks/attachment_memory.py [MEGABYTES] [RECIPIENTS] [CONNECTIONS]. The server is another process, which
forgets what it reads; what is printed is what this one holds. Exits with 1 where that grows by a fifth of one message.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from maildrill.cli.system_clock import SystemClock
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import open_ledger
from maildrill.sender.lists import Row
from maildrill.sender.message import Composer
from maildrill.sender.runner import Runner

_BLOCK = 65536
#: The other process: SMTP as far as this sender speaks it.
_SINK = """
import asyncio
async def talk(reader, writer):
    writer.write(b"220 sink\\r\\n")
    while line := await reader.readline():
        verb, _, rest = line.decode().strip().partition(" ")
        if verb == "EHLO":
            writer.write(b"250-sink\\r\\n250-PIPELINING\\r\\n250-CHUNKING\\r\\n250 SIZE\\r\\n")
            continue
        if verb == "DATA":
            writer.write(b"354 go on\\r\\n")
            tail = b""
            while tail != b"\\r\\n.\\r\\n":
                tail = (tail + await reader.read(65536))[-5:]
        elif verb == "BDAT":
            left = int(rest.split()[0])
            while left:
                left -= len(await reader.read(min(left, 65536)))
        writer.write(b"250 ok\\r\\n")
        if verb == "QUIT":
            break
    writer.close()
async def main():
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def _peak() -> float:
    """Return the most that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _send(campaign: Campaign, composer: Composer, rows: list[Row], folder: Path) -> None:
    clock = SystemClock()
    ledger = open_ledger(folder / f"{campaign.name}.ledger", campaign, at=clock.now())
    with ConnectionLog() as log:
        await Runner(campaign, rows, composer, ledger, clock=clock, log=log).run()
    ledger.close()


def _campaign(name: str, port: int, file: Path, *, connections: int, chunk: int) -> Campaign:
    return Campaign(
        name=name,
        sender=Mailbox("", "office@club.example"),
        subject="Hello [name]",
        account=Account(host="127.0.0.1", port=port),
        list_file=Path("list.csv"),
        email="email",
        text="Dear [name],\n",
        html=None,
        attachments=(file,),
        retry=RetryPolicy(schedule=(300.0,), cap=300.0),
        limits=Limits(connections=connections, messages_per_connection=2),
        chunk=chunk,
    )


def main() -> int:
    """Measure, and say what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("megabytes", type=int, nargs="?", default=50)
    parser.add_argument("recipients", type=int, nargs="?", default=20)
    parser.add_argument("connections", type=int, nargs="?", default=4)
    asked = parser.parse_args()
    rows = [Row(n, f"r{n}@x.example", {"name": f"R{n}"}) for n in range(asked.recipients)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([sys.executable, "-c", _SINK], stdout=subprocess.PIPE, text=True) as sink,
    ):
        port = int(sink.stdout.readline()) if sink.stdout else 0
        file = Path(folder, "large.bin")
        with file.open("wb") as large:
            for n in range(asked.megabytes * 2**20 // _BLOCK):
                large.write(bytes([n % 256]) * _BLOCK)
        begun = _peak()
        print(f"{'':>28} peak {begun:4.0f} MB")
        for name, chunk in (("DATA", 0), ("BDAT", 2**20)):
            campaign = _campaign(name, port, file, connections=asked.connections, chunk=chunk)
            started = time.perf_counter()
            composer = Composer(campaign)
            print(f"{name}: encoded once {time.perf_counter() - started:11.1f} s peak {_peak():4.0f} MB", flush=True)
            started = time.perf_counter()
            asyncio.run(_send(campaign, composer, rows, Path(folder)))
            took = time.perf_counter() - started
            sent = f"{name}: {asked.recipients} sent"
            rate = asked.recipients * asked.megabytes / took
            print(f"{sent:<20}{took:6.1f} s peak {_peak():4.0f} MB   {rate:5.0f} MB/s", flush=True)
        sink.terminate()
    return 1 if _peak() - begun > max(5, asked.megabytes / 5) else 0


if __name__ == "__main__":
    sys.exit(main())
