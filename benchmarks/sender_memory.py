"""What the sender's memory and its ledger cost for a long list: read, checked against the template, enrolled, then
pages under lease, tried and concluded, and the summary.

Run: python benchmarks/sender_memory.py [RECIPIENTS] [--durability power|process|none]. Prints RSS as it goes: it must
not grow with the list. The wire is left out: what is measured is everything that knows all recipients.
"""  # noqa: D205 - one sentence

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from pathlib import Path

from maildrill.sender.attempt import Ruling, Scope, Verdict
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.desk import Desk, Try
from maildrill.sender.ledger import Durability, Intent, open_ledger
from maildrill.sender.lists import spool_list
from maildrill.sender.merge.preflight import preflight
from maildrill.sender.plan import Waiting
from maildrill.sender.queues import Queues
from maildrill.sender.summary import summarise
from maildrill.smtp import Reply, Stage

#: Sessions that write down intents and conclusions at the same time, and recipients in each transaction.
SESSIONS, BATCH = 20, 1


def _written(file: Path, count: int) -> None:
    """Write a list; one address in a thousand is there twice."""
    with file.open("w") as out:
        out.write("email,name\n")
        for number in range(count):
            out.write(f"guest{number}@club{number % 1000}.example,Guest {number}\n")
            if number % 1000 == 0:
                out.write(f"GUEST{number // 2}@club{number // 2 % 1000}.example,Again\n")


def _campaign(file: Path) -> Campaign:
    return Campaign(
        name="memory",
        sender=Mailbox("", "office@club.example"),
        subject="Hello",
        account=Account(host="mx.example"),
        list_file=file,
        email="email",
        text="Hello [name]!",
        html=None,
        attachments=(),
        retry=RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=86400.0),
        limits=Limits(),
    )


def _rss() -> str:
    """Return the resident set now, and its peak, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"RSS {pages * resource.getpagesize() / 2**20:4.0f} MB, peak {peak:4.0f} MB"


async def _transact(desk: Desk, batch: list[Waiting], now: float) -> None:
    keys = tuple(waiting.key for waiting in batch)
    intent = Intent(keys=keys, session=1, transaction=1, started=now, at=now, body_hash="0" * 32)
    await desk.intend(intent, [waiting.address for waiting in batch])
    reply = Reply(250, ("2.0.0 queued",))
    rulings = [
        Ruling(
            recipient=waiting.address,
            verdict=Verdict.DELIVERED,
            scope=Scope.MESSAGE,
            stage=Stage.DOT,
            row="dot-2yz",
            reply=reply,
        )
        for waiting in batch
    ]
    await desk.conclude(batch, rulings, Try(1, 1, now, now))


async def _lane(desk: Desk, now: float, done: list[int]) -> None:
    while True:
        desk.fill(now)
        batch = desk.take(desk.queues[""], now, BATCH)
        if not batch:
            return
        await _transact(desk, batch, now)
        done[0] += len(batch)


async def _send(desk: Desk, now: float, count: int) -> None:
    done, begun = [0], time.perf_counter()
    lanes = [asyncio.create_task(_lane(desk, now, done)) for _ in range(SESSIONS)]
    shown = 0
    while not all(lane.done() for lane in lanes):
        await asyncio.sleep(0.2)  # noqa: TID251 - real time is what is measured
        if done[0] - shown >= count // 10:
            shown = done[0]
            print(f"{shown:>9} sent   {_rss()}   {shown / (time.perf_counter() - begun):6.0f}/s", flush=True)
    await asyncio.gather(*lanes)
    print(f"{done[0]:>9} sent   {_rss()}   {done[0] / (time.perf_counter() - begun):6.0f}/s")


def main() -> None:
    """Measure, and say what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("recipients", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--durability", type=Durability, default=Durability.POWER)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign = _campaign(Path(folder, "list.csv"))
        _written(campaign.list_file, asked.recipients)
        print(f"{'':>14}   {_rss()}   durability {asked.durability.value}, {SESSIONS} sessions")
        begun = time.perf_counter()
        listing = spool_list(campaign)
        aside = sum(1 for _ in listing.set_aside)
        speed = asked.recipients / (time.perf_counter() - begun)
        print(f"{asked.recipients:>9} read   {_rss()}   {speed:6.0f}/s, {aside} set aside", flush=True)
        begun = time.perf_counter()
        preflight(campaign, listing)
        speed = asked.recipients / (time.perf_counter() - begun)
        print(f"{asked.recipients:>9} checked {_rss()}  {speed:6.0f}/s", flush=True)
        ledger = open_ledger(Path(folder, "memory.ledger"), campaign, at=0.0, durability=asked.durability)
        with ConnectionLog() as log:
            desk = Desk(campaign, ledger, log, Queues())
            begun = time.perf_counter()
            desk.open(listing.recipients, 0.0)
            speed = asked.recipients / (time.perf_counter() - begun)
            print(f"{asked.recipients:>9} listed {_rss()}   {speed:6.0f}/s", flush=True)
            asyncio.run(_send(desk, 1.0, asked.recipients))
        found = summarise(
            campaign,
            ledger.recipients(),
            ledger.attempts(),
            listing.set_aside,
            connections=SESSIONS,
            virtual_seconds=0.0,
            real_seconds=0.0,
        )
        print(f"{found.total.recipients:>9} told   {_rss()}")
        ledger.close()


if __name__ == "__main__":
    main()
