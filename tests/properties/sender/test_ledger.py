"""The ledger against a model, killed at any moment: nothing lost, nothing doubled, Unknown only where a dot had left.

A kill is played by copying the files of the open ledger and going on with the copy, which is all that a process
leaves behind.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from maildrill.scenarios.mutants.told import CAMPAIGN as TOLD
from maildrill.sender.attempt import TERMINAL, Ruling, Scope, State, Verdict
from maildrill.sender.campaign import RetryPolicy, UnknownPolicy
from maildrill.sender.ledger import AttemptRecord, Durability, Entry, Intent, open_ledger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.sender.plan import Waiting
from maildrill.sender.standing import Standing, after, held
from maildrill.smtp import Reply, Stage

INFINITE = float("inf")
LOOP = asyncio.Runner()
CAMPAIGN = replace(TOLD, retry=RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=3000.0))
VERDICTS = st.sampled_from([verdict for verdict in Verdict if verdict is not Verdict.UNKNOWN])


def _open(folder: Path, unknown: UnknownPolicy, at: float) -> SqliteLedger:
    campaign = replace(CAMPAIGN, retry=replace(CAMPAIGN.retry, unknown=unknown))
    return open_ledger(folder / "club.ledger", campaign, at=at, durability=Durability.PROCESS)


def _message_id(row: Row) -> str:
    return f"<{row.address}>"


def _rows(count: int) -> list[Row]:
    return [Row(number, f"r{number}@x.example", {}) for number in range(count)]


def _entry(waiting: Waiting, verdict: Verdict, now: float, policy: RetryPolicy) -> Entry:
    ruling = Ruling(
        recipient=waiting.address,
        verdict=verdict,
        scope=Scope.RECIPIENT,
        stage=Stage.RCPT,
        row="row",
        reply=Reply(250, ("ok",)),
    )
    standing = after(waiting.standing, ruling, policy, started=now, now=now, seed=0)
    record = AttemptRecord(
        recipient=waiting.address,
        number=standing.attempts,
        run=1,
        session=1,
        transaction=1,
        started=now,
        ended=now,
        verdict=verdict,
        state=standing.state,
        scope=ruling.scope,
        stage=ruling.stage,
        row=ruling.row,
        counted=ruling.counted,
        reply=ruling.reply,
    )
    return Entry(waiting.key, record, standing)


@dataclass
class _Known:
    """What the model knows of a recipient."""

    standing: Standing
    tries: int = 0
    dot_left: bool = False


class LedgerMachine(RuleBasedStateMachine):
    """Does what a run does, in any order, and is killed or ends in between."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.copies = 0
        self.now = 1000.0
        self.rows: list[Row] = []
        self.known: dict[str, _Known] = {}
        self.waiting: dict[str, Waiting] = {}

    @initialize(unknown=st.sampled_from(UnknownPolicy))
    def begin(self, unknown: UnknownPolicy) -> None:
        """The first run of a campaign, with its policy."""
        self.policy = replace(CAMPAIGN.retry, unknown=unknown)
        self.ledger = _open(self.folder, unknown, self.now)

    @rule(seconds=st.floats(0, 1000))
    def time_passes(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule(count=st.integers(1, 4))
    def list_grows(self, count: int) -> None:
        """The list has got more rows, and a new run takes them in."""
        self.rows = _rows(len(self.rows) + count)
        self._enrol()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), verdict=VERDICTS)
    def refused_before_the_dot(self, data: st.DataObject, verdict: Verdict) -> None:
        """A try ends without a dot."""
        self._record(data.draw(st.sampled_from(sorted(self.waiting))), verdict)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), verdict=st.sampled_from(Verdict))
    def answered_after_the_dot(self, data: st.DataObject, verdict: Verdict) -> None:
        """A try ends after its dot, with a reply or without."""
        address = data.draw(st.sampled_from(sorted(self.waiting)))
        self._intend(address)
        self._record(address, verdict)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def dot_leaves(self, data: st.DataObject) -> None:
        """A dot leaves; what follows is for another rule, or for nobody."""
        self._intend(data.draw(st.sampled_from(sorted(self.waiting))))

    @precondition(lambda self: self._at_rest())
    @rule(data=st.data())
    def held_without_a_try(self, data: st.DataObject) -> None:
        """Our set-up is at fault: whoever waits, and has no dot on its way, is held."""
        address = data.draw(st.sampled_from(self._at_rest()))
        waiting = self.waiting.pop(address)
        moved = waiting.at(held(waiting.standing, "no account"))
        self.ledger.settle([moved])
        self.known[address].standing = moved.standing

    @rule()
    def killed(self) -> None:
        """`kill -9`, and another run goes on with what is on the disk."""
        self.copies += 1
        copy = self.folder.with_name(f"{self.folder.name}-{self.copies}")
        shutil.copytree(self.folder, copy)
        self._leave()
        self.folder = copy
        self._resume()

    @rule()
    def run_ends(self) -> None:
        """The run ends as it should, and another one goes on."""
        self.ledger.ended(self.now)
        self.ledger.close()
        self._resume()

    @invariant()
    def ledger_says_what_is_known(self) -> None:
        """Every recipient is there once, in the state that the model has, with all its tries."""
        if not self.rows:
            return
        records = {record.address: record for record in self.ledger.recipients()}
        tries = [attempt.recipient for attempt in self.ledger.attempts()]

        assert list(records) == [row.address for row in self.rows]
        for address, known in self.known.items():
            state = State.INFLIGHT if known.dot_left else known.standing.state
            assert records[address].state is state
            assert records[address].attempts == known.standing.attempts
            assert tries.count(address) == known.tries
        assert sum(self.ledger.counts().values()) == len(self.rows)

    def teardown(self) -> None:
        """Close the last copy."""
        self._leave()

    def _at_rest(self) -> list[str]:
        return sorted(address for address in self.waiting if not self.known[address].dot_left)

    def _leave(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
        shutil.rmtree(self.folder)

    def _intend(self, address: str) -> None:
        waiting = self.waiting[address]
        if self.known[address].dot_left:
            return
        intent = Intent(keys=(waiting.key,), session=1, transaction=1, started=self.now, at=self.now, body_hash="hash")
        LOOP.run(self.ledger.intend(intent))
        self.known[address].dot_left = True

    def _record(self, address: str, verdict: Verdict) -> None:
        entry = _entry(self.waiting.pop(address), verdict, self.now, self.policy)
        LOOP.run(self.ledger.record([entry]))
        known = self.known[address]
        known.standing, known.tries, known.dot_left = entry.standing, known.tries + 1, False
        if entry.standing.due is not None:
            self.waiting[address] = Waiting(entry.key, address, 0.0, entry.standing)

    def _resume(self) -> None:
        doubted = {address for address, known in self.known.items() if known.dot_left}
        self.ledger = _open(self.folder, self.policy.unknown, self.now)
        assert {who.address for who in self.ledger.recovered} == doubted
        for address in doubted:
            known = self.known[address]
            unanswered = Ruling(
                recipient=address, verdict=Verdict.UNKNOWN, scope=Scope.MESSAGE, stage=Stage.DOT, row="recovered"
            )
            standing = after(known.standing, unanswered, self.policy, started=self.now, now=self.now, seed=0)
            known.standing, known.tries, known.dot_left = standing, known.tries + 1, False
        self._enrol()

    def _enrol(self) -> None:
        self.ledger.enrol(self.rows, _message_id, self.now)
        found = {waiting.address: waiting for waiting in self.ledger.lease(self.now, INFINITE, 1000).waiting}
        for row in self.rows:
            known = self.known.setdefault(row.address, _Known(Standing(due=self.now)))
            if known.standing.state is State.HELD:
                known.standing = replace(known.standing, state=State.PENDING)
            waits = known.standing.state not in TERMINAL and not known.dot_left
            assert (row.address in found) is waits
            if waits:
                known.standing = found[row.address].standing
        inflight = {address: one for address, one in self.waiting.items() if self.known[address].dot_left}
        self.waiting = {**found, **inflight}


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=30)


