"""What a drill of a long list costs: seconds, megabytes, delivery attempts a second, with all oracles on.

100,000 recipients, a message for each, five virtual days (week.toml). Time is told twice: by the clock on the wall,
which others who use the machine make longer, and by the processor's time of this process, which only those do who share
its core. What it would have been at the best pace of the core is estimated (see pace.py), and decides nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pace import Pace
from sampling import Sampling

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Drilled, Plan, rehearse
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, Mode, RetryPolicy
from maildrill.sender.lists import RecipientList, Row

SCRIPT = Path(__file__).resolve().parent / "week.toml"
#: What a drill of this many may take.
RECIPIENTS, SECONDS, MEGABYTES = 100_000, 120.0, 500.0
#: Attempts a second of the processor's time.
ATTEMPTS = 2000.0
#: Of a thousand recipients so many are at each domain whose mail does not simply go through.
ODD = {"grey": 50, "full": 15, "gone": 20, "never": 1, "busy": 5, "lost": 5}
_USUAL = ("north", "south", "harbour")
_TEXT = """Dear [Name|guest],

the festival begins on Friday at noon, at the harbour as always. Your seat is kept until eight.
Boats go every ten minutes, bicycles may come along, dogs may not. There is bread, fish and music.

{lines}
The festival office
"""


def domain_of(number: int) -> str:
    """Return where a recipient is: the odd domains are spread evenly over the list."""
    place = number * 389 % 1000
    for name, count in ODD.items():
        if place < count:
            return f"{name}.example"
        place -= count
    return f"{_USUAL[number % 3]}.example"


def listed(count: int) -> RecipientList:
    """Return a list of so many."""
    addresses = (f"guest{number}@{domain_of(number)}" for number in range(count))
    rows = (Row(number, to, {"Email": to, "Name": f"Guest {number}"}) for number, to in enumerate(addresses, 2))
    return RecipientList(tuple(rows), (), ("Email", "Name"))


def campaign(mode: Mode) -> Campaign:
    """Return a campaign that sends a letter of a kilobyte."""
    text = _TEXT.format(lines="There is more to be said of the programme than fits on a line.\n" * 6)
    return Campaign(
        name="week",
        sender=Mailbox("Harbour Festival", "festival@harbour.example"),
        subject="Your seat",
        account=Account(host="mx.relay.example"),
        list_file=Path("guests.csv"),
        email="Email",
        text=text if mode is Mode.MERGE else text.replace("[Name|guest]", "guest"),
        html=None,
        attachments=(),
        mode=mode,
        retry=RetryPolicy(schedule=(300.0, 600.0, 1800.0, 3600.0, 14400.0), cap=14400.0, jitter=0.1, lifetime=432000.0),
        limits=Limits(connections=20, messages_per_connection=1000),
    )


def main() -> None:
    """Read the arguments, print what it came to; exit with 1 where it takes more than it may."""
    parser = argparse.ArgumentParser(description="A drill of a long list: seconds, megabytes, attempts a second.")
    parser.add_argument("--recipients", type=int, default=RECIPIENTS)
    parser.add_argument("--mode", type=Mode, default=Mode.MERGE, help="merge: a message for each; batch: one for all")
    parser.add_argument("--profile", action="store_true", help="say in which functions the time goes")
    parser.add_argument("--no-pace", action="store_true", help="do not measure the core's pace (for valgrind)")
    chosen = parser.parse_args()
    script = read_script(SCRIPT.read_text(encoding="utf-8"), SCRIPT.name)
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(
            campaign=campaign(chosen.mode),
            script=script,
            recipients=listed(chosen.recipients),
            ledger=Path(folder, "week.ledger"),
        )
        pace = Pace()
        wall, processor = time.perf_counter(), time.process_time()
        with (
            Sampling() if chosen.profile else contextlib.nullcontext() as sampling,
            contextlib.nullcontext() if chosen.no_pace else pace,
        ):
            drilled = rehearse(plan)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    if sampling is not None:
        print(sampling.table())
    report(chosen.recipients, drilled, Spent(wall - pace.spent, processor - pace.spent, pace.share))


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock on the wall and of the processor's time. share: of the core's best pace; None: unknown."""

    wall: float
    processor: float
    share: float | None


def report(recipients: int, drilled: Drilled, spent: Spent) -> None:
    """Say what it came to; ends the process."""
    summary, attempts = drilled.summary, len(drilled.evidence.attempts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    states = ", ".join(f"{count} {state.value}" for state, count in summary.total.states.items() if count)
    print(
        f"{recipients} recipients, {attempts} attempts in {summary.virtual_seconds / 86400:.1f} virtual days: {states}"
    )
    print(f"violations: {len(summary.violations)}")
    share = recipients / RECIPIENTS  # of time and room; a small drill has the interpreter's own 60 MB, too
    rate = attempts / spent.processor
    held = [
        _told("seconds by the wall", spent.wall, SECONDS * share, spent.wall <= SECONDS * share),
        _told("seconds of the processor", spent.processor, SECONDS * share, spent.processor <= SECONDS * share),
        _told("megabytes at the most", peak, MEGABYTES, peak <= MEGABYTES),
        _told("attempts a second, of the processor", rate, ATTEMPTS, rate >= ATTEMPTS),
    ]
    if spent.share is not None:
        print(f"{'percent of the best pace of the core':36}{spent.share * 100:10.1f}")
        print(f"{'attempts a second at that, estimated':36}{rate / spent.share:10.1f}")
    sys.exit(0 if all(held) and not summary.violations else 1)


def _told(what: str, found: float, goal: float, well: bool) -> bool:  # noqa: FBT001 - said by its place
    print(f"{what:36}{found:10.1f}{goal:10.1f}  {'reached' if well else 'MISSED'}")
    return well


if __name__ == "__main__":
    main()
