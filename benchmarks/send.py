"""How many messages a second: smtplib, aiosmtplib, Postfix's smtp-source and maildrill's sender, in one run.

All of them send the same number of messages of the same size to Postfix's smtp-sink on loopback. smtplib has one
connection, the others as many as asked for. maildrill has its ledger and both logs on, at each level of durability, and
merges each message by itself; on uvloop where that is installed, as `maildrill send` does, and on asyncio's own loop,
too; in one process, and in two (`--processes 2`), these also over three times as many connections: all that wait for
the disk at the same time share a flush. aiosmtplib writes nothing down; it is measured with the octets of one message,
again and again (on both loops, and over as many connections), and with a message of its own for each recipient, made
with the standard library: the work that maildrill does. Rounds go round the senders, so that a machine that is busy is
busy for each; what counts is the ratio within a round.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import resource
import smtplib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from serve import LIMIT, running, tool

from maildrill.sender.attempt import State
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.ledger import Durability
from maildrill.sender.lists import Row
from maildrill.sender.merge import Template
from maildrill.sender.message import Composer, message_id

if TYPE_CHECKING:
    from maildrill.cli.crew import Crew
    from maildrill.sender.connection_log import ConnectionLog
    from maildrill.sender.ledger import Ledger
    from maildrill.sender.runner import RunSummary

_T = TypeVar("_T")
FROM = "news@shop.test"
#: What the others are measured against.
STOCK = "aiosmtplib"
#: The same work as maildrill's: a message for each recipient.
MERGING = f"{STOCK}, merging"
#: What maildrill is to reach, ledger and logs on, times aiosmtplib, without any.
TARGET = 1.0
DEFAULT = Durability.POWER
#: On the loop that is not the usual one.
FAST, SLOW = ", uvloop", ", asyncio"
_OURS = tuple(f"maildrill {level.value}" for level in Durability)
#: By a crew of two, which takes no ledger that is one transaction.
TWO = ", 2 processes"
_BY_TWO = tuple(f"{ours}{TWO}" for ours in _OURS[:2])
#: Over so many times as many connections.
MORE = 3
MANY = f", {MORE} x connections"
_BY_MANY = (f"{STOCK}{MANY}", *(f"{ours}{MANY}" for ours in _BY_TWO))
KINDS = ("smtplib", STOCK, f"{STOCK}{FAST}", MERGING, "smtp-source", *_OURS, f"{_OURS[0]}{SLOW}", *_BY_TWO, *_BY_MANY)
#: Who is to reach it beside whom: as it comes, beside the same work; on all of two cores, beside octets that are ready,
#: where a flush is for many connections, and where there is none.
TARGETS = {
    f"maildrill {DEFAULT.value}": MERGING,
    f"maildrill {DEFAULT.value}{TWO}{MANY}": STOCK,
    f"maildrill {Durability.PROCESS.value}{TWO}": STOCK,
}
_LINE = "So much is to be said, and it is said in lines of seventy octets each.\n"


@dataclass(frozen=True, slots=True)
class Load:
    """So many messages of about so many octets, over so many connections (smtplib: one)."""

    messages: int
    octets: int
    connections: int

    def __str__(self) -> str:
        return f"{self.messages} messages of {self.octets} octets, {self.connections} connections (smtplib: 1)"


@dataclass(frozen=True, slots=True)
class Result:
    """What a round of one sender took: seconds by the clock on the wall, and of the processor's time."""

    wall: float
    processor: float


def campaign(load: Load, port: int) -> Campaign:
    """Return a campaign whose messages have so many octets."""
    head = 600  # of which the header and the first line are
    return Campaign(
        name="bench",
        sender=Mailbox("The shop", FROM),
        subject="News for [Name|you]",
        account=Account(host="127.0.0.1", port=port),
        list_file=Path("list.csv"),
        email="Email",
        text=f"Dear [Name|reader],\n{_LINE * max((load.octets - head) // len(_LINE), 1)}",
        html=None,
        attachments=(),
        retry=RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=86400.0),
        limits=Limits(connections=load.connections, messages_per_connection=load.messages),
    )


def row(number: int) -> Row:
    """Return a line of the list."""
    address = f"guest{number}@club{number % 10}.test"
    return Row(number, address, {"Email": address, "Name": f"Guest {number}"})


def letter(load: Load) -> bytes:
    """Return the message that the others send again and again: maildrill's to the first recipient."""
    made = campaign(load, 25)
    return Composer(made).compose(row(2), message_id=message_id(made, row(2)), date=0.0).whole()


def smtplib_sends(load: Load, port: int) -> Callable[[], None]:
    """One message after the other over one connection."""
    octets = letter(load)

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="bench.test") as client:
            for number in range(load.messages):
                client.sendmail(FROM, [row(number).address], octets)

    return send


