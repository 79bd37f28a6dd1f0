"""A campaign: what to send, to whom, by which account, how fast, and how long to try.

Values only; `campaign_file` reads them from TOML.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from maildrill.smtp.quantity import Rate


class Mode(StrEnum):
    """How recipients share messages."""

    MERGE = "merge"  # a message of its own for each recipient
    BATCH = "batch"  # one message, many recipients in a transaction


class UnknownPolicy(StrEnum):
    """What to do when the line dropped after the final dot (delivery-semantics 2.2, RFC 1047)."""

    AT_MOST_ONCE = "at-most-once"  # leave it Unknown: never twice
    AT_LEAST_ONCE = "at-least-once"  # try again with the same Message-ID: never lost


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name (may be empty) and an address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The server that takes the mail."""

    host: str
    port: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again (RFC 5321 section 4.5.4.1); seconds throughout; raises ValueError for what makes no sense.

    schedule: delay before the 2nd, 3rd, … attempt, never falling, the last one repeats. cap: no delay is
    longer. jitter: 0..1 (less than 1), each delay is spread over [d(1-j), d(1+j)] by a seeded hash.
    lifetime: an attempt later than this after the first one is not begun; 0 = one attempt.
    """

    schedule: tuple[float, ...]
    cap: float
    jitter: float = 0.0
    lifetime: float = 5 * 86400.0
    unknown: UnknownPolicy = UnknownPolicy.AT_MOST_ONCE

    def __post_init__(self) -> None:
        if not self.schedule or min(self.schedule) <= 0:
            raise ValueError("schedule must hold at least one delay, each longer than 0s")
        if list(self.schedule) != sorted(self.schedule):
            raise ValueError("schedule must not fall: a later delay is never shorter")  # invariant I11
        if self.cap <= 0:
            raise ValueError("cap must be longer than 0s")
        if not 0 <= self.jitter < 1:
            raise ValueError("jitter must be at least 0 and less than 1")
        if self.lifetime < 0:
            raise ValueError("lifetime must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard to push. rate: messages (MAIL commands) per time over all connections; None = as fast as it goes."""

    connections: int = 4
    messages_per_connection: int = 100
    recipients_per_transaction: int = 100
    rate: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Everything a campaign file says, checked; paths are absolute, templates unparsed."""

    name: str
    sender: Mailbox  # the From field and the reverse-path
    subject: str
    account: Account
    list_file: Path
    email: str  # the list's column with the address
    text: str | None  # the plain-text template itself
    html: str | None
    attachments: tuple[Path, ...]
    retry: RetryPolicy
    limits: Limits
    reply_to: Mailbox | None = None
    mode: Mode = Mode.MERGE
    seed: int = 0
    file: Path = Path("campaign.toml")
