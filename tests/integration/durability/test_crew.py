"""`maildrill send --processes 2`, as processes, on a real socket: all together they do what one would.

That no process is left behind each story sees by the way: hands have the sender's stdout and stderr, and whoever waits
for their end waits for all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.journal.journal import Journal
from maildrill.sender.attempt import State
from maildrill.sender.ledger import read_ledger
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_json import read_events
from maildrill.sender.share import Share

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can fork here")
Play = Callable[..., Any]

TWO = {"processes": 2}
DOMAINS = ("good.example", "good.example", "grey.example", "gone.example")
GUESTS = tuple(f"guest{number}@{DOMAINS[number % 4]}" for number in range(40))
SCRIPT = (Path(__file__).parents[2] / "data" / "domains.toml").read_text("utf-8")
HELD = '[[rule]]\nat = "dot"\nwait = "1h"\n'
SLOW = '[[rule]]\nat = "dot"\nwait = "50ms"\n'
#: What of a report depends on the pace, or on how many processes there are.
PACE = {"virtual_seconds", "real_seconds", "connections", "relay"}


def events(site: Any, kind: str = "") -> list[LogEvent]:
    """Return what the log has, of one kind."""
    return [event for event in read_events(site.file(".events.jsonl")) if kind in ("", event.kind)]


def most_at_once(journal: Journal) -> int:
    """Return how many sessions were open at once, as the server saw it."""
    moves = sorted([(one.opened, 1) for one in journal.sessions] + [(one.closed_at, -1) for one in journal.sessions])
    return max(accumulate(move for _, move in moves))


def hand_of(site: Any, address: str) -> int:
    """Return the place of the process that has a recipient."""
    with closing(read_ledger(site.file(".ledger"))) as ledger:
        key = next(one.key for one in ledger.recipients() if one.address == address)
    return 0 if Share(0, 2).has(key) else 1


def is_quiet(errors: str) -> bool:
    """Whether nothing broke that nobody told of."""
    return not any(word in errors for word in ("Traceback", "Exception ignored", "never retrieved", "Warning"))


# What they come to


@pytest.mark.parametrize("durability", ["power", "process"])
def test_two_do_what_one_would(durability: str, play: Play) -> None:
    """Greylisted, refused, taken: the same report, one pair of logs, nobody twice; a second run has nothing to do."""
    reports: list[dict[str, Any]] = []

    async def story(site: Any) -> None:
        first = await site.run(*site.words, "--json")
        begun = len(site.journal.sessions)
        second = await site.run(*site.words, "--json")
        reports.extend(map(json.loads, (first.output, second.output)))

        assert (first.code, second.code) == (1, 1), first.errors + second.errors
        assert (reports[-2]["connections"], reports[-1]["connections"]) == (begun, 0)
        assert len(site.journal.sessions) == begun
        assert is_quiet(first.errors + second.errors)
        assert site.wrong(set()) == []
        assert [event.number for event in events(site)] == list(range(1, len(events(site)) + 1))
        assert most_at_once(site.journal) <= 3

    for processes in (1, 2):
        site = play(
            story,
            folder=f"{processes} processes",
            script=SCRIPT,
            guests=GUESTS,
            connections=3,
            durability=durability,
            processes=processes,
        )

    alone, _, crew, again = ({name: what for name, what in one.items() if name not in PACE} for one in reports)
    assert crew == again | {"attempts": crew["attempts"]} == alone
    assert {path.name for path in site.folder.iterdir()} == {
        *("spring.toml", "list.csv", "spring.events.jsonl", "spring.connection.log"),
        *("spring.ledger", "spring.ledger-lease", "spring.ledger-crew"),
    }
    assert site.file(".ledger-crew").stat().st_size == 0
    text = site.file(".connection.log").read_text("utf-8")
    assert text.count("status=sent (250 ") == 30
    assert text.count("status=bounced") == 10


def test_one_takes_over_from_two(play: Play) -> None:
    """How many processes there are is a matter of the run: what some left others send."""

    async def story(site: Any) -> None:
        sender = await site.begin()
        await site.until(lambda: len(site.journal.messages) > 3)
        sender.send_signal(signal.SIGINT)
        await sender.communicate()
        site.processes = 3
        site.script = ""
        second = await site.send()

        assert (sender.returncode, second.code) == (75, 0), second.errors
        assert site.wrong(set()) == []

    play(story, **TWO, guests=tuple(f"guest{number}@x.example" for number in range(60)), script=SLOW, connections=3)


# Signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_they_wait_for_the_replies_under_way(number: signal.Signals, play: Play) -> None:
    """Ctrl-C, which all of a terminal's group get, or `kill` of the first: 75, nobody Unknown, the next run goes on."""

    async def story(site: Any) -> None:
        sender = await site.begin()
        await site.until(lambda: len(site.under_way()) == 2)
        group = number is signal.SIGINT
        for answer in ("stopping: asked to stop", "waiting for the reply to a message that has left"):
            os.killpg(sender.pid, number) if group else sender.send_signal(number)
            await heard(sender, answer)
        site.gate.open()
        _, errors = await sender.communicate()

        assert (sender.returncode, is_quiet(errors.decode())) == (75, True), errors
        assert len(site.journal.messages) == 2
        assert [event.fields["reason"] for event in events(site, "run.stopping")] == ["asked to stop"]
        assert [event.fields["reason"] for event in events(site, "run.ended")] == ["stopped"]

        second = await site.send()

        assert second.code == 0, second.errors
        assert site.wrong(set()) == []

    play(story, **TWO, script=HELD)


