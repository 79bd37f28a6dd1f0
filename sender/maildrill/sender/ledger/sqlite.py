"""The ledger in SQLite: one file, one connection, one writer.

Rule 1: every group of writes is one transaction; with WAL and synchronous=FULL it is on the disk when it returns.
Rule 2: statements are constants, so that the driver prepares each of them once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from maildrill.sender.attempt import State
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.group import GroupCommit, Write
from maildrill.sender.ledger.records import (
    AttemptRecord,
    Enrolment,
    Entry,
    Intent,
    RecipientRecord,
    Recovered,
    Requeued,
    RunRecord,
)
from maildrill.sender.ledger.store import LedgerError
from maildrill.sender.lists import Row
from maildrill.sender.pacing.lessons import Kind, Lesson
from maildrill.sender.plan import Waiting
from maildrill.sender.standing import Standing, requeued

GONE = "no longer in the list"


class SqliteLedger:
    """A ledger on an open connection (isolation_level None) that `opening` has prepared; `Ledger` says the rest.

    name: what errors call it. run: 0 where it is only read. lease: closed with it.
    """

    def __init__(
        self, connection: sqlite3.Connection, name: str, *, created: float, run: int, campaign: str = ""
    ) -> None:
        self._connection = connection
        self.campaign = campaign
        self.lease: sqlite3.Connection | None = None
        self._name = name
        self.created = created
        self.run = run
        self.recovered: tuple[Recovered, ...] = ()
        self._group = GroupCommit(self._commit)

    def enrol(self, rows: Sequence[Row], message_id: Callable[[Row], str], at: float) -> Enrolment:
        """Bring the ledger up to the list, as `Ledger.enrol` says."""
        with self.writing():
            known = {identity: key for key, identity in self._connection.execute(sql.IDENTITIES)}
            listed = {_identity(row.address) for row in rows}
            new = [row for row in rows if _identity(row.address) not in known]
            self._connection.executemany(sql.ADD, [_newcomer(row, message_id(row), at) for row in new])
            gone = [key for identity, key in known.items() if identity not in listed]
            self._connection.executemany(sql.SUPPRESS, [(GONE, key) for key in gone])
            self._requeue(at, {key for identity, key in known.items() if identity in listed})
            waiting = tuple(sql.waiting(found) for found in self._connection.execute(sql.WAITING))
        added = tuple(record for record in self.recipients() if _identity(record.address) not in known)
        return Enrolment(added, waiting)

    def _requeue(self, at: float, listed: set[int]) -> None:
        """Give those who were held, and those who are in the list again, a new start."""
        found = [sql.waiting(row) for row in self._connection.execute(sql.RETURNING, (GONE,))]
        again = [who.at(requeued(who.standing, at)) for who in found if who.key in listed]
        self._connection.executemany(sql.STAND, [sql.standing(who.key, who.standing) for who in again])

    def addressee(self, key: int) -> tuple[Row, str]:
        """Return the list's row as it was when the recipient was added, and the Message-ID."""
        with self._guarded():
            number, address, fields, message_id = self._connection.execute(sql.ADDRESSEE, (key,)).fetchone()
        return Row(number, address, json.loads(fields)), message_id

    async def intend(self, intent: Intent) -> None:
        """Write down, for good, that the final dot is about to leave."""
        await self._group.write(lambda: self._intend(intent))

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
        self._connection.executemany(sql.INTEND, [(key, *of) for key in intent.keys])
        self._connection.executemany(sql.INFLIGHT, [(intent.body_hash, key) for key in intent.keys])

    async def record(self, entries: Sequence[Entry]) -> None:
        """Write down tries and what they came to, and strike their intents."""
        await self._group.write(lambda: self._record(entries))

    def _record(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            cursor = self._connection.execute(sql.TRY, sql.attempt(entry))
            self._connection.execute(sql.TRIED, (cursor.lastrowid, *sql.standing(entry.key, entry.standing)))
        self._connection.executemany(sql.STRIKE, [(entry.key,) for entry in entries])

    def settle(self, moved: Sequence[Waiting]) -> None:
        """Write down where recipients stand now through no try."""
        stand = [sql.standing(who.key, who.standing) for who in moved]
        self._group.now(lambda: self._connection.executemany(sql.STAND, stand))

    def lessons(self) -> Sequence[Lesson]:
        """Return what destinations have taught."""
        with self._guarded():
            return [sql.lesson(found) for found in self._connection.execute(sql.LESSONS)]

    def learn(self, lesson: Lesson) -> None:
        """Write down a lesson; it replaces what was known."""
        self._group.now(lambda: self._connection.execute(sql.LEARN, sql.learned(lesson)))

    def forget(self) -> None:
        """Forget all lessons."""
        self._group.now(lambda: self._connection.execute(sql.FORGET))

    def sent_since(self, at: float) -> Mapping[str, int]:
        """Return how many transactions were begun since `at`, by account."""
        with self._guarded():
            return dict(self._connection.execute(sql.SENT_SINCE, (at,)).fetchall())

    def recipients(self) -> Iterator[RecipientRecord]:
        """Yield all recipients in the order in which they were added."""
        with self._guarded():
            for found in self._connection.execute(sql.RECIPIENTS):
                yield sql.recipient_record(found)

    def find(self, address: str) -> RecipientRecord | None:
        """Return the recipient with this address, in any letter case; None where there is none."""
        with self._guarded():
            found = self._connection.execute(sql.FIND, (_identity(address),)).fetchone()
        return None if found is None else sql.recipient_record(found)

    def attempts(self, of: RecipientRecord | None = None) -> Iterator[AttemptRecord]:
        """Yield all tries, or those for one recipient, in the order in which they ended."""
        asked = (sql.ATTEMPTS, ()) if of is None else (sql.ATTEMPTS_OF, (of.key,))
        with self._guarded():
            for found in self._connection.execute(*asked):
                yield sql.attempt_record(found)

    def runs(self) -> Sequence[RunRecord]:
        """Return all runs, the first one first."""
        with self._guarded():
            return [RunRecord(*found) for found in self._connection.execute(sql.RUNS)]

    def limits(self) -> Mapping[str, int]:
        """Return how many recipients each relay takes in a transaction, for those that ever said."""
        return {one.destination: int(one.value) for one in self.lessons() if one.kind is Kind.RECIPIENTS}

    def requeue(self, moved: Sequence[tuple[RecipientRecord, Standing]], *, at: float, by: str) -> None:
        """Write down that an operator moved recipients, by which command, and where they stand now."""
        with self.writing():
            self._connection.executemany(sql.REQUEUE, [(who.key, at, who.state.value, by) for who, _ in moved])
            self._connection.executemany(sql.STAND, [sql.standing(who.key, now) for who, now in moved])

    def requeues(self) -> Iterator[Requeued]:
        """Yield what operators moved, in order."""
        with self._guarded():
            for address, at, before, by in self._connection.execute(sql.REQUEUES):
                yield Requeued(recipient=address, at=at, before=State(before), by=by)

    def counts(self) -> Mapping[State, int]:
        """Return how many recipients are in each state, all states included."""
        counts = dict.fromkeys(State, 0)
        with self._guarded():
            counts.update((State(state), count) for state, count in self._connection.execute(sql.COUNTS))
        return counts

    def ended(self, at: float) -> None:
        """Write down that this run is over."""
        self._group.now(lambda: self._connection.execute(sql.RUN_ENDED, (at, self.run)))

    def close(self) -> None:
        """Let go of the file; what was written stays."""
        self._connection.close()
        if self.lease is not None:
            self.lease.close()

    def _commit(self, writes: Sequence[Write]) -> None:
        with self.writing():
            for write in writes:
                write()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make what is done inside one transaction: all of it, or none."""
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:  # a full disk makes SQLite roll back by itself
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerError(
                f"ledger cannot be used: {error}",
                where=self._name,
                hint="nothing that was written is lost; put it right and run again to go on",
            ) from error


def _identity(address: str) -> str:
    """Return what is equal for two spellings of one recipient (as lists.addresses has it)."""
    return address.casefold()


def _newcomer(row: Row, message_id: str, at: float) -> tuple[object, ...]:
    fields = json.dumps(dict(row.fields), ensure_ascii=False)
    return (_identity(row.address), row.address, row.number, fields, message_id, at, at)
