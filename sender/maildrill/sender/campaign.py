"""A campaign: what to send, to whom, by which account, how fast, and how long to try.

Values only; `campaign_file` reads them from TOML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from maildrill.sender.credentials import Credentials
from maildrill.sender.dsn import DsnRequest
from maildrill.sender.override import Overrides
from maildrill.sender.pacing.hours import ALWAYS, Opening
from maildrill.sender.security import WHERE_OFFERED, Security
from maildrill.smtp.quantity import Rate
from maildrill.smtp.quickly import quickly


class Mode(StrEnum):
    """How recipients share messages."""

    MERGE = "merge"  # a message of its own for each recipient
    BATCH = "batch"  # one message, many recipients in a transaction


#: Octets of a chunk, where the campaign says nothing, and at least.
DEFAULT_CHUNK, LEAST_CHUNK = 2**20, 1024


class Chunking(StrEnum):
    """Whether messages go by BDAT (RFC 3030)."""

    OFF = "off"  # by DATA, which every server takes
    AUTO = "auto"  # by BDAT, where CHUNKING is offered


class UnknownPolicy(StrEnum):
    """What to do when the line dropped after the final dot (delivery-semantics 2.2, RFC 1047)."""

    AT_MOST_ONCE = "at-most-once"  # leave it Unknown: never twice
    AT_LEAST_ONCE = "at-least-once"  # try again with the same Message-ID: never lost


@quickly
@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name (may be empty) and an address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The server that takes the mail, and how to get in.

    name: what campaign, accounts file and log call it. address: where `host` is, if that is known.
    """

    host: str
    port: int = 25
    name: str = ""
    address: str = ""
    security: Security = WHERE_OFFERED
    auth: Credentials | None = None

    @property
    def relay(self) -> str:
        """`host:port`, as the log shows it."""
        return f"{self.host}:{self.port}"

    @property
    def label(self) -> str:
        """What it is called: its name, or where it is."""
        return self.name or self.relay


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again (RFC 5321 section 4.5.4.1); seconds throughout; raises ValueError for what makes no sense.

    schedule: delay before the 2nd, 3rd, … attempt, never falling, the last one repeats. cap: no delay is
    longer. jitter: 0..1 (less than 1), each delay is spread over [d(1-j), d(1+j)] by a seeded hash.
    lifetime: an attempt later than this after the first one is not begun; 0 = one attempt, see standing.
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
class DestinationLimits:
    """How hard to push one destination; None: as the campaign's limits have it.

    warm_up: messages on the first day, on the second, …; afterwards as many as the rest allows.
    """

    connections: int | None = None
    messages_per_connection: int | None = None
    recipients_per_transaction: int | None = None
    rate: Rate | None = None
    burst: int | None = None
    idle: float | None = None
    warm_up: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard to push.

    connections: at once, over all destinations. rate: messages (MAIL commands) per time over all connections, burst of
    them at once; None = as fast as it goes. group, interval: MaxBulk's; so many messages, then so many seconds of
    nothing. opening: when sending is allowed. each: what holds for a destination unless it says otherwise.
    destinations: by a pattern of recipient domains, MX hosts or account names (`*.example`), the first that fits.
    pause_after: the same 5yz to the final dot for so many recipients in a row pauses the campaign; 0: nothing does.
    sharers: processes that share what a destination bears; these limits are the part of one of them (see `share`).
    """

    connections: int = 4
    messages_per_connection: int = 100
    recipients_per_transaction: int = 100
    rate: Rate | None = None
    burst: int = 1
    group: int = 0
    interval: float = 0.0
    opening: Opening = ALWAYS
    idle: float = 10.0
    each: DestinationLimits = DestinationLimits()
    destinations: Mapping[str, DestinationLimits] = field(default_factory=dict)
    pause_after: int = 5
    sharers: int = 1


class RouteKind(StrEnum):
    """How a recipient finds its server."""

    ROTATION = "rotation"  # accounts, each its share
    FAILOVER = "failover"  # the first account that works
    DIRECT = "direct"  # the hosts that the recipient's domain names


class UnusableMx(StrEnum):
    """What becomes of recipients whose domain names hosts that have no address."""

    DEFER = "defer"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An account of a route. weight: its share, in rotation. limits: its own."""

    account: Account
    weight: int = 1
    limits: DestinationLimits = DestinationLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where messages go. members: the accounts in order; none: the campaign's one account.

    resolvers: addresses of the DNS servers to ask; none: those of the system.
    """

    kind: RouteKind = RouteKind.ROTATION
    members: tuple[Member, ...] = ()
    unusable_mx: UnusableMx = UnusableMx.DEFER
    resolvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Everything a campaign file says, checked; paths are absolute, templates unparsed.

    accounts_file: where its accounts are from; None: it has one of its own.
    """

    name: str
    sender: Mailbox  # the From field and the reverse-path
    subject: str
    account: Account  # the first of the route; delivered directly, what every host is approached with (its port)
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
    accounts_file: Path | None = field(default=None, compare=False)
    route: Route = Route()
    dsn: DsnRequest | None = None  # which reports are asked for (RFC 3461); None: nothing is said of them
    chunk: int = 0  # octets that go at a time by BDAT, where CHUNKING is offered (RFC 3030); 0: always DATA
    suppress: tuple[Path, ...] = ()  # suppression lists: who gets no message whatever the list says
    overrides: Overrides = field(
        default_factory=Overrides
    )  # what refusals mean to the user, instead of what the table says

    @property
    def direct(self) -> bool:
        """Whether messages go to the hosts that the recipients' domains name."""
        return self.route.kind is RouteKind.DIRECT

    @property
    def members(self) -> tuple[Member, ...]:
        """The accounts that messages go through, in order; delivered directly, none."""
        return () if self.direct else self.route.members or (Member(account=self.account),)

    @property
    def relay(self) -> str:
        """Where messages go, in a few words: `host:port` for each account, or `direct`."""
        return "direct" if self.direct else ", ".join(member.account.relay for member in self.members)