async def heard(sender: asyncio.subprocess.Process, words: str) -> None:
    """Wait until the sender says so on stderr."""
    assert sender.stderr is not None
    while words.encode() not in (line := await sender.stderr.readline()):
        assert line, f"it ended without saying {words!r}"


def test_signals_are_for_the_first_process_alone(play: Play) -> None:
    """A hand that is asked to end, or hears Ctrl-C, goes on."""

    async def story(site: Any) -> None:
        sender = await site.begin()
        await site.until(lambda: len(site.under_way()) == 2)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(site.hand(0), number)
            os.kill(site.hand(1), number)
        site.gate.open()
        _, errors = await sender.communicate()

        assert (sender.returncode, is_quiet(errors.decode())) == (0, True), errors
        assert site.wrong(set()) == []

    play(story, **TWO, script=HELD)


def midst(where: str, signals: str) -> str:
    """Return the code that has signals come in the midst of a fork."""
    return f"""\
import os, signal
os.register_at_fork({where}=lambda: [os.kill(os.getpid(), one) for one in [{signals}]])
"""


def test_a_hand_is_deaf_from_its_first_moment(play: Play) -> None:
    """Signals that find it before it is ready neither end it, nor have it say anything."""

    async def story(site: Any) -> None:
        sent = await site.send(midst("after_in_child", "signal.SIGINT, signal.SIGTERM"))

        assert (sent.code, is_quiet(sent.errors)) == (0, True), sent.errors
        assert site.wrong(set()) == []

    play(story, **TWO)


def test_no_wish_to_stop_is_lost_in_a_fork(play: Play) -> None:
    """Ctrl-C in the midst of it ends the run before it has begun: 130, no process is left, nothing was sent."""

    async def story(site: Any) -> None:
        sent = await site.send(midst("after_in_parent", "signal.SIGINT"))

        assert (sent.code, sent.errors.strip()) == (130, "interrupted")
        assert site.journal.sessions == []

    play(story, **TWO)


# kill -9


def late_ones(count: int, late: int) -> tuple[str, ...]:
    """Return so many recipients; the one that is each process's number `late` has another domain."""
    found, had = list[str](), Counter[bool]()
    for key in range(1, count + 1):
        first = Share(0, 2).has(key)
        had[first] += 1
        found.append(f"guest{key}@{'late' if had[first] == late else 'soon'}.example")
    return tuple(found)


