"""How many messages a second: maildrill's server, aiosmtpd's, and Postfix's smtp-sink, side by side in one run.

The load is Postfix's smtp-source, all of it on loopback. Rounds go round the servers, so that a machine that is busy
is busy for each; what counts is the ratio to stock aiosmtpd within a round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent / "twenty.toml"
#: Kinds of servers; the first is what the others are measured against.
KINDS = ("aiosmtpd", "aiosmtpd+uvloop", "maildrill", "maildrill+uvloop", "smtp-sink")
#: What maildrill is to reach, times stock aiosmtpd, when sessions stay.
TARGETS = {"maildrill": 1.5, "maildrill+uvloop": 3.0}
KEEP = 10_000  # entries of the journal: as a server has it that runs for long
READY = 20.0  # seconds for a server to start
LIMIT = 120.0  # seconds for one round of one server
POSTFIX = "/usr/sbin:/usr/libexec/postfix:/usr/local/sbin:/usr/bin"


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: so many messages of so many octets, over so many sessions at a time.

    stay: whether a session sends all its messages over one connection, else one over each.
    """

    messages: int
    octets: int
    sessions: int
    stay: bool

    def __str__(self) -> str:
        how = "all messages of a session on one connection" if self.stay else "one message on each connection"
        return f"{self.messages} messages of {self.octets} octets, {self.sessions} sessions at a time, {how}"

    def send(self, port: int) -> float:
        """Send it all; returns messages/s."""
        options = [f"-s{self.sessions}", f"-m{self.messages}", f"-l{self.octets}", *(["-d"] if self.stay else [])]
        envelope = ["-f", "news@shop.test", "-t", "ann@x.test"]
        began = time.perf_counter()
        with subprocess.Popen([tool("smtp-source"), *options, *envelope, f"127.0.0.1:{port}"]) as process:
            limit = threading.Timer(LIMIT, process.kill)  # wait(timeout=...) would look only every 50 ms
            limit.start()
            code = process.wait()
            taken = time.perf_counter() - began
            limit.cancel()
        if code:
            sys.exit(f"smtp-source ended with {code}")
        return self.messages / taken


class Accepting:
    """The plainest of aiosmtpd's handlers: each message is taken and forgotten."""

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: ARG002, N802
        """Answer the final dot."""
        return "250 OK"


async def serve(kind: str) -> None:
    """Run a Python server until it is killed; prints its port."""
    with contextlib.ExitStack() as stack:
        port = await (_aiosmtpd() if kind.startswith("aiosmtpd") else _maildrill(stack))
        print(port, flush=True)
        await asyncio.Event().wait()


async def _aiosmtpd() -> int:
    library = importlib.import_module("aiosmtpd.smtp")
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: library.SMTP(Accepting(), hostname="mx.test"), "127.0.0.1", 0)
    port: int = listener.sockets[0].getsockname()[1]
    return port


async def _maildrill(stack: contextlib.ExitStack) -> int:
    from maildrill.cli.system_clock import SystemClock  # noqa: PLC0415 - stock aiosmtpd runs without all this
    from maildrill.fakeserver.journal.journal import Journal  # noqa: PLC0415
    from maildrill.fakeserver.server import FakeServer  # noqa: PLC0415
    from maildrill.fakeserver.text.script_file import read_script  # noqa: PLC0415
    from maildrill.smtp.collecting import collecting_seldom  # noqa: PLC0415

    stack.enter_context(collecting_seldom())  # as `maildrill serve` does
    script = read_script(SCRIPT.read_text(encoding="utf-8"), SCRIPT.name)
    journal = Journal(keep=KEEP)
    _, port = await FakeServer(script, clock=SystemClock(), journal=journal, keep_bodies=False).start()
    return port


@contextlib.contextmanager
def running(kind: str) -> Iterator[int]:
    """Start a server in a process of its own; the value is its port."""
    port = 0
    if kind == "smtp-sink":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [tool("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "100"]
    else:
        command = [sys.executable, __file__, "--server", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if kind != "smtp-sink" and process.stdout is not None:
                port = int(process.stdout.readline())
            _await(port)
            yield port
        finally:
            process.kill()


def _await(port: int) -> None:
    """Return once somebody listens."""
    end = time.monotonic() + READY
    while time.monotonic() < end:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
    sys.exit(f"nobody listens on port {port}")


def tool(name: str) -> str:
    """Return where a tool of Postfix's is."""
    found = shutil.which(name, path=POSTFIX)
    if found is None:
        sys.exit(f"{name} is not here: it comes with Postfix (Debian and Ubuntu: apt-get install postfix)")
    return found


def compare(kinds: Sequence[str], rounds: int, load: Load) -> bool:
    """Measure all kinds in turn, print what came out; returns whether the targets were reached."""
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    with contextlib.ExitStack() as servers:
        ports = {kind: servers.enter_context(running(kind)) for kind in kinds}
        for kind in kinds:
            replace(load, messages=load.messages // 10 + 1).send(ports[kind])  # warms up, and is not counted
        for _ in range(rounds):
            for kind in kinds:
                rates[kind].append(load.send(ports[kind]))
    print(f"\n{rounds} rounds of {load}")
    print(f"{'':18}{'messages/s: min':>16}{'median':>8}{'max':>8}{'times aiosmtpd: min':>24}{'median':>8}{'max':>8}")
    reached = True
    for kind in kinds:
        ratios = [rate / stock for rate, stock in zip(rates[kind], rates[KINDS[0]], strict=True)]
        line = f"{kind:18}{_spread(rates[kind], 16, 0)}{_spread(ratios, 24, 2)}"
        if load.stay and kind in TARGETS:
            well = statistics.median(ratios) >= TARGETS[kind]
            reached = reached and well
            line += f"  {'reached' if well else 'MISSED'}: {TARGETS[kind]}"
        print(line)
    return reached


def _spread(numbers: Sequence[float], width: int, digits: int) -> str:
    least, middle, most = min(numbers), statistics.median(numbers), max(numbers)
    return f"{least:{width}.{digits}f}{middle:8.{digits}f}{most:8.{digits}f}"


def main() -> None:
    """Read the arguments; exit with 1 where a target was missed."""
    parser = argparse.ArgumentParser(description="Messages a second, side by side: min, median and max of all rounds.")
    parser.add_argument("--server", choices=KINDS[:-1], help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--messages", type=int, default=2000, help="to each server in each round")
    parser.add_argument("--sessions", type=int, default=10, help="at a time")
    parser.add_argument("--octets", type=int, default=2048, help="of a message")
    parser.add_argument("--only", default=",".join(KINDS), help="these kinds, by commas; and aiosmtpd")
    chosen = parser.parse_args()
    if chosen.server:
        uvloop = chosen.server.endswith("+uvloop")
        with asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop if uvloop else None) as run:
            run.run(serve(chosen.server))
    kinds = [kind for kind in KINDS if kind in (KINDS[0], *chosen.only.split(","))]
    if importlib.util.find_spec("uvloop") is None:
        print("uvloop is not here (pip install uvloop): left out")
        kinds = [kind for kind in kinds if not kind.endswith("+uvloop")]
    loads = (Load(chosen.messages, chosen.octets, chosen.sessions, stay) for stay in (True, False))
    results = [compare(kinds, chosen.rounds, load) for load in loads]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
