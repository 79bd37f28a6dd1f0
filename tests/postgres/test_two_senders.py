"""Both ledgers against one model: two senders in any order, cut off, killed at any statement, taken over.

What holds for both: nobody is with two senders at once, nothing is lost, nothing doubled, and Unknown is exactly who
had an intent and no outcome when its sender's lease was over. A file has one sender at a time; its lease dies with it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from maildrill.scenarios.mutants.told import CAMPAIGN as TOLD
from maildrill.sender.attempt import Ruling, Scope, State, Verdict
from maildrill.sender.campaign import Campaign, RetryPolicy, UnknownPolicy
from maildrill.sender.ledger import AttemptRecord, Durability, Entry, Intent, LedgerError, open_ledger
from maildrill.sender.ledger import postgres_statements as pg
from maildrill.sender.ledger.postgres import LeaseLostError
from maildrill.sender.ledger.postgres_opening import open_postgres, schema_of
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.lists import Row
from maildrill.sender.plan import Waiting
from maildrill.sender.standing import Standing, after
from maildrill.smtp import ConfigurationError, Stage

LOOP = asyncio.Runner()
ROWS = [Row(line, f"r{line}@x.example", {"email": f"r{line}@x.example"}) for line in range(6)]
SENDERS = st.sampled_from([0, 1])
BEFORE_DOT = st.sampled_from([Verdict.DEFERRED, Verdict.FAILED, Verdict.RELEASED])
CAMPAIGN = replace(TOLD, retry=RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=86400.0))


class KilledError(Exception):
    """The process is gone, or its connection."""


@dataclass
class Known:
    """What the model knows of a recipient. with_whom: the run that has it leased; dot_left: its dot may have left."""

    standing: Standing
    tries: int = 0
    with_whom: int | None = None
    dot_left: bool = False
    over: bool = False  # the lease has run out


class InFile:
    """A ledger in a file: a kill leaves a copy of its files behind, and no lease."""

    shared = False

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())

    def open(self, campaign: Campaign, at: float) -> SqlLedger:
        return open_ledger(self.folder / "club.ledger", campaign, at=at, durability=Durability.PROCESS)

    def kill(self, ledger: SqlLedger) -> None:
        copy = Path(tempfile.mkdtemp())
        shutil.copytree(self.folder, copy, dirs_exist_ok=True)
        ledger.close()
        shutil.rmtree(self.folder)
        self.folder = copy

    def expire(self, run: int) -> None:
        """The leases of a run are gone with it."""

    def leave(self) -> None:
        shutil.rmtree(self.folder)


class InDatabase:
    """A ledger in PostgreSQL: a kill leaves leases behind, which end when the database's clock says so."""

    shared = True

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self, campaign: Campaign, at: float) -> SqlLedger:
        return open_postgres(self.url, campaign, at=at)

    def kill(self, ledger: SqlLedger) -> None:
        ledger.close()

    def expire(self, run: int) -> None:
        """Let an hour pass for the leases of a run."""
        import psycopg  # noqa: PLC0415 - may be missing

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SELECT set_config('search_path', %s, false)", (schema_of(CAMPAIGN.name),))
            connection.execute(
                "UPDATE recipient SET lease_until = lease_until - make_interval(secs => 3600) WHERE lease_run = %s",
                (run,),
            )

    def leave(self) -> None:
        pass