@pytest.mark.parametrize("place", [0, 1])
def test_a_hand_that_is_killed_stops_the_others(place: int, play: Play) -> None:
    """75, with which and how; Unknown is exactly whose reply it waited for, and nobody gets it twice (I37, I38)."""

    async def story(site: Any) -> None:
        sender = await site.begin()
        await site.until(lambda: len(site.under_way() & late) == 2)
        lost = {one for one in late if hand_of(site, one) == place}
        pid = site.hand(place)
        os.kill(pid, signal.SIGKILL)
        site.gate.open()
        _, errors = await sender.communicate()
        told, doubted = errors.decode(), site.doubted()
        waiting = [one for one, state in site.states().items() if state is State.PENDING]

        assert (sender.returncode, is_quiet(told)) == (75, True), told
        assert f"one of the processes (process {place + 1}, pid {pid}) was killed by SIGKILL" in told
        assert "Run again to go on" in told
        assert (len(lost), doubted) == (1, lost)
        assert len(waiting) > 10  # the other has stopped, too
        assert tried_by_log(site) == tried_by_ledger(site)  # also those of the dead

        second = await site.send()

        assert (second.code, site.wrong(lost)) == (1, []), second.errors

    guests = late_ones(50, 4)
    late = {one for one in guests if one.endswith("@late.example")}
    script = SLOW.replace("50ms", "25ms") + HELD.replace("rule]]", 'rule]]\ndomain = "late.example"')
    play(story, **TWO, guests=guests, script=script.replace("rule]]", 'rule]]\ndomain = "soon.example"', 1))


def tried_by_log(site: Any) -> Counter[str]:
    """Return how often each was tried, as the log has it."""
    return Counter(str(event.fields["recipient"]) for event in events(site, "attempt"))


def tried_by_ledger(site: Any) -> Counter[str]:
    """Return how often each was tried, as the ledger has it."""
    with closing(read_ledger(site.file(".ledger"))) as ledger:
        return Counter(one.recipient for one in ledger.attempts())


def test_hands_end_in_order_when_the_first_process_is_killed(play: Play) -> None:
    """What they have under way they write down; until then nobody else gets the ledger, and `status` says why."""

    async def story(site: Any) -> None:
        sender = await site.begin()
        await site.until(lambda: len(site.under_way()) == 2)
        served = site.under_way()
        sender.kill()
        second = await site.send()
        status = await site.run("status", "spring.toml", "--json")
        site.gate.open()
        _, errors = await sender.communicate()

        assert (second.code, "in use by another maildrill" in second.errors) == (78, True), second.errors
        assert ("they end by themselves" in second.errors, "Ctrl-C" in second.errors) == (True, False), second.errors
        assert json.loads(status.output)["sending"] is True
        assert is_quiet(errors.decode()), errors
        assert {one for one, state in site.states().items() if state is State.DELIVERED} == served
        assert site.doubted() == set()
        assert json.loads((await site.run("status", "spring.toml", "--json")).output)["sending"] is False

        third = await site.send()

        assert (third.code, site.wrong(set())) == (0, []), third.errors

    play(story, **TWO, script=HELD)


def test_a_lease_that_forgets_the_crew_is_found(play: Play) -> None:
    """The seeded defect: the first process is gone, so the ledger is anybody's, whatever its hands have under way."""
    forgetful = "from maildrill.sender.ledger import lease\nlease.check_crew = lambda ledger: None\n"

    async def story(site: Any) -> None:
        sender = await site.begin()
        await site.until(lambda: len(site.under_way()) == 2)
        sender.kill()
        site.processes = 1
        other = await site.start(*site.words, before=forgetful)
        await site.until(lambda: len(site.journal.sessions) > 2)
        site.gate.open()
        await sender.communicate()
        await other.communicate()

        assert site.wrong(set()) != []

    play(story, **TWO, script=HELD)


