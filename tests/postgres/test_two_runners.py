"""Two whole senders at once on one campaign in PostgreSQL, in virtual time, against the fake server.

The clock of leases is the database's: for each second of the world it is made a second later there, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.mutants.told import CAMPAIGN as TOLD
from maildrill.scenarios.world import Network, World, run_world
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Limits, RetryPolicy, UnknownPolicy
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import AttemptRecord, LedgerError, RecipientRecord, change_book
from maildrill.sender.ledger import postgres_statements as pg
from maildrill.sender.ledger.postgres import LEASE, LeaseLostError, PostgresLedger
from maildrill.sender.ledger.postgres_opening import open_postgres
from maildrill.sender.lists import Row
from maildrill.sender.log_sinks import Memory
from maildrill.sender.message import Composer
from maildrill.sender.runner import Runner

CAMPAIGN = replace(
    TOLD,
    email="email",
    retry=RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=86400.0, unknown=UnknownPolicy.AT_MOST_ONCE),
    limits=Limits(connections=2, messages_per_connection=3),
)
ROWS = [Row(line, f"r{line}@x.example", {"email": f"r{line}@x.example"}) for line in range(2, 26)]
#: Longer than a lease, and shorter than the patience of the sender.
SLOW = 'version = 1\n[[rule]]\nat = "dot"\nwait = "150s"\n'
GREYLIST = 'version = 1\n[[rule]]\nat = "rcpt"\nattempt = "1"\nkey = "rcpt"\nreply = "450 4.2.1 later"\n'
SPAM = 'version = 1\n[[rule]]\nat = "dot"\nreply = "554 5.7.1 spam"\n'
AGE = "UPDATE recipient SET lease_until = lease_until - make_interval(secs => ?) WHERE lease_run IS NOT NULL"
TICK = 5.0  # seconds
WINDOW = 6  # recipients


@dataclass
class Played:
    """What the senders came to, in the order in which they were begun, and what ledger and server say."""

    ends: list[Any] = field(default_factory=list)
    recipients: list[RecipientRecord] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)
    committed: dict[str, int] = field(default_factory=dict)

    def by_run(self, run: int) -> set[str]:
        """Whom a run has tried."""
        return {one.recipient for one in self.attempts if one.run == run}


class Mortal:
    """A sender's ledger that is cut off when the sender is about to write down what its first dot came to."""

    def __init__(self, ledger: PostgresLedger) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def record(self, entries: object, pause: object = None) -> bool:
        """Die: the connection goes, nothing is written any more."""
        self._ledger.close()
        raise LedgerError("killed")


Wrap = Callable[[PostgresLedger], Any]


@contextmanager
def _open(url: str, at: float) -> Iterator[PostgresLedger]:
    with closing(open_postgres(url, CAMPAIGN, at=at)) as ledger:
        ledger.window = WINDOW  # so that neither has the whole list
        yield ledger


async def _send(world: World, url: str, wrap: Wrap, pause_after: int) -> object:
    campaign = replace(CAMPAIGN, limits=replace(CAMPAIGN.limits, pause_after=pause_after))
    with _open(url, world.clock.now()) as ledger, ConnectionLog(Memory()) as log:
        runner = Runner(campaign, ROWS, Composer(campaign), wrap(ledger), clock=world.clock, log=log)
        return await runner.run()


async def _time_passes(world: World, url: str) -> None:
    """Let the database's clock go as that of the world."""
    with closing(change_book(url, CAMPAIGN.name)) as book:
        while True:
            await world.clock.sleep(TICK)
            with book.writing():
                book.do(AGE, (TICK,))