class TwoSenders(RuleBasedStateMachine):
    """Does what two senders do, in any order."""

    def new_house(self) -> InFile | InDatabase:
        """Return where the ledger is: each test says it."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.house = self.new_house()
        self.now = 1000.0
        self.known = {row.address: Known(Standing(due=self.now)) for row in ROWS}
        self.senders: list[SqlLedger | None] = [None, None]
        self.held: list[dict[str, Waiting]] = [{}, {}]
        self.unseen: list[set[str]] = [set(), set()]

    @initialize(unknown=st.sampled_from(UnknownPolicy))
    def begin(self, unknown: UnknownPolicy) -> None:
        """The first sender of a campaign with this policy."""
        self.campaign = replace(CAMPAIGN, retry=replace(CAMPAIGN.retry, unknown=unknown))
        self._join(0)

    @rule(seconds=st.floats(1, 1000))
    def time_passes(self, seconds: float) -> None:
        """For senders; leases do not look at their clocks."""
        self.now += seconds

    @rule(which=SENDERS)
    def joins(self, which: int) -> None:
        """A sender begins a run, if it may."""
        if self.senders[which] is not None:
            return
        if self.senders[1 - which] is not None and not self.house.shared:
            with pytest.raises(ConfigurationError, match="in use by another"):
                self.house.open(self.campaign, self.now)
            return
        self._join(which)

    @precondition(lambda self: any(self.senders))
    @rule(which=SENDERS, count=st.integers(1, 4))
    def asks_for_work(self, which: int, count: int) -> None:
        """It gets who is due and with nobody else, in order, and hears of whom a dead sender left in doubt.

        Where the ledger is shared it may pass over, for a while, whoever another one had when it last looked.
        """
        ledger = self.senders[which]
        if ledger is None:
            return
        page = ledger.lease(self.now, self.now, count)
        self._doubt({one.address for one in page.recovered}, ledger.run)
        free = [row.address for row in ROWS if self._is_free(self.known[row.address], ledger.run)]
        free.sort(key=lambda address: self.known[address].standing.due or 0.0)
        found = [one.address for one in page.waiting]
        assert found == [one for one in free if one in found or one not in self.unseen[which]][:count]
        if not self.house.shared or len(found) < count:  # it has looked at everybody
            self.unseen[which].clear()
        self.unseen[which] |= {
            address for address, known in self.known.items() if known.with_whom not in (None, ledger.run)
        }
        for one in page.waiting:
            self.known[one.address].with_whom = ledger.run
            self.known[one.address].over = False
            self.known[one.address].standing = one.standing
            self.held[which][one.address] = one
        if any(known.standing.due is not None for known in self.known.values()):
            assert page.next_at is not None or all(
                known.with_whom == ledger.run for known in self.known.values() if known.standing.due is not None
            )

    @precondition(lambda self: self._at_rest())
    @rule(data=st.data(), verdict=BEFORE_DOT, kept=st.booleans())
    def refused_before_the_dot(self, data: st.DataObject, verdict: Verdict, kept: bool) -> None:
        """A try ends without a dot."""
        which, address = data.draw(st.sampled_from(self._at_rest()))
        self._record(which, address, verdict, kept=kept)

    @precondition(lambda self: self._at_rest())
    @rule(data=st.data())
    def dot_leaves(self, data: st.DataObject) -> None:
        """Only under a lease that holds."""
        self._dot(*data.draw(st.sampled_from(self._at_rest())))

    def _dot(self, which: int, address: str) -> None:
        ledger = self._of(which)
        if self.known[address].over:
            with pytest.raises(LeaseLostError):
                LOOP.run(ledger.intend(self._intent(which, address)))
            return
        LOOP.run(ledger.intend(self._intent(which, address)))
        self.known[address].dot_left = True

    @precondition(lambda self: self._in_doubt())
    @rule(data=st.data(), verdict=st.sampled_from([Verdict.DELIVERED, Verdict.FAILED, Verdict.UNKNOWN]))
    def answered(self, data: st.DataObject, verdict: Verdict) -> None:
        """The reply to the dot is read in time."""
        which, address = data.draw(st.sampled_from(self._in_doubt()))
        self._record(which, address, verdict, kept=False)

    @precondition(lambda self: self._at_rest())
    @rule(data=st.data())
    def gives_back(self, data: st.DataObject) -> None:
        """Nothing was tried."""
        which, address = data.draw(st.sampled_from(self._at_rest()))
        self._of(which).release([self.held[which].pop(address).key])
        self.known[address].with_whom, self.known[address].over = None, False

    @precondition(lambda self: any(self.senders) and self.house.shared)
    @rule(which=SENDERS)
    def is_cut_off(self, which: int) -> None:
        """It renews nothing for an hour, and does not know it."""
        ledger = self.senders[which]
        if ledger is not None:
            self._expire(ledger.run)

    @precondition(lambda self: any(self.senders))
    @rule(which=SENDERS)
    def renews(self, which: int) -> None:
        """What is still its own lasts again."""
        ledger = self.senders[which]
        if ledger is not None:
            LOOP.run(ledger.renew())
            for known in self.known.values():
                known.over = known.over and known.with_whom != ledger.run

    @precondition(lambda self: any(self.senders))
    @rule(which=SENDERS, long_ago=st.booleans())
    def is_killed(self, which: int, long_ago: bool) -> None:
        """Between two writes."""
        if self.senders[which] is not None:
            self._die(which, long_ago)

    @precondition(lambda self: self._at_rest() or self._in_doubt())
    @rule(data=st.data(), statement=st.integers(0, 4), long_ago=st.booleans())
    def is_killed_in_a_write(self, data: st.DataObject, statement: int, long_ago: bool) -> None:
        """At any statement: nothing of that write is left."""
        resting = self._at_rest()
        which, address = data.draw(st.sampled_from(resting or self._in_doubt()))
        ledger = self._of(which)
        _break(ledger, statement)
        intends = (which, address) in resting and not self.known[address].over and data.draw(st.booleans())
        entry = self._entry(which, address, Verdict.FAILED, kept=False)
        write = ledger.intend(self._intent(which, address)) if intends else ledger.record([entry])
        with pytest.raises((KilledError, LedgerError)):
            LOOP.run(write)
        self._die(which, long_ago)

    @precondition(lambda self: any(self.senders))
    @rule(which=SENDERS)
    def ends(self, which: int) -> None:
        """A run ends as it should: all that it had is free, but for dots that have left."""
        ledger = self.senders[which]
        if ledger is None or any(self.known[address].dot_left for address in self.held[which]):
            return
        ledger.ended(self.now)
        ledger.close()
        for address in self.held[which]:
            if self.known[address].with_whom == ledger.run:
                self.known[address].with_whom = None
        self.senders[which], self.held[which] = None, {}

    @invariant()
    def the_ledger_says_what_is_known(self) -> None:
        """Every recipient is there once, in the state that the model has, with all its tries."""
        ledger = next((one for one in self.senders if one is not None), None)
        if ledger is None:
            return
        records = {record.address: record for record in ledger.recipients()}
        tries = [attempt.recipient for attempt in ledger.attempts()]
        assert list(records) == [row.address for row in ROWS]
        for address, known in self.known.items():
            assert records[address].state is (State.INFLIGHT if known.dot_left else known.standing.state)
            assert records[address].attempts == known.standing.attempts
            assert tries.count(address) == known.tries
        assert sum(ledger.counts().values()) == len(ROWS)

    def teardown(self) -> None:
        """Close what is open."""
        for ledger in self.senders:
            if ledger is not None:
                ledger.close()
        self.house.leave()

    def _join(self, which: int) -> None:
        ledger = self.house.open(self.campaign, self.now)
        self.senders[which], self.unseen[which] = ledger, set()
        self._doubt({one.address for one in ledger.recovered}, ledger.run)
        ledger.enrol(ROWS, lambda row: f"<{row.address}>", self.now)

    def _doubt(self, told: set[str], run: int) -> None:
        """Move who had an intent under a lease that is over; exactly they are told of."""
        doubted = {
            address for address, known in self.known.items() if known.dot_left and known.over and known.with_whom != run
        }
        assert told == doubted
        for address in doubted:
            known = self.known[address]
            unanswered = Ruling(
                recipient=address, verdict=Verdict.UNKNOWN, scope=Scope.MESSAGE, stage=Stage.DOT, row="recovered"
            )
            policy = self.campaign.retry
            standing = after(known.standing, unanswered, policy, started=self.now, now=self.now, seed=0)
            self.known[address] = Known(standing, known.tries + 1)
            for held in self.held:
                held.pop(address, None)

    def _is_free(self, known: Known, run: int) -> bool:
        due = known.standing.due
        free = known.with_whom is None or (known.with_whom != run and known.over)
        return due is not None and due <= self.now and free and not known.dot_left

    def _at_rest(self) -> list[tuple[int, str]]:
        return [pair for pair in self._mine() if not self.known[pair[1]].dot_left]

    def _in_doubt(self) -> list[tuple[int, str]]:
        return [pair for pair in self._mine() if self.known[pair[1]].dot_left]

    def _mine(self) -> list[tuple[int, str]]:
        return [
            (which, address)
            for which, ledger in enumerate(self.senders)
            if ledger is not None
            for address in sorted(self.held[which])
            if self.known[address].with_whom == ledger.run
        ]

    def _of(self, which: int) -> SqlLedger:
        ledger = self.senders[which]
        assert ledger is not None
        return ledger

    def _intent(self, which: int, address: str) -> Intent:
        key = self.held[which][address].key
        return Intent(keys=(key,), session=1, transaction=1, started=self.now, at=self.now, body_hash="hash")

    def _entry(self, which: int, address: str, verdict: Verdict, *, kept: bool) -> Entry:
        waiting = self.held[which][address]
        ruling = Ruling(recipient=address, verdict=verdict, scope=Scope.RECIPIENT, stage=Stage.RCPT, row="row")
        policy = self.campaign.retry
        standing = after(waiting.standing, ruling, policy, started=self.now, now=self.now, seed=0)
        record = AttemptRecord(
            recipient=address,
            number=standing.attempts,
            run=self._of(which).run,
            session=1,
            transaction=1,
            started=self.now,
            ended=self.now,
            verdict=verdict,
            state=standing.state,
            scope=ruling.scope,
            stage=ruling.stage,
            row="row",
            counted=ruling.counted,
        )
        return Entry(waiting.key, record, standing, kept=kept and standing.due is not None)

    def _record(self, which: int, address: str, verdict: Verdict, *, kept: bool) -> None:
        entry = self._entry(which, address, verdict, kept=kept)
        LOOP.run(self._of(which).record([entry]))
        run = self._of(which).run
        waiting = self.held[which].pop(address)
        known = self.known[address]
        self.known[address] = Known(entry.standing, known.tries + 1, run if entry.kept else None, over=known.over)
        if entry.kept:
            self.held[which][address] = waiting.at(entry.standing)

    def _expire(self, run: int) -> None:
        self.house.expire(run)
        for known in self.known.values():
            known.over = known.over or known.with_whom == run

    def _die(self, which: int, long_ago: bool) -> None:
        ledger = self._of(which)
        self.house.kill(ledger)
        if long_ago or not self.house.shared:
            self._expire(ledger.run)
        self.senders[which], self.held[which] = None, {}


def _break(ledger: SqlLedger, after_so_many: int) -> None:
    """Have the connection of a ledger go at a statement, or at the latest when the transaction is to be committed."""
    left = [after_so_many]

    def dying(statement: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any) -> Any:
            if not left[0]:
                raise KilledError
            left[0] -= 1
            return statement(*given)

        return called

    honest = ledger._commit

    def commit(writes: Any) -> None:
        def last() -> None:
            raise KilledError

        honest([*writes, last])

    ledger.do = dying(ledger.do)  # type: ignore[method-assign]
    ledger.each = dying(ledger.each)  # type: ignore[method-assign]
    ledger._group._commit = commit


def _tested(new_house: Callable[[], InFile | InDatabase], examples: int) -> None:
    machine = type("TwoSendersThere", (TwoSenders,), {"new_house": lambda _: new_house()})
    how = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(machine, settings=how)


def test_a_file_does_as_the_model() -> None:
    """One sender at a time."""
    _tested(InFile, 60)


def _database_tested(url: str, examples: int) -> None:
    schema = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'maildrill%'"

    def house() -> InDatabase:
        import psycopg  # noqa: PLC0415 - may be missing
        from psycopg import sql  # noqa: PLC0415 - may be missing

        with psycopg.connect(url, autocommit=True) as connection:
            for (name,) in connection.execute(schema).fetchall():
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
        return InDatabase(url)

    _tested(house, examples)


def test_a_database_does_as_the_model(new_database: Callable[[], str]) -> None:
    """Two senders at a time."""
    _database_tested(new_database(), 60)


def _takes_what_others_have(pair: TwoSenders) -> None:
    pair.joins(1)
    pair.asks_for_work(0, 4)
    pair.asks_for_work(1, 4)


def _lets_a_dot_leave_too_late(pair: TwoSenders) -> None:
    pair.asks_for_work(0, 1)
    pair.is_cut_off(0)
    pair._dot(*pair._at_rest()[0])


def _doubts_whom_the_living_try(pair: TwoSenders) -> None:
    pair.asks_for_work(0, 1)
    pair._dot(*pair._at_rest()[0])
    pair.joins(1)


def _keeps_the_dead_alive(pair: TwoSenders) -> None:
    pair.asks_for_work(0, 1)
    pair.joins(1)
    pair.is_killed(0, True)
    pair.renews(1)
    pair.asks_for_work(1, 4)


DEFECTS = [
    (_takes_what_others_have, "LEASE", pg.LEASE.replace("lease_until < clock_timestamp()", "true")),
    (_lets_a_dot_leave_too_late, "OURS", pg.STILL_OURS),
    (_doubts_whom_the_living_try, "IN_DOUBT", pg.IN_DOUBT.replace("recipient.lease_until < clock_timestamp()", "true")),
    (_keeps_the_dead_alive, "RENEW", pg.RENEW.replace("lease_run = ?", "? IS NOT NULL")),
]


@pytest.mark.parametrize(
    ("story", "name", "statement"), DEFECTS, ids=[story.__name__.strip("_") for story, _, _ in DEFECTS]
)
def test_the_model_finds_the_defect(
    new_database: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    story: Callable[[TwoSenders], None],
    name: str,
    statement: str,
) -> None:
    """Each of these would let two senders at one recipient, or leave one for ever: in a few steps the model says so."""
    assert statement != getattr(pg, name)
    _told(story, new_database())
    monkeypatch.setattr(pg, name, statement)

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        _told(story, new_database())


def _told(story: Callable[[TwoSenders], None], url: str) -> None:
    machine = type("TwoSendersThere", (TwoSenders,), {"new_house": lambda _: InDatabase(url)})()
    try:
        machine.begin(UnknownPolicy.AT_MOST_ONCE)
        story(machine)
        machine.the_ledger_says_what_is_known()
    finally:
        machine.teardown()
