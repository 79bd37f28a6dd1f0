"""How much the server holds: what its process has in memory after each tenth of a million messages.

Bodies are not kept, and of everything else the newest 10,000. The load is Postfix's smtp-source, all of it on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import sys
from pathlib import Path

from serve import KEEP, SCRIPT, tool

from maildrill.cli.system_clock import SystemClock
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script

#: Octets that may have been added between the first tenth and the last, times what there was: flat, but for noise.
MOST = 1.05
LIMIT = 900.0  # seconds for one tenth
_STATM = Path("/proc/self/statm")


def resident() -> float:
    """Return what this process has in memory now, in MB; where that cannot be known, the most that it ever had."""
    if _STATM.exists():
        return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


async def measure(messages: int, octets: int) -> bool:
    """Send the messages, print what is held, and return whether it stays the same."""
    journal = Journal(keep=KEEP)
    script = read_script(SCRIPT.read_text(encoding="utf-8"), SCRIPT.name)
    server = FakeServer(script, clock=SystemClock(), journal=journal, keep_bodies=False)
    _, port = await server.start()
    options = ["-s10", "-d", f"-m{messages // 10}", f"-l{octets}", "-N", "-f", "news@shop.test", "-t", "ann@x.test"]
    held: list[float] = []
    print(f"{0:12,} messages {resident():8.1f} MB")
    while len(held) < 10:
        load = await asyncio.create_subprocess_exec(tool("smtp-source"), *options, f"127.0.0.1:{port}")
        await asyncio.wait_for(load.wait(), LIMIT)
        gc.collect()
        held.append(resident())
        print(f"{journal.messages_received:12,} messages {held[-1]:8.1f} MB", flush=True)
    await server.stop()
    ratio = held[-1] / held[0]
    print(f"the last tenth ends with {ratio:.3f} times what the first did: {'flat' if ratio <= MOST else 'GROWS'}")
    return ratio <= MOST and journal.totals.committed == messages // 10 * 10


def main() -> None:
    """Read the arguments; exit with 1 where memory grows."""
    parser = argparse.ArgumentParser(description="What the server holds after each tenth of the messages.")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--octets", type=int, default=2048, help="of a message")
    chosen = parser.parse_args()
    sys.exit(0 if asyncio.run(measure(chosen.messages, chosen.octets)) else 1)


if __name__ == "__main__":
    main()
