"""What the sender asks of a ledger, whichever store keeps it.

Rule 1: what a method writes is written whole or not at all, and durable when it returns; the two that are awaited
share a transaction with all others that come in the same turn. Rule 2: once begun they are written, whatever happens:
a stop request comes at the caller's next wait. Rule 3: a store that cannot write raises LedgerError; the sender stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from maildrill.sender.attempt import State
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
from maildrill.smtp import MaildrillError, Reply


class LedgerError(MaildrillError):
    """The ledger could not be read or written: disk full, file gone, file damaged."""


class Ledger(Protocol):
    """A campaign's ledger, open; times are Unix seconds."""

    @property
    def campaign(self) -> str:
        """The campaign's name."""
        ...

    @property
    def created(self) -> float:
        """When the campaign was begun; the Date of its messages."""
        ...

    @property
    def run(self) -> int:
        """The number of this run, from 1."""
        ...

    @property
    def recovered(self) -> Sequence[Recovered]:
        """What opening it found in the middle of a transaction."""
        ...

    def enrol(self, rows: Iterable[Row], message_id: Callable[[Row], str], at: float) -> Enrolment:
        """Bring the ledger up to the list: add who is new, suppress who is gone, queue again who was held."""
        ...

    @property
    def renewal(self) -> float | None:
        """After how many seconds leases must be renewed; None: they last as long as the ledger is open."""
        ...

    @property
    def window(self) -> int:
        """How many recipients one sender is to hold, at most: memory does not grow with the list."""
        ...

    def lease(self, now: float, until: float, count: int, wanted: Wanted = EVERYBODY) -> Page:
        """Lease at most `count` of these who are due by `until` to this run, in order of their turns (invariant I41).

        Nobody else gets them until they are recorded and not kept, settled with nothing due, or released, or the run
        ends; or until this sender has not renewed its leases in time.
        """
        ...

    def release(self, keys: Iterable[int]) -> None:
        """Give back recipients for whom nothing was tried."""
        ...

    async def renew(self) -> None:
        """Renew all leases of this run."""
        ...

    def addressee(self, key: int) -> tuple[Row, str]:
        """Return the list's row as it was when the recipient was added, and the Message-ID: they never change."""
        ...

    async def intend(self, intent: Intent, then: Callable[[], object] | None = None) -> None:
        """Write down, for good, that the final dot is about to leave (invariant I37).

        then: called as soon as that is written, with what others of its group want called; what it asks the loop for
        by `call_soon` is done before this returns, but in a drill that writes singly (see `SqliteLedger.write_singly`).
        """
        ...

    async def record(self, entries: Sequence[Entry], pause: Pause | None = None) -> bool:
        """Write down tries and what they came to, strike their intents, and say if they pause all: all in one.

        When this returns it has survived the end of this process; with a pause that of the machine, too, else soon.
        Returns whether `pause` was written: it is not where there is none, or another one stands already.
        """
        ...

    def pauses(self) -> Sequence[Pause]:
        """Return when the campaign was paused, and why; the first time first."""
        ...

    def refusals(self, row: str) -> Iterator[tuple[str, Reply]]:
        """Yield who was refused by this row of the table of dispositions, and how, the last one first.

        Back to the last delivery, or to when an operator had the campaign go on after a pause, whichever was later.
        """
        ...

    def resume(self, at: float) -> None:
        """Write down that an operator has the campaign go on."""
        ...

    def settle(self, moved: Sequence[Waiting]) -> None:
        """Write down where recipients stand now through no try: expired, held, or their lifetime begun."""
        ...

    def lessons(self) -> Sequence[Lesson]:
        """Return what destinations have taught of their limits, each with the reply that taught it."""
        ...

    def learn(self, lesson: Lesson) -> None:
        """Write down a lesson; it replaces what was known of that limit of that destination."""
        ...

    def forget(self) -> None:
        """Forget all lessons."""
        ...

    def sent_since(self, at: float) -> Mapping[str, int]:
        """Return how many transactions were begun since `at`, by the label of their account."""
        ...

    def recipients(self) -> Iterator[RecipientRecord]:
        """Yield all recipients in the order in which they were added."""
        ...

    def standings(self, last_key: int) -> Iterator[tuple[str, str, int]]:
        """Yield address, state and counted tries of those whose keys are not above `last_key`, in order."""
        ...

    def newcomers(self, last_key: int) -> Iterator[tuple[str, int, str]]:
        """Yield address, line in the list and Message-ID of those whose keys are above `last_key`, in order."""
        ...

    def find(self, address: str) -> RecipientRecord | None:
        """Return the recipient with this address, in any letter case; None where there is none."""
        ...

    def attempts(self, of: RecipientRecord | None = None) -> Iterator[AttemptRecord]:
        """Yield all tries, or those for one recipient, in the order in which they ended."""
        ...

    def runs(self) -> Sequence[RunRecord]:
        """Return all runs, the first one first."""
        ...

    def running(self) -> Sequence[int]:
        """Return the numbers of the runs that are alive at this moment."""
        ...

    def requeue(self, moved: Sequence[tuple[RecipientRecord, Standing]], *, at: float, by: str) -> Sequence[Left]:
        """Write down that an operator moved recipients, by which command, and where they stand now (invariant I9).

        Returns who was left where it is: a sender has it at this moment, or it has moved since it was read.
        """
        ...

    def requeues(self) -> Iterator[Requeued]:
        """Yield what operators moved, in order."""
        ...

    def counts(self) -> Mapping[State, int]:
        """Return how many recipients are in each state, all states included."""
        ...

    def ended(self, at: float) -> None:
        """Write down that this run is over, and give back what is leased to it."""
        ...

    def close(self) -> None:
        """Let go of the ledger; what was written stays."""
        ...