@pytest.mark.parametrize("whom", ["first", "hand", "hands"])
def test_who_is_killed_while_all_wait_leaves_nobody_behind(whom: str, play: Play) -> None:
    """Nobody is due for an hour: the others hear of it all the same, and nobody is in doubt."""

    async def story(site: Any) -> None:
        sender = await site.begin()
        await site.until(lambda: sum(bool(site.journal.asked(one)) for one in site.guests) == len(site.guests))
        sender.kill() if whom == "first" else os.kill(site.hand(0), signal.SIGKILL)
        if whom == "hands":
            os.kill(site.hand(1), signal.SIGKILL)
        _, errors = await sender.communicate()

        assert (sender.returncode, is_quiet(errors.decode())) == (-9 if whom == "first" else 75, True), errors
        assert site.doubted() == set()

    later = '[[rule]]\nat = "rcpt"\nreply = "450 4.2.0 later"\n'
    play(story, **TWO, script=later, schedule="1h")


# Content that is refused


def test_the_pause_of_one_is_everybodys(play: Play) -> None:
    """Those of one hand are refused, and the other stops for it: 65, and --resume goes on."""
    guests = tuple(f"guest{key}@{'bad' if Share(0, 2).has(key) else 'good'}.example" for key in range(1, 61))

    async def story(site: Any) -> None:
        first = await site.run(*site.words, "--json")
        report = json.loads(first.output)
        again = await site.send()

        assert (first.code, report["failed"], report["paused"]["recipients"]) == (65, 2, 2), first.errors
        assert report["pending"] > 30
        assert (again.code, "554 5.7.1 a listed link" in again.errors) == (65, True), again.errors
        assert [event.fields["reason"] for event in events(site, "run.ended")] == ["paused"]
        assert [event.fields["recipients"] for event in events(site, "campaign.paused")] == [2]

        resumed = await site.run(*site.words, "--resume")

        assert (resumed.code, site.wrong(set())) == (1, []), resumed.errors

    script = f'[[rule]]\nat = "dot"\ndomain = "bad.example"\ntimes = 2\nreply = "554 5.7.1 a listed link"\n{SLOW}'
    play(story, **TWO, guests=guests, script=script, more="pause_after = 2\n")


# What is wrong before anything is sent, and what cannot be written


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("list.csv", "Name\nAnn\n", "list.csv"),
        ("list.csv", "", "list.csv"),
        ("spring.toml", "nonsense", "spring.toml"),
        ("spring.ledger", "no ledger at all, but long enough to be read as one" * 20, "spring.ledger"),
        ("spring.events.jsonl", "no log\n", "spring.events.jsonl"),
    ],
)
def test_what_is_wrong_is_found_before_a_connection(file: str, text: str, why: str, play: Play) -> None:
    """78, with the file; the processes that were begun are gone."""

    async def story(site: Any) -> None:
        (site.folder / file).write_text(text)
        sent = await site.send()

        assert (sent.code, why in sent.errors, is_quiet(sent.errors)) == (78, True, True), sent.errors
        assert site.journal.sessions == []

    play(story, **TWO)


def test_another_sender_is_refused(play: Play) -> None:
    """While a crew sends nobody else does, be it one or several (I41)."""

    async def story(site: Any) -> None:
        sender = await site.begin()
        await site.until(lambda: len(site.under_way()) == 2)
        for site.processes in (1, 2):
            other = await site.send()
            assert (other.code, "in use by another maildrill" in other.errors) == (78, True), other.errors
            assert is_quiet(other.errors)
        sessions = len(site.journal.sessions)
        site.gate.open()
        await sender.communicate()

        assert (sender.returncode, sessions) == (0, 2)
        assert site.wrong(set()) == []

    play(story, **TWO, script=HELD)


@pytest.mark.parametrize("where", ["1>&- 2>&- 0<&-", "2>/dev/full", "1>/dev/full"])
def test_closed_or_full_streams_end_as_with_one_process(where: str, play: Play) -> None:
    """The campaign is sent; the exit status is what one process would give."""
    codes: list[int] = []

    async def story(site: Any) -> None:
        sender = await site.start(*site.words, streams=where)
        _, errors = await sender.communicate()
        codes.append(sender.returncode)

        assert is_quiet(errors.decode()), errors
        assert site.wrong(set()) == []

    for processes in (1, 2):
        play(story, folder=f"{processes}", processes=processes)

    assert codes[0] == codes[1]
