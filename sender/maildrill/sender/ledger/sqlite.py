"""The ledger in SQLite: one file, one connection, one writer.

Rule 1: with WAL a transaction is on the disk when the -wal was flushed behind its commit: by SQLite (synchronous=FULL),
or by us (NORMAL, and a `Flusher`). Rule 2: who has the file leased has it all, so what is leased of it is known in
memory, and to nobody else. Rule 3: we may read what is committed and not flushed yet: what we write upon it comes to
the disk behind it. Rule 4: what is gathered is executed before anything is read that it may change.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.flusher import Beside, Flusher, begin_process
from maildrill.sender.ledger.gathered import Gathered
from maildrill.sender.ledger.group import Write
from maildrill.sender.ledger.lease import is_leased
from maildrill.sender.ledger.records import Entry, Intent, Page
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.ledger.trouble import in_words
from maildrill.sender.plan import EVERYBODY, Waiting, Wanted
from maildrill.sender.share import WHOLE, Share

#: Where nothing is registered, Python asks in vain in three places what None is to be written as, for each None.
sqlite3.register_adapter(type(None), lambda none: none)


class SqliteLedger(SqlLedger):
    """A ledger on an open connection (isolation_level None). name: what errors call it. file_lease: closed with it.

    lazy: nothing is written for good before the run has ended; so many tries as `crowd` are executed together then, for
    SQLite called for each of them takes three times as long. turn: held while a transaction is open, not while it is
    flushed. share: whom it gives out, where several processes send, who write in turns.
    """

    takes_arrays = True

    def __init__(  # noqa: PLR0913 - what a ledger is, what it is on, and how much of it is ours
        self,
        connection: sqlite3.Connection,
        name: str,
        *,
        created: float,
        run: int,
        campaign: str = "",
        share: Share = WHOLE,
    ) -> None:
        super().__init__(created=created, run=run, campaign=campaign)
        self._connection = connection
        self._name = name
        self._share = share
        self._held: set[int] = set()
        self._gathered = Gathered()
        self._last_try: int | None = None  # nobody else gives out numbers; None: the table has to be asked
        self.file_lease: sqlite3.Connection | None = None
        self.lazy = False
        self.crowd = 256
        self.turn: Callable[[], AbstractContextManager[object]] = nullcontext
        self._flusher: Flusher | None = None

    def put_off(self) -> None:
        """Be lazy."""
        self.lazy = True

    def write_singly(self) -> None:
        """Write at once whatever comes, without a group: for a drill, where nothing is gained by waiting for others."""
        self._group.turns = 0

    def flush_apart(self, start: Callable[[int], Beside | None] = begin_process) -> None:
        """Flush what is committed ourselves, so that we can go on meanwhile: for intents what FULL promises.

        To be called when a transaction is on the disk with FULL: SQLite has then made the -wal's name durable, too.
        In WAL mode NORMAL is FULL without the flush behind each commit (https://www.sqlite.org/pragma.html).
        Where there is no -wal, or it cannot be opened, SQLite goes on flushing. start: see `Flusher`.
        """
        (mode,) = self._connection.execute("PRAGMA journal_mode").fetchone()
        (_, _, file) = self._connection.execute("PRAGMA database_list").fetchone()
        if mode != "wal":
            return
        try:
            self._flusher = self._group.disk = Flusher(Path(f"{file}-wal"), self._name, start)
        except OSError:
            return
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def lease(
        self,
        now: float,  # noqa: ARG002 - the file is ours, whatever time it is
        until: float,
        count: int,
        wanted: Wanted = EVERYBODY,
    ) -> Page:
        """Give out who is due, in order of their turns."""
        page: list[Waiting] = []
        next_at = None
        everybody, share = self._share.whole, self._share
        last_key, turns = wanted.last_key, wanted.turns
        with self._guarded():
            self._pour()
            apart = (json.dumps(list(wanted.without)), turns.count, json.dumps(list(turns.out)))
            for found in self._connection.execute(sql.WAITING, apart):
                key, due = found[0], found[5]
                if key in self._held or (last_key is not None and key > last_key):
                    continue
                if not (everybody or share.has(key)):
                    continue
                if due > until or len(page) == count:
                    next_at = due
                    break
                page.append(sql.waiting(found))
        keys = [waiting.key for waiting in page]
        self._held.update(keys)
        self._ahead.leased(keys)
        return Page(tuple(page), next_at)

    def let_go(self) -> None:
        """Give back all that is leased; what was written until now is written for good."""
        with self.writing():
            pass
        self._held.clear()

    async def renew(self) -> None:
        """Do nothing: the lease on the file lasts as long as the process."""

    def release(self, keys: Iterable[int]) -> None:
        """Give back these."""
        for key in keys:
            self._held.discard(key)
            self._ahead.drop(key)

    def _recorded(self, entries: Sequence[Entry]) -> None:
        super()._recorded(entries)
        self._held.difference_update([entry.key for entry in entries if not entry.kept])

    def settle(self, moved: Sequence[Waiting]) -> None:
        """Write down where recipients stand now; who is not to be tried is leased no longer."""
        super().settle(moved)
        self.release(who.key for who in moved if who.standing.due is None)

    def ended(self, at: float) -> None:
        """Write down that this run is over; a share of it that is done is not its end."""
        if self._share.whole:
            super().ended(at)
        else:
            self.let_go()

    def running(self) -> Sequence[int]:
        """Return the run that has the file, if it is one: an operator's command has it too, but begins none."""
        last = self.all(sql.LAST_RUN)
        return [run for run, ended in last if ended is None and is_leased(Path(self._name))]

    def close(self) -> None:
        """Let go of the file; what was written stays."""
        self._group.settle()
        if self._flusher is not None:
            self._flusher.close()  # before SQLite removes the file: Windows would not let it
        self._connection.close()
        if self.file_lease is not None:
            self.file_lease.close()

    def do(self, statement: str, parameters: Sequence[object] = ()) -> sql.Found | None:
        """Execute a statement; return its first row, if it gives any."""
        self._pour()
        found: sql.Found | None = self._connection.execute(statement, parameters).fetchone()
        return found

    def each(self, statement: str, parameters: Iterable[Sequence[object]]) -> None:
        """Execute a statement for each of these."""
        self._pour()
        self._connection.executemany(statement, parameters)

    def write_tries(self, entries: Sequence[Entry]) -> None:
        """Write down tries and strike their intents, in the caller's transaction."""
        self._conclude(entries)
        self._pour()

    def _intend(self, intent: Intent) -> None:
        if not self._gathered.takes(intent):
            self._pour()
        self._gathered.intend(self.run, intent)

    def _conclude(self, entries: Sequence[Entry]) -> None:
        self._gathered.conclude(entries)

    def _pour(self) -> None:
        """Execute what was gathered; a failure takes back the transaction, and nothing stays gathered."""
        gathered = self._gathered
        if gathered:
            self._gathered = Gathered()
            self._execute(gathered.rows(self._numbers(len(gathered.entries))))

    def _pour_tries(self) -> None:
        """Execute what was gathered of tries: of most intents there is nothing to execute once their try has come."""
        gathered = self._gathered
        if gathered.entries:
            self._execute(gathered.taken_tries(self._numbers(len(gathered.entries))))

    def _numbers(self, count: int) -> int:
        """Give out numbers for so many tries; return the first of them."""
        last = self._last_try
        if last is None:
            (last,) = self._connection.execute(sql.LAST_TRY).fetchone()
        self._last_try = last + count
        return last + 1

    def _execute(self, statements: Iterable[tuple[str, Sequence[sql.Found]]]) -> None:
        for statement, rows in statements:
            self._connection.executemany(statement, rows)

    def all(self, statement: str, parameters: Sequence[object] = ()) -> list[sql.Found]:
        """Return all rows of a short answer."""
        with self._guarded():
            self._pour()
        return self.lasting(statement, parameters)

    def lasting(self, statement: str, parameters: Sequence[object] = ()) -> list[sql.Found]:
        """Return all rows of a short answer that no intent and no try changes; what is gathered may stay so."""
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise in_words(self._name, error) from error

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> Iterator[sql.Found]:
        """Yield the rows of a long answer."""
        with self._guarded():
            self._pour()
            yield from self._connection.execute(statement, parameters)

    def _commit(self, writes: Sequence[Write]) -> None:
        if not self.lazy:
            with self._transaction():
                for write in writes:
                    write()
                self._pour()
            return
        try:  # no context managers: a drill has two of these for each try, and they took a seventh of it
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            for write in writes:
                write()
            if len(self._gathered.entries) >= self.crowd:
                self._pour_tries()
        except BaseException as error:
            self._forget()
            if isinstance(error, sqlite3.Error):
                raise in_words(self._name, error) from error
            raise

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make what is done inside one transaction: all of it, or none."""
        self._group.check()
        with self._transaction():
            yield
        self._group.sync()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guarded(), self.turn():
            if self._connection.in_transaction:
                self._pour()
                self._connection.execute("COMMIT")
            if not self._share.whole:
                self._last_try = None
            self._connection.execute("BEGIN IMMEDIATE")
            with self._taken_back():
                yield
                self._connection.execute("COMMIT")

    @contextmanager
    def _taken_back(self) -> Iterator[None]:
        """Take back the transaction where what is done in it fails; nothing stays gathered then."""
        try:
            yield
        except BaseException:
            self._forget()
            if self._connection.in_transaction:  # a full disk makes SQLite roll back by itself
                self._connection.execute("ROLLBACK")
            raise

    def _forget(self) -> None:
        self._gathered = Gathered()
        self._last_try = None

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise in_words(self._name, error) from error
