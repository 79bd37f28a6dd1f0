"""Several processes' shares of one campaign, in one virtual world: as one sender would, on one ledger, with one log."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.world import Network, World, run_world
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.fold import fold
from maildrill.sender.ledger import Durability, Pause, join_ledger, open_ledger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_sinks import Memory
from maildrill.sender.message import Composer
from maildrill.sender.roll import begin_run, end_run
from maildrill.sender.runner import Runner, RunSummary
from maildrill.sender.share import Share
from maildrill.smtp import Clock

SCRIPT = (Path(__file__).parents[2] / "data" / "domains.toml").read_text("utf-8")
EXPECTED = {
    "good.example": State.DELIVERED,
    "grey.example": State.DELIVERED,
    "gone.example": State.FAILED,
    "cut.example": State.UNKNOWN,
}
PLAIN: dict[str, Any] = {
    "name": "club",
    "sender": Mailbox("", "office@club.example"),
    "subject": "Hello",
    "account": Account(host="mx.example"),
    "list_file": Path("list.csv"),
    "email": "email",
    "text": "Hello!",
    "html": None,
    "attachments": (),
    "retry": RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=86400.0),
}


@dataclass
class Played:
    """What a campaign came to that several processes' shares sent to one server. runs: what each of them says."""

    journal: Journal
    runs: Sequence[RunSummary]
    pauses: Sequence[Pause]
    states: dict[str, State]
    tries: int
    events: Sequence[LogEvent]

    def judge(self, connections: int) -> None:
        """As for one sender: nobody lost, nobody twice, never more sessions than allowed, one log that tells it all."""
        assert all(self.journal.committed(address) <= 1 for address in self.states)
        for address, state in self.states.items():
            assert state is EXPECTED[address.partition("@")[2]]
            if state in (State.DELIVERED, State.FAILED):
                assert self.journal.committed(address) == (state is State.DELIVERED)
        assert fold(self.events) == self.states
        said = Counter(event.fields["session"] for event in self.events if event.kind == "session.opened")
        assert set(said.values()) <= {1}
        assert len(said) == len(self.journal.sessions)
        assert most_at_once(self.journal) <= connections
        (ended,) = (event for event in self.events if event.kind == "run.ended")
        assert ended.fields["attempts"] == self.tries
        assert ended.fields["connections"] == len(said)


def play(file: Path, of: int, recipients: int, connections: int, rules: str = SCRIPT) -> Played:
    """Send to so many recipients, in virtual time."""
    campaign = Campaign(**{**PLAIN, "limits": Limits(connections=connections, pause_after=3)})
    rows = [Row(line, f"r{line}@{list(EXPECTED)[line % 4]}", {"email": "x"}) for line in range(2, 2 + recipients)]
    played: list[Played] = []

    async def whole(world: World) -> None:
        server = FakeServer(read_script(f"version = 1\n{rules}", "test.toml"), clock=world.clock)
        await server.start(campaign.account.host, campaign.account.port)
        memory, clock = Memory(), world.clock
        with (
            closing(open_ledger(file, campaign, at=clock.now(), durability=Durability.PROCESS)) as ledger,
            ConnectionLog(memory) as log,
        ):
            begin_run(campaign, ledger, log, rows, clock.now())
            done = await asyncio.gather(
                *(joined(Share(place, of), campaign, ledger, clock, log) for place in range(of))
            )
            connected, attempts = (sum(getattr(one, of_all) for one in done) for of_all in ("connections", "attempts"))
            end_run(ledger, log, clock.now(), reason="done", connections=connected, attempts=attempts)
            states = {one.address: one.state for one in ledger.recipients()}
            tries = len(list(ledger.attempts()))
            played.append(Played(server.journal, done, ledger.pauses(), states, tries, memory.events))
        await server.stop()

    run_world(whole, network=Network())
    return played[0]


async def joined(
    share: Share, campaign: Campaign, ledger: SqliteLedger, clock: Clock, log: ConnectionLog
) -> RunSummary:
    """Run one share, on a connection of its own to the ledger."""
    own = share.of_campaign(campaign)
    with closing(
        join_ledger(
            Path(ledger._name),
            campaign.name,
            share,
            run=ledger.run,
            created=ledger.created,
            turn=nullcontext,
            durability=Durability.PROCESS,
        )
    ) as book:
        return await Runner(own, (), Composer(own), book, clock=clock, log=log, share=share).run()


def most_at_once(journal: Journal) -> int:
    """Return how many sessions were open at once, as the server saw it."""
    moves = sorted([(one.opened, 1) for one in journal.sessions] + [(one.closed_at, -1) for one in journal.sessions])
    return max(accumulate(move for _, move in moves))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(of=st.integers(2, 5), recipients=st.integers(1, 60), more=st.integers(0, 6))
def test_shares_come_to_the_whole(
    tmp_path_factory: pytest.TempPathFactory, of: int, recipients: int, more: int
) -> None:
    """Whatever the number of processes: greylisted, refused, cut off behind the dot or served at once."""
    file = tmp_path_factory.mktemp("share") / "club.ledger"
    play(file, of, recipients, of + more).judge(of + more)


@pytest.mark.parametrize("of", [2, 4])
def test_a_pause_is_one_whoever_calls_for_it(of: int, tmp_path: Path) -> None:
    """Each of them gets enough refusals: ledger and log have the first one's pause, and every process stops for it."""
    spam = '[[rule]]\nat = "dot"\nreply = "554 5.7.1 a listed link"\n'
    played = play(tmp_path / "club.ledger", of, 80, of, spam)

    (pause,) = played.pauses
    assert [one.pause for one in played.runs] == [pause] * of
    said = [event.fields["since"] for event in played.events if event.kind == "campaign.paused"]
    assert said == [pause.at]
    assert Counter(played.states.values())[State.FAILED] == 3 * of


def test_whoever_takes_what_is_not_theirs_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded defect: each process thinks that everybody is its own."""
    monkeypatch.setattr(Share, "has", lambda _share, _key: True)
    with pytest.raises(AssertionError):
        play(tmp_path / "club.ledger", 2, 20, 4).judge(4)


def test_whoever_takes_all_connections_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded defect: each process has what is allowed to all of them."""
    monkeypatch.setattr(Share, "of_campaign", lambda _share, campaign: campaign)
    with pytest.raises(AssertionError):
        play(tmp_path / "club.ledger", 2, 60, 4).judge(4)


def test_whoever_numbers_sessions_alone_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded defect: two sessions of one number, of which nobody knows who said what."""
    monkeypatch.setattr(Share, "number", lambda _share, count: count)
    with pytest.raises(AssertionError):
        play(tmp_path / "club.ledger", 2, 20, 4).judge(4)