def merged(template: Template, to: Row) -> EmailMessage:
    """Return the message for a recipient, as the standard library makes it."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = FROM, to.address, f"News for {to.fields['Name']}"
    message.set_content(template.render(to.fields))
    return message


def aiosmtplib_sends(load: Load, port: int, *, merging: bool = False, fast: bool = False) -> Callable[[], None]:
    """So many clients, each of which sends its share over one connection."""
    library = importlib.import_module("aiosmtplib")
    octets = letter(load)
    template = Template.parse(campaign(load, port).text or "", "text")
    numbers = iter(range(load.messages))

    async def client() -> None:
        async with library.SMTP(hostname="127.0.0.1", port=port, start_tls=False, local_hostname="bench.test") as smtp:
            for number in numbers:
                to = row(number)
                if merging:
                    await smtp.send_message(merged(template, to))
                else:
                    await smtp.sendmail(FROM, [to.address], octets)

    async def everybody() -> None:
        await asyncio.gather(*(client() for _ in range(load.connections)))

    return lambda: _run(everybody(), fast=fast)


def _run(work: Coroutine[Any, Any, _T], *, fast: bool) -> _T:
    """Run it to its end, on uvloop if that is wanted and installed."""
    from maildrill.cli.loop import best_loop  # noqa: PLC0415 - the other senders run without all this

    with asyncio.Runner(loop_factory=best_loop if fast else asyncio.new_event_loop) as runner:
        return runner.run(work)


def maildrill_sends(
    load: Load, port: int, durability: Durability, folder: Path, *, fast: bool = True
) -> Callable[[], None]:
    """A whole run as `maildrill send` makes it: list into the ledger, messages merged, two logs."""
    from maildrill.cli.system_clock import SystemClock  # noqa: PLC0415 - the other senders run without all this
    from maildrill.sender.connection_log import ConnectionLog  # noqa: PLC0415
    from maildrill.sender.ledger import open_ledger  # noqa: PLC0415
    from maildrill.sender.log_sinks import JsonLines, TextFile  # noqa: PLC0415
    from maildrill.sender.runner import Runner  # noqa: PLC0415
    from maildrill.smtp.collecting import collecting_seldom  # noqa: PLC0415

    made, clock = campaign(load, port), SystemClock()
    rows = [row(number) for number in range(load.messages)]

    def send() -> None:
        ledger = open_ledger(folder / "bench.ledger", made, at=clock.now(), durability=durability)
        sinks = JsonLines(folder / "events.jsonl"), TextFile(folder / "connection.log")
        with ConnectionLog(*sinks, eager=True) as log, collecting_seldom():  # as `maildrill send` does
            done = _run(Runner(made, rows, Composer(made), ledger, clock=clock, log=log).run(), fast=fast)
        ledger.close()
        if done.states.get(State.DELIVERED, 0) != load.messages:
            sys.exit(f"maildrill delivered {done.states}")

    return send


def crew_sends(load: Load, port: int, durability: Durability, folder: Path, *, processes: int) -> Callable[[], None]:
    """The same by several processes, the connections shared out to them."""
    from maildrill.cli.crew_run import run_crew  # noqa: PLC0415 - the other senders run without all this
    from maildrill.cli.hand import Task, begin_hands  # noqa: PLC0415
    from maildrill.cli.system_clock import SystemClock  # noqa: PLC0415
    from maildrill.sender.connection_log import ConnectionLog  # noqa: PLC0415
    from maildrill.sender.content import PLAIN  # noqa: PLC0415
    from maildrill.sender.ledger import open_ledger  # noqa: PLC0415
    from maildrill.sender.log_sinks import JsonLines, TextFile  # noqa: PLC0415

    made, clock = campaign(load, port), SystemClock()
    rows = [row(number) for number in range(load.messages)]
    events, text = folder / "events.jsonl", folder / "connection.log"
    task = Task(
        campaign=made,
        composer=Composer(made),
        ledger=folder / "bench.ledger",
        events=events,
        text=text,
        durability=durability,
        local_hostname="[127.0.0.1]",
    )

    async def run(crew: Crew, ledger: Ledger, log: ConnectionLog) -> RunSummary:
        return await run_crew(crew, made, rows, ledger, clock=clock, log=log, stop=asyncio.Event(), caution=PLAIN)

    def send() -> None:
        with begin_hands(processes, task) as crew:
            ledger = open_ledger(task.ledger, made, at=clock.now(), durability=durability)
            with ConnectionLog(JsonLines(events), TextFile(text), eager=True) as log:
                done = _run(run(crew, ledger, log), fast=True)
            ledger.close()
        if done.states.get(State.DELIVERED, 0) != load.messages:
            sys.exit(f"maildrill delivered {done.states}")

    return send


def measure(kind: str, load: Load, port: int) -> Result:
    """Send it all in this process."""
    if kind.endswith(MANY):
        kind, load = kind.removesuffix(MANY), replace(load, connections=load.connections * MORE)
    with tempfile.TemporaryDirectory() as folder:
        if kind == "smtplib":
            send = smtplib_sends(load, port)
        elif kind.startswith(STOCK):
            send = aiosmtplib_sends(load, port, merging=kind == MERGING, fast=kind.endswith(FAST))
        elif kind.endswith(TWO):
            level = Durability(kind.removesuffix(TWO).partition(" ")[2])
            send = crew_sends(load, port, level, Path(folder), processes=2)
        else:
            level = Durability(kind.removesuffix(SLOW).partition(" ")[2])
            send = maildrill_sends(load, port, level, Path(folder), fast=not kind.endswith(SLOW))
        wall, processor = time.perf_counter(), time.process_time() + _of_children()
        send()
        return Result(time.perf_counter() - wall, time.process_time() + _of_children() - processor)


def apart(kind: str, load: Load, port: int) -> Result:
    """Send it all in a process of its own, whose beginning does not count."""
    if kind == "smtp-source":
        return _smtp_source(load, port)
    numbers = [str(load.messages), str(load.octets), str(load.connections)]
    command = [sys.executable, __file__, "--sender", kind, "--port", str(port), "--load", *numbers]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT)
    return Result(*json.loads(done.stdout))


def _smtp_source(load: Load, port: int) -> Result:
    options = [f"-s{load.connections}", f"-m{load.messages}", f"-l{len(letter(load))}", "-d"]
    envelope = ["-f", FROM, "-t", "guest1@club1.test"]
    before, began = _of_children(), time.perf_counter()
    with subprocess.Popen([tool("smtp-source"), *options, *envelope, f"127.0.0.1:{port}"]) as process:
        limit = threading.Timer(LIMIT, process.kill)
        limit.start()
        code = process.wait()
        wall = time.perf_counter() - began
        limit.cancel()
    if code:
        sys.exit(f"smtp-source ended with {code}")
    return Result(wall, _of_children() - before)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(kinds: Sequence[str], rounds: int, load: Load) -> bool:
    """Measure all senders in turn, print what came out; returns whether the target was reached."""
    found: dict[str, list[Result]] = {kind: [] for kind in kinds}
    with running("smtp-sink") as port:
        for _ in range(rounds):
            for kind in kinds:
                found[kind].append(apart(kind, load, port))
    print(f"{rounds} rounds of {load}, to smtp-sink; µs: of the processor's time, for each message")
    print(f"{'':46}{'messages/s: min':>16}{'median':>8}{'max':>8}{'µs':>7}{'times aiosmtplib':>18}{'merging':>9}")
    reached = True
    for kind in kinds:
        rates = [load.messages / one.wall for one in found[kind]]
        spent = statistics.median(one.processor for one in found[kind]) / load.messages * 1e6
        plain, merging = (_times(found[kind], found[other]) for other in (STOCK, MERGING))
        line = f"{kind:46}{min(rates):16.0f}{statistics.median(rates):8.0f}{max(rates):8.0f}{spent:7.0f}"
        line += f"{plain:18.2f}{merging:9.2f}"
        if kind in TARGETS:
            there = _times(found[kind], found[TARGETS[kind]]) >= TARGET
            reached = reached and there
            line += f"  {'reached' if there else 'MISSED'}: {TARGET} times {TARGETS[kind]}"
        print(line)
    return reached


def _times(results: Sequence[Result], others: Sequence[Result]) -> float:
    """Return how many times as fast the results are, at the median of the rounds."""
    return statistics.median(other.wall / one.wall for one, other in zip(results, others, strict=True))


def main() -> None:
    """Read the arguments; exit with 1 where the target was missed."""
    parser = argparse.ArgumentParser(description="Messages a second, side by side, in rounds.")
    parser.add_argument("--sender", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=int, nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--messages", type=int, default=6000, help="by each sender in each round")
    parser.add_argument("--octets", type=int, default=2048, help="of a message")
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--only", default=";".join(KINDS), help=f"these senders, by semicolons; and {STOCK}")
    chosen = parser.parse_args()
    if chosen.sender:
        result = measure(chosen.sender, Load(*chosen.load), chosen.port)
        print(json.dumps([result.wall, result.processor]))
        return
    kinds = [kind for kind in KINDS if kind in (STOCK, MERGING, *chosen.only.split(";"))]
    sys.exit(0 if compare(kinds, chosen.rounds, Load(chosen.messages, chosen.octets, chosen.connections)) else 1)


if __name__ == "__main__":
    main()
