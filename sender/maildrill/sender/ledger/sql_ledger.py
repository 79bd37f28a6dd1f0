"""A ledger in SQL, as far as it is the same in every database; `sqlite` and `postgres` say the rest.

Rule 1: every group of writes is one transaction. Rule 2: statements are constants with `?` for parameters. Rule 3: no
method has the whole list in memory.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

from maildrill.sender.attempt import State
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.ahead import Ahead
from maildrill.sender.ledger.enrolling import enrol, identity
from maildrill.sender.ledger.group import GroupCommit, Then, Write
from maildrill.sender.ledger.records import (
    AttemptRecord,
    Enrolment,
    Entry,
    Intent,
    Left,
    Page,
    Pause,
    RecipientRecord,
    Recovered,
    Requeued,
    RunRecord,
)
from maildrill.sender.lists import Row
from maildrill.sender.pacing.lessons import Lesson
from maildrill.sender.plan import EVERYBODY, Waiting, Wanted
from maildrill.sender.standing import Standing
from maildrill.smtp import Reply
from maildrill.smtp.quickly import maker

#: A recipient as it was read, and where an operator says that it stands from now on.
Move = tuple[RecipientRecord, Standing]
_row = maker(Row)
_read = json.JSONDecoder().raw_decode  # of what we have written ourselves: there are no blanks around it


class SqlLedger(ABC):
    """A ledger that `opening` has prepared; `Ledger` says what its methods do.

    run: 0 where it is only read. renewal: seconds after which leases must be renewed; None: they last as long as we.
    window: recipients that one sender is to hold, at most. takes_arrays: the database takes JSON's arrays apart.
    """

    renewal: float | None = None
    window = 5000
    takes_arrays = False

    def __init__(self, *, created: float, run: int, campaign: str) -> None:
        self.campaign = campaign
        self.created = created
        self.run = run
        self.recovered: tuple[Recovered, ...] = ()
        self._group = GroupCommit(self._commit)
        self._ahead = Ahead(self._rows_of, sql.SOME)

    # What a database must be able to do

    @abstractmethod
    def do(self, statement: str, parameters: Sequence[object] = ()) -> sql.Found | None:
        """Execute a statement; return its first row, if it gives any."""

    @abstractmethod
    def each(self, statement: str, parameters: Iterable[Sequence[object]]) -> None:
        """Execute a statement for each of these."""

    @abstractmethod
    def all(self, statement: str, parameters: Sequence[object] = ()) -> list[sql.Found]:
        """Return all rows of a short answer."""

    def lasting(self, statement: str, parameters: Sequence[object] = ()) -> list[sql.Found]:
        """Return all rows of a short answer that no intent and no try changes."""
        return self.all(statement, parameters)

    @abstractmethod
    def rows(self, statement: str, parameters: Sequence[object] = ()) -> Iterator[sql.Found]:
        """Yield the rows of a long answer."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Make what is done inside one transaction: all of it, or none. LedgerError where that cannot be."""

    @abstractmethod
    def lease(self, now: float, until: float, count: int, wanted: Wanted = EVERYBODY) -> Page:
        """Give out who is due, as `Ledger.lease` says."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the ledger; what was written stays."""

    # What is the same everywhere

    def enrol(self, rows: Iterable[Row], message_id: Callable[[Row], str], at: float) -> Enrolment:
        """Bring the ledger up to the list, as `Ledger.enrol` says."""
        with self.writing():
            enrolment = enrol(self, rows, message_id, at)
        self.let_go()
        return enrolment

    @abstractmethod
    def let_go(self) -> None:
        """Give back all that is leased to this run."""

    def addressee(self, key: int) -> tuple[Row, str]:
        """Return the list's row as it was when the recipient was added, and the Message-ID."""
        return self._ahead.addressee(key)

    def _rows_of(self, keys: Sequence[int]) -> Iterator[tuple[int, tuple[Row, str]]]:
        found = self.lasting(sql.ADDRESSEES, [*keys, *[keys[-1]] * (sql.SOME - len(keys))])
        for key, number, address, fields, message_id in found:
            yield key, (_row(number, address, _read(fields)[0]), message_id)

    async def intend(self, intent: Intent, then: Then | None = None) -> None:
        """Write down, for good, that the final dot is about to leave."""
        await self._group.write(partial(self._intend, intent), then)

    def _intend(self, intent: Intent) -> None:
        of = (
            self.run,
            intent.session,
            intent.transaction,
            intent.started,
            intent.at,
            intent.account,
            intent.host,
        )
        self.each(sql.INTEND, [(key, *of, *sql.refusal(None)) for key in intent.keys])
        if intent.refused:
            self.each(sql.INTEND, [(one.key, *of, *sql.refusal(one)) for one in intent.refused])
        self.each(sql.INFLIGHT, [(intent.body_hash, key) for key in intent.keys])

    async def record(self, entries: Sequence[Entry], pause: Pause | None = None) -> bool:
        """Write down tries and what they came to, strike their intents, and say if they pause the campaign."""
        paused: list[bool] = []
        if pause is None:  # what is lost with the power leaves its intent, which says so
            await self._group.write(partial(self._conclude, entries), flushed=False)
        else:  # it keeps letters from going out
            await self._group.write(lambda: paused.append(self._pause(entries, pause)))
        self._recorded(entries)
        return paused == [True]

    def _pause(self, entries: Sequence[Entry], pause: Pause) -> bool:
        self._conclude(entries)
        return self.do(sql.PAUSE, sql.pause(pause)) is not None

    def _recorded(self, entries: Sequence[Entry]) -> None:
        """Forget who is not ours any more."""
        for entry in entries:
            if not entry.kept:
                self._ahead.drop(entry.key)

    def _conclude(self, entries: Sequence[Entry]) -> None:
        self.write_tries(entries)

    def write_tries(self, entries: Sequence[Entry]) -> None:
        """Write down tries and strike their intents, in the caller's transaction."""
        for entry in entries:
            (attempt,) = self.do(sql.TRY, sql.attempt(entry)) or (0,)
            self.do(sql.TRIED, (attempt, *sql.standing(entry.key, entry.standing)))
        self.each(sql.STRIKE, [(entry.key,) for entry in entries])

    def settle(self, moved: Sequence[Waiting]) -> None:
        """Write down where recipients stand now through no try."""
        stand = [sql.standing(who.key, who.standing) for who in moved]
        self._group.now(lambda: self.each(sql.STAND, stand))

    def pauses(self) -> Sequence[Pause]:
        """Return when the campaign was paused, and why."""
        return [sql.pause_record(found) for found in self.all(sql.PAUSES)]

    def refusals(self, row: str) -> Iterator[tuple[str, Reply]]:
        """Yield who was refused by this row since the last delivery and the last resume, the last one first."""
        for found in self.rows(sql.REFUSED, (row,)):
            yield sql.refused(found)

    def resume(self, at: float) -> None:
        """Write down that an operator has the campaign go on."""
        self._group.now(lambda: self.do(sql.RESUME, (at,)))

    def lessons(self) -> Sequence[Lesson]:
        """Return what destinations have taught."""
        return [sql.lesson(found) for found in self.all(sql.LESSONS)]

    def learn(self, lesson: Lesson) -> None:
        """Write down a lesson; it replaces what was known."""
        self._group.now(lambda: self.do(sql.LEARN, sql.learned(lesson)))

    def forget(self) -> None:
        """Forget all lessons."""
        self._group.now(lambda: self.do(sql.FORGET))

    def sent_since(self, at: float) -> Mapping[str, int]:
        """Return how many transactions were begun since `at`, by account."""
        return dict(self.all(sql.SENT_SINCE, (at,)))

    def recipients(self) -> Iterator[RecipientRecord]:
        """Yield all recipients in the order in which they were added."""
        for found in self.rows(sql.RECIPIENTS):
            yield sql.recipient_record(found)

    def standings(self, last_key: int) -> Iterator[tuple[str, str, int]]:
        """Yield address, state and counted tries of those whose keys are not above `last_key`, in order."""
        yield from self.rows(sql.STANDINGS, (last_key,))

    def newcomers(self, last_key: int) -> Iterator[tuple[str, int, str]]:
        """Yield address, line in the list and Message-ID of those whose keys are above `last_key`, in order."""
        yield from self.rows(sql.NEWCOMERS, (last_key,))

    def find(self, address: str) -> RecipientRecord | None:
        """Return the recipient with this address, in any letter case; None where there is none."""
        found = self.all(sql.FIND, (identity(address),))
        return sql.recipient_record(found[0]) if found else None

    def attempts(self, of: RecipientRecord | None = None) -> Iterator[AttemptRecord]:
        """Yield all tries, or those for one recipient, in the order in which they ended."""
        asked = self.rows(sql.ATTEMPTS) if of is None else self.rows(sql.ATTEMPTS_OF, (of.key,))
        for found in asked:
            yield sql.attempt_record(found)

    def runs(self) -> Sequence[RunRecord]:
        """Return all runs, the first one first."""
        return [RunRecord(*found) for found in self.all(sql.RUNS)]

    @abstractmethod
    def running(self) -> Sequence[int]:
        """Return the numbers of the runs that are alive at this moment."""

    def requeue(self, moved: Sequence[Move], *, at: float, by: str) -> Sequence[Left]:
        """Write down that an operator moved recipients; nobody is left where a ledger has one writer at a time."""
        with self.writing():
            self.write_moves(moved, at, by)
        return ()

    def write_moves(self, moved: Sequence[Move], at: float, by: str) -> None:
        """Write down whom an operator moved, in the caller's transaction."""
        self.each(sql.REQUEUE, [(who.key, at, who.state.value, by) for who, _ in moved])
        self.each(sql.STAND, [sql.standing(who.key, now) for who, now in moved])

    def requeues(self) -> Iterator[Requeued]:
        """Yield what operators moved, in order."""
        for address, at, before, by in self.rows(sql.REQUEUES):
            yield Requeued(recipient=address, at=at, before=State(before), by=by)

    def counts(self) -> Mapping[State, int]:
        """Return how many recipients are in each state, all states included."""
        return self._states()

    def _states(self) -> dict[State, int]:
        counts = dict.fromkeys(State, 0)
        counts.update((State(state), count) for state, count in self.all(sql.COUNTS))
        return counts

    def ended(self, at: float) -> None:
        """Write down that this run is over."""
        self._group.now(lambda: self.do(sql.RUN_ENDED, (at, self.run)))
        self.let_go()

    @abstractmethod
    def release(self, keys: Iterable[int]) -> None:
        """Give back these."""

    @abstractmethod
    async def renew(self) -> None:
        """Renew all leases of this run."""

    def _commit(self, writes: Sequence[Write]) -> None:
        with self.writing():
            for write in writes:
                write()