def _played(url: str, script: str, *wraps: Wrap, pauses: Sequence[int] = (0, 0)) -> Played:
    """Play a sender for each of these, all at once, to their ends. pauses: the `pause_after` of each."""
    played = Played()

    async def play(world: World) -> None:
        with _open(url, world.clock.now()) as ledger:  # its run, the first one, sends nothing
            ledger.ended(world.clock.now())
        server = FakeServer(read_script(script, "test.toml"), clock=world.clock)
        await server.start(CAMPAIGN.account.host, CAMPAIGN.account.port)
        clock = asyncio.create_task(_time_passes(world, url))
        try:
            sending = [asyncio.create_task(_send(world, url, *one)) for one in zip(wraps, pauses, strict=True)]
            played.ends.extend(await asyncio.gather(*sending, return_exceptions=True))
        finally:
            clock.cancel()
            await asyncio.wait([clock])
            await server.stop()
        with closing(change_book(url, CAMPAIGN.name)) as book:
            played.recipients.extend(book.recipients())
            played.attempts.extend(book.attempts())
        played.committed.update({row.address: server.journal.committed(row.address) for row in ROWS})

    run_world(play, network=Network())
    return played


def _as_it_is(ledger: PostgresLedger) -> PostgresLedger:
    return ledger


def _everybody_once(played: Played) -> None:
    assert [end for end in played.ends if isinstance(end, BaseException)] == []
    assert {one.state for one in played.recipients} == {State.DELIVERED}
    assert set(played.committed.values()) == {1}
    assert played.by_run(2)
    assert played.by_run(3)


@pytest.mark.parametrize("script", ["version = 1\n", GREYLIST], ids=["at once", "greylisted"])
def test_two_senders_deliver_to_each_once(new_database: Callable[[], str], script: str) -> None:
    """Both take part, whoever is tried again may be tried by the other, and nobody is left."""
    played = _played(new_database(), script, _as_it_is, _as_it_is)

    _everybody_once(played)


def test_leases_are_renewed_while_a_reply_is_awaited(new_database: Callable[[], str]) -> None:
    """A slow server takes longer than a lease lasts: neither takes over what the other has."""
    _everybody_once(_played(new_database(), SLOW, _as_it_is, _as_it_is))


def test_leases_that_are_not_renewed_are_missed(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The defect that the test above finds: each takes what the other is still trying."""
    monkeypatch.setattr(pg, "RENEW", pg.RENEW.replace("lease_run = ?", "false AND lease_run = ?"))
    played = _played(new_database(), SLOW, _as_it_is, _as_it_is)

    with pytest.raises(AssertionError):
        _everybody_once(played)


def test_a_killed_sender_is_taken_over(new_database: Callable[[], str]) -> None:
    """Who was in doubt is Unknown, everybody else gets the message from the other, and nobody gets two."""
    played = _played(new_database(), "version = 1\n", Mortal, _as_it_is)
    doubted = {one.recipient for one in played.attempts if one.row == "recovered"}

    assert isinstance(played.ends[0], LedgerError)
    assert not isinstance(played.ends[1], BaseException), played.ends[1]
    assert 1 <= len(doubted) <= CAMPAIGN.limits.connections
    assert {one.address for one in played.recipients if one.state is State.UNKNOWN} == doubted
    assert {one.state for one in played.recipients if one.address not in doubted} == {State.DELIVERED}
    assert max(played.committed.values()) == 1
    tried = [one for one in played.attempts if one.row != "recovered"]
    began = min(one.started for one in tried)
    assert len([one for one in tried if one.started > began + LEASE - 2 * TICK]) == WINDOW - len(doubted)


def test_a_pause_stops_the_other_sender_too(new_database: Callable[[], str]) -> None:
    """The other would never pause; it is told by the ledger when it renews its leases, and begins nothing more."""
    slow = SPAM.replace("reply", 'wait = "15s"\nreply')
    played = _played(new_database(), slow, _as_it_is, _as_it_is, pauses=(5, 0))

    assert [end.pause.run for end in played.ends] == [2, 2]
    assert {one.state for one in played.recipients} == {State.FAILED, State.PENDING}
    assert max(one.started for one in played.attempts) <= played.ends[0].pause.at + LEASE / 2


def test_the_living_are_not_taken_over_before_their_leases_end(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The defect: whoever asks next takes all; the senders come into each other's way."""
    monkeypatch.setattr(pg, "LEASE", pg.LEASE.replace("lease_until < clock_timestamp()", "true"))
    played = _played(new_database(), SLOW, _as_it_is, _as_it_is)

    assert any(isinstance(end, LeaseLostError) for end in played.ends) or max(played.committed.values()) > 1