@given(cut=st.floats(0, 1), verdicts=st.lists(st.sampled_from(Verdict), min_size=1, max_size=6))
@settings(max_examples=60)
def test_a_torn_tail_is_an_earlier_moment(cut: float, verdicts: list[Verdict]) -> None:
    """Invariant I39: what a full disk or a power cut leaves of the last writes is never ahead, and never an error."""
    with tempfile.TemporaryDirectory() as name:
        whole, torn = Path(name, "whole"), Path(name, "torn")
        whole.mkdir()
        ledger = _open(whole, UnknownPolicy.AT_MOST_ONCE, 0.0)
        moments: list[dict[str, State]] = [{}]
        ledger.enrol(_rows(len(verdicts)), _message_id, 0.0)
        for waiting, verdict in zip(ledger.lease(0.0, 0.0, 9).waiting, verdicts, strict=True):
            moments.append(_recovered(ledger))
            intent = Intent(keys=(waiting.key,), session=1, transaction=1, started=0.0, at=0.0, body_hash="hash")
            LOOP.run(ledger.intend(intent))
            moments.append(_recovered(ledger))
            LOOP.run(ledger.record([_entry(waiting, verdict, 0.0, CAMPAIGN.retry)]))
        moments.append(_recovered(ledger))
        shutil.copytree(whole, torn)
        ledger.close()
        log = torn / "club.ledger-wal"
        log.write_bytes(log.read_bytes()[: int(cut * log.stat().st_size)])

        again = _open(torn, UnknownPolicy.AT_MOST_ONCE, 1.0)
        found = {record.address: record.state for record in again.recipients()}
        again.close()

    assert found in moments


def _recovered(ledger: SqliteLedger) -> dict[str, State]:
    """Return the states as they would be after a kill now."""
    states = {record.address: record.state for record in ledger.recipients()}
    return {address: State.UNKNOWN if state is State.INFLIGHT else state for address, state in states.items()}
