"""What goes into the ledger and comes out of it: values only. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from maildrill.sender.attempt import Fault, Scope, State, Verdict
from maildrill.sender.plan import Waiting
from maildrill.sender.standing import Standing
from maildrill.smtp import Reply, Stage
from maildrill.smtp.quickly import quickly


@quickly
@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try for one recipient, and what it came to.

    number: counted attempts so far, this one included if it counts. run, session: counted from 1, the session
    within its run. transaction: within its session; None where none was begun. state: the recipient's after it.
    until: not tried again before. account: the label of the destination; host: who was talked to, if anybody.
    override: the user's own word that the verdict is by, instead of the row's.
    """

    recipient: str
    number: int
    run: int
    session: int
    transaction: int | None
    started: float
    ended: float
    verdict: Verdict
    state: State
    scope: Scope
    _: KW_ONLY
    stage: Stage
    row: str
    counted: bool
    reply: Reply | None = None
    fault: Fault | None = None
    detail: str = ""
    until: float | None = None
    account: str = ""
    host: str = ""
    override: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What RCPT was answered for the recipient with this key, and the row of the table that it is ruled by."""

    key: int
    row: str
    reply: Reply


@quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The final dot of a transaction is about to leave for the recipients with these keys; refused: not for these."""

    keys: tuple[int, ...]
    session: int
    transaction: int
    started: float
    at: float
    body_hash: str
    account: str = ""
    host: str = ""
    refused: tuple[Refusal, ...] = ()


@quickly
@dataclass(frozen=True, slots=True)
class Entry:
    """What is written down together: a recipient, one try for it, and where it stands after that.

    kept: this run goes on holding it; else its lease is over, and whoever asks when it is due gets it.
    """

    key: int
    attempt: AttemptRecord
    standing: Standing
    kept: bool = False


@quickly
@dataclass(frozen=True, slots=True)
class RecipientRecord:
    """A recipient as the ledger has it.

    number: its line in the list. attempts: the counted ones. stage, reply, fault, row, verdict: of its last try,
    counted or not; None (row: empty) before one. doubtful: a try ended Unknown. key: the ledger's own name for it.
    """

    address: str
    number: int
    state: State
    attempts: int
    queued_at: float
    due: float | None
    _: KW_ONLY
    first_at: float | None
    expires_at: float | None
    message_id: str
    body_hash: str | None = None
    reason: str = ""
    verdict: Verdict | None = None
    stage: Stage | None = None
    reply: Reply | None = None
    fault: Fault | None = None
    row: str = ""
    doubtful: bool = False
    key: int = 0

    @property
    def waiting(self) -> Waiting:
        """The same recipient as whoever moves it takes it."""
        standing = Standing(
            state=self.state,
            attempts=self.attempts,
            due=self.due,
            first_at=self.first_at,
            expires_at=self.expires_at,
            doubtful=self.doubtful,
            reason=self.reason,
        )
        return Waiting(self.key, self.address, self.queued_at, standing)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run: its number from 1, when it began, and when it ended; None while it lasts, or after a crash."""

    number: int
    started: float
    ended: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The campaign was paused in a run, because a reply was the same for so many recipients in a row.

    resumed: when an operator had it go on; None: it still is paused.
    """

    at: float
    run: int
    recipients: int
    reply: Reply
    resumed: float | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as reports have it: at, run, recipients, reply."""
        return {"at": self.at, "run": self.run, "recipients": self.recipients, "reply": str(self.reply)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeued:
    """An operator said that a recipient is to be tried again: when, where it stood, and by which command."""

    recipient: str
    at: float
    before: State
    by: str


@dataclass(frozen=True, slots=True)
class Left:
    """A recipient that an operator meant to move, and why it was left where it is."""

    record: RecipientRecord
    reason: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What comparing the list with the ledger came to: how many are new; their keys are above `last_key`."""

    added: int
    last_key: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recipient whose final dot had left when an earlier run ended, and the state it has been given."""

    address: str
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """Recipients leased to this run, in order of their turns.

    next_at: when it is worth asking for more, as far as the ledger knows (in the past: at once); None: nobody is left.
    recovered: whom a dead sender left in doubt.
    """

    waiting: tuple[Waiting, ...]
    next_at: float | None
    recovered: tuple[Recovered, ...] = ()
