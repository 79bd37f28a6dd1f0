"""The ledger in PostgreSQL, for several machines that share a campaign.

Rule 1: a sender attempts whom it has leased, and no other (invariant I41); the clock of leases is the database's, no
sender's. Rule 2: an intent is written only under a lease that still holds, so a sender that was cut off for longer
sends no dot. Rule 3: whose lease has run out is taken over; intents without an outcome become Unknown (I38).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from maildrill.sender.attempt import State
from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import postgres_statements as pg
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.group import Then
from maildrill.sender.ledger.postgres_skipped import BEGINNING, Skipped
from maildrill.sender.ledger.records import Enrolment, Entry, Intent, Left, Page, RecipientRecord, Recovered
from maildrill.sender.ledger.recovery import recover
from maildrill.sender.ledger.sql_ledger import Move, SqlLedger
from maildrill.sender.ledger.store import LedgerError
from maildrill.sender.lists import Row
from maildrill.sender.plan import EVERYBODY, Waiting, Wanted

if TYPE_CHECKING:
    import psycopg

#: Seconds that a lease lasts without being renewed: for so long nobody else tries whom a dead sender had leased.
LEASE = 60.0

_LAST = 2**63 - 1  # no key is higher


class LeaseLostError(LedgerError):
    """Another sender has taken over what was leased to this one."""


class PostgresLedger(SqlLedger):
    """A ledger on an open connection (autocommit) that `postgres_opening` has prepared. name: the URL, redacted.

    campaign_now: whose policy decides what becomes of whom a dead sender left in doubt; None where it is only read.
    """

    renewal = LEASE / 3
    window = 500

    def __init__(  # noqa: PLR0913 - what a ledger is, and what it is on
        self,
        connection: psycopg.Connection[Any],
        name: str,
        *,
        created: float,
        run: int,
        campaign: str,
        campaign_now: Campaign | None = None,
    ) -> None:
        super().__init__(created=created, run=run, campaign=campaign)
        self._connection = connection
        self._name = name
        self._campaign = campaign_now
        self._skipped = Skipped(LEASE)

    def enrol(self, rows: Iterable[Row], message_id: Callable[[Row], str], at: float) -> Enrolment:
        """Bring the ledger up to the list, one sender after the other."""
        with self.writing():
            self.do(pg.ONE_AT_A_TIME)
            return super().enrol(rows, message_id, at)

    def lease(self, now: float, until: float, count: int, wanted: Wanted = EVERYBODY) -> Page:
        """Lease who is due, and take over what a dead sender had."""
        with self.writing():
            recovered = self.take_over(now)
            most = _LAST if wanted.last_key is None else wanted.last_key
            apart = (list(wanted.without), wanted.turns.count, list(wanted.turns.out))
            start = self._skipped.start(wanted, now)
            found = self.all(pg.LEASE, (self.run, LEASE, until, most, self.run, *start, *apart, count))
            if len(found) < count and start != BEGINNING:  # others may have given somebody back
                start = self._skipped.forget()
                rest = count - len(found)
                found += self.all(pg.LEASE, (self.run, LEASE, until, most, self.run, *start, *apart, rest))
            free = self.all(pg.NEXT_FREE, (most, *start, *apart)) or self.all(pg.NEXT_FREE, (most, *BEGINNING, *apart))
            (elsewhere,) = self.all(pg.NEXT_ELSEWHERE, (self.run,))[0]
        moments = [due for (due,) in free]
        if elsewhere is not None:
            moments.append(now + max(elsewhere, 0.0))
        if moments:
            moments.append(now + LEASE)  # an operator may have moved somebody
        page = sorted(map(sql.waiting, found), key=lambda who: (who.standing.due, who.key))
        self._skipped.found(page)
        self._ahead.leased([who.key for who in page])
        return Page(tuple(page), min(moments, default=None), recovered)

    def take_over(self, at: float) -> tuple[Recovered, ...]:
        """Settle the intents of senders whose leases have run out as Unknown, in the caller's transaction."""
        if self._campaign is None:
            return ()
        found = self.all(pg.IN_DOUBT, (self.run,))
        recovered = recover(self, found, self._campaign, at)
        self.each(pg.FREE, [([row[0] for row in found],)] if found else [])
        return recovered

    def let_go(self) -> None:
        """Give back all that is leased to this run."""
        self._group.now(lambda: self.do(pg.LET_GO, (self.run,)))

    def release(self, keys: Iterable[int]) -> None:
        """Give back these."""
        self._skipped.forget()
        given = list(keys)
        for key in given:
            self._ahead.drop(key)
        self._group.now(lambda: self.do(pg.RELEASE, (given, self.run)))

    async def renew(self) -> None:
        """Renew all leases of this run."""
        await self._group.write(lambda: self.do(pg.RENEW, (LEASE, self.run)))

    async def intend(self, intent: Intent, then: Then | None = None) -> None:
        """Write down that the final dot is about to leave, if these recipients are still ours."""
        ours: list[bool] = []
        await self._group.write(
            lambda: ours.append(self._intend_ours(intent)), lambda: then() if then is not None and ours[0] else None
        )
        if not ours[0]:
            raise LeaseLostError(
                "another sender has taken over: this one was cut off from the ledger for too long",
                where=self._name,
                expected=f"a renewal every {self.renewal:g} seconds, at least one in {LEASE:g}",
                hint="no message was sent without a lease; run again to go on",
            )

    def _intend_ours(self, intent: Intent) -> bool:
        keys = list(intent.keys)
        if len(self.all(pg.OURS, (keys, self.run))) < len(keys):
            return False
        self._intend(intent)
        return True

    def _conclude(self, entries: Sequence[Entry]) -> None:
        keys = [entry.key for entry in entries]
        ours = {key for (key,) in self.all(pg.STILL_OURS, (keys, self.run))}
        self.write_tries([entry for entry in entries if entry.key in ours])
        self.do(pg.RELEASE, ([entry.key for entry in entries if not entry.kept], self.run))
        for entry in entries:
            if entry.key not in ours:
                self._conclude_late(entry)

    def _conclude_late(self, entry: Entry) -> None:
        """Another sender has taken over; what was heard is kept, and a 2yz settles who is in doubt."""
        (attempt,) = self.do(sql.TRY, sql.attempt(entry)) or (0,)
        if entry.standing.state is State.DELIVERED:
            self.do(pg.SETTLE_LATE, (attempt, entry.key))

    def settle(self, moved: Sequence[Waiting]) -> None:
        """Write down where recipients stand now; who is not to be tried is leased no longer."""
        super().settle(moved)
        self.release(who.key for who in moved if who.standing.due is None)

    def running(self) -> Sequence[int]:
        """Return the runs whose senders are connected."""
        return [run for (run,) in self.all(pg.RUNNING)]

    def requeue(self, moved: Sequence[Move], *, at: float, by: str) -> Sequence[Left]:
        """Move recipients that no sender has, and that stand where they were read; leave the others."""
        may: list[Move] = []
        left: list[RecipientRecord] = []
        with self.writing():
            found = map(sql.waiting, self.all(pg.MOVABLE, ([who.key for who, _ in moved],)))
            known = {one.key: (one.standing.state, one.standing.attempts) for one in found}
            for who, now in moved:
                if known.get(who.key) == (who.state, who.attempts):
                    known[who.key] = (now.state, now.attempts)
                    may.append((who, now))
                else:
                    left.append(who)
            self.write_moves(may, at, by)
            self.do(pg.FREE, ([who.key for who, _ in may],))
            return self._why_left(left)

    def _why_left(self, left: Sequence[RecipientRecord]) -> Sequence[Left]:
        found = self.all(pg.WITH_WHOM, ([who.key for who in left],)) if left else []
        why = {key: _why(run, alive, in_doubt) for key, run, alive, in_doubt in found}
        return tuple(Left(who, why[who.key]) for who in left)

    def close(self) -> None:
        """Let go of the connection; what was written stays."""
        self._connection.close()

    def do(self, statement: str, parameters: Sequence[object] = ()) -> sql.Found | None:
        """Execute a statement; return its first row, if it gives any."""
        cursor = self._connection.execute(_percent(statement), _clean(parameters))
        return cursor.fetchone() if cursor.description else None

    def each(self, statement: str, parameters: Iterable[Sequence[object]]) -> None:
        """Execute a statement for each of these."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_percent(statement), [_clean(some) for some in parameters])

    def all(self, statement: str, parameters: Sequence[object] = ()) -> list[sql.Found]:
        """Return all rows of a short answer."""
        with self._guarded():
            return self._connection.execute(_percent(statement), _clean(parameters)).fetchall()

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> Iterator[sql.Found]:
        """Yield the rows of a long answer, a page in memory at a time."""
        with self._guarded(), self._connection.cursor(f"rows_{next(_NUMBERS)}", withhold=True) as cursor:
            cursor.itersize = 1000
            cursor.execute(_percent(statement), _clean(parameters))
            yield from cursor

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make what is done inside one transaction: all of it, or none."""
        with self._guarded(), self._connection.transaction():
            yield

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        import psycopg  # noqa: PLC0415 - an extra

        try:
            yield
        except psycopg.Error as error:
            raise LedgerError(
                f"ledger cannot be used: {in_words(error)}",
                where=self._name,
                hint="nothing that was written is lost; put it right and run again to go on",
            ) from None  # the driver's own error may show parameters


def _why(run: int | None, alive: bool | None, in_doubt: int | None) -> str:  # noqa: FBT001 - a row of WITH_WHOM
    """Say why somebody is not to be moved now."""
    if alive:
        return f"run {run} has it at this moment"
    if in_doubt is not None:
        return f"run {in_doubt} died with it; the next `maildrill send` says what becomes of it"
    return "it was moved meanwhile, or is at this moment"


def in_words(error: Exception) -> str:
    """Return the first line of what the database said."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


_NUMBERS = _numbers()


@cache
def _percent(statement: str) -> Any:
    """Return a statement with this driver's mark for parameters."""
    return statement.replace("?", "%s")


def _clean(parameters: Sequence[object]) -> list[object]:
    """PostgreSQL's text holds neither NUL nor half a surrogate pair; servers may say both."""
    return [_text(one) if isinstance(one, str) else one for one in parameters]


def _text(value: str) -> str:
    return value.replace("\0", "\u2400").encode("utf-8", "replace").decode()
