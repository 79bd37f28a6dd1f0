"""Several who write into one file: whose turn it is, and what they may not remember from one turn to the next."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from maildrill.sender.attempt import Ruling, Verdict
from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import Durability, Entry, Intent, LedgerError, Pause, open_ledger
from maildrill.sender.ledger.group import Told
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.sender.plan import Waiting
from maildrill.sender.share import WHOLE, Share
from maildrill.smtp import Reply

Tried = Callable[[Waiting], Entry]
PAUSE = Pause(at=2.0, run=1, recipients=2, reply=Reply.of("554 5.7.1 no"))


@pytest.fixture
def two(tmp_path: Path, campaign: Callable[..., Campaign]) -> Iterator[tuple[SqliteLedger, SqliteLedger]]:
    """Two connections to one ledger with ann and bob."""
    path = tmp_path / "club.ledger"
    with closing(open_ledger(path, campaign(), at=0.0, durability=Durability.PROCESS)) as ledger:
        ledger.enrol([Row(2, "ann@x.example", {}), Row(3, "bob@x.example", {})], lambda row: f"<{row.address}>", 0.0)
        connection = sqlite3.connect(path, isolation_level=None)
        with closing(SqliteLedger(connection, str(path), created=0.0, run=1, campaign="club")) as other:
            yield ledger, other


@pytest.fixture
def delivered(entry: Callable[..., Entry], ruling: Callable[..., Ruling]) -> Tried:
    """A try that was answered with 250."""
    return lambda who: entry(who, ruling(Verdict.DELIVERED))


class Watched:
    """A turn, and a disk, that write down when they are begun and ended, and whether a transaction is open."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self.seen: list[str] = []
        self._ledger = ledger
        ledger.turn = self.turn
        ledger._group.disk = self

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Begin and end outside the transaction."""
        self._note("turn")
        try:
            yield
        finally:
            self._note("over")

    def flush(self) -> Exception | None:
        """All is well."""
        self._note("flush")
        return None

    def begin(self, loop: asyncio.AbstractEventLoop, told: Told) -> None:
        """Be done in the next turn of the loop."""
        self._note("flush")
        loop.call_soon(told, None)

    def _note(self, what: str) -> None:
        self.seen.append(f"{what}, open" if self._ledger._connection.in_transaction else what)


def test_a_turn_lasts_as_long_as_a_transaction(two: tuple[SqliteLedger, SqliteLedger], delivered: Tried) -> None:
    """The disk is waited for when it is over: others can write meanwhile."""
    ledger = two[0]
    ann, bob = ledger.lease(0.0, 0.0, 9).waiting
    intent = Intent(keys=(ann.key,), session=1, transaction=1, started=1.0, at=1.0, body_hash="b0d1")
    watched = Watched(ledger)
    acts: list[tuple[Callable[[], object], bool]] = [
        (lambda: asyncio.run(ledger.intend(intent)), True),
        (lambda: asyncio.run(ledger.record([delivered(ann)])), False),
        (lambda: asyncio.run(ledger.record([delivered(ann)], PAUSE)), True),
        (lambda: ledger.settle([bob]), True),
        (lambda: ledger.ended(9.0), True),
    ]

    for act, flushed in acts:
        watched.seen.clear()
        act()
        turn = ["turn", "over", "flush"] if flushed else ["turn", "over"]
        assert watched.seen == turn * (len(watched.seen) // len(turn))
        assert watched.seen


def test_a_turn_is_over_where_the_transaction_fails(two: tuple[SqliteLedger, SqliteLedger]) -> None:
    """It is taken back first."""
    watched = Watched(two[0])

    with pytest.raises(LedgerError, match="no such table"), two[0].writing():
        two[0].do("DELETE FROM nobody")

    assert watched.seen == ["turn", "over"]


@pytest.mark.parametrize("shared", [True, False])
def test_who_shares_a_ledger_numbers_tries_behind_those_of_others(
    two: tuple[SqliteLedger, SqliteLedger], delivered: Tried, *, shared: bool
) -> None:
    """What is the last number is asked in each turn; who takes the ledger for its own is refused, not mistaken."""
    ledger, other = two
    ann, bob = ledger.lease(0.0, 0.0, 9).waiting
    ledger._share = other._share = Share(0, 2) if shared else WHOLE

    async def by_turns() -> None:
        await ledger.record([delivered(ann)])
        await other.record([delivered(bob)])
        await ledger.record([delivered(ann)])

    if not shared:
        with pytest.raises(LedgerError, match=r"UNIQUE constraint failed: attempt\.id"):
            asyncio.run(by_turns())
        return
    asyncio.run(by_turns())
    assert [one.recipient for one in other.attempts()] == ["ann@x.example", "bob@x.example", "ann@x.example"]
