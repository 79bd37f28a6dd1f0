"""What all sessions of one server share, and what the parts of a session ask of one another.

Protocols and one value: a Decider says what happens, a Talk holds the session, a Wire carries its octets.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from maildrill.fakeserver.engine.event import Decision, Event
from maildrill.fakeserver.journal.journal import Closed, Journal, Message, SessionRecord
from maildrill.fakeserver.language.script import DEFAULT_HOSTNAME
from maildrill.fakeserver.language.settings import Limits, Settings
from maildrill.fakeserver.message.body import Body, Store
from maildrill.fakeserver.session import faults
from maildrill.smtp import Clock, Reply


class Decider(Protocol):
    """Who decides at every moment of a session: an Engine, or anything that answers like one."""

    def on(self, event: Event, /) -> Decision:
        """Return what to do at an event."""
        ...

    def idle_waits(self) -> tuple[float, ...]:
        """Return the seconds of silence after which an IDLE event is wanted, ascending."""
        ...

    def body_marks(self) -> tuple[int, ...]:
        """Return after how many octets of a message a BODY event is wanted besides the first, ascending."""
        ...

    def end(self, session: int, /) -> None:
        """Take note that a session is over."""
        ...


class AskedFirst:
    """A Decider with something in front of it, which decides unless it returns None. then: the one behind."""

    def __init__(self, first: Callable[[Event], Decision | None], then: Decider) -> None:
        self._first = first
        self.then = then

    def on(self, event: Event) -> Decision:
        """Return what to do at an event."""
        return self._first(event) or self.then.on(event)

    def idle_waits(self) -> tuple[float, ...]:
        """Return the seconds of silence after which an IDLE event is wanted: those of the decider behind."""
        return self.then.idle_waits()

    def body_marks(self) -> tuple[int, ...]:
        """Return after how many octets of a message a BODY event is wanted: those of the decider behind."""
        return self.then.body_marks()

    def end(self, session: int) -> None:
        """Take note that a session is over."""
        self.then.end(session)


@dataclass(frozen=True, slots=True)
class Door:
    """What the connections that come in at one address are like; see FakeServer.start."""

    tls: bool = False
    lmtp: bool = False
    proxy: bool = False


class Wire(faults.Wire, Protocol):
    """A connection, as a conversation sees it. door: by which it came in. crowded: there are too many.

    ahead: the client began with this command before it could hear the reply to what it had said before.
    """

    door: Door
    crowded: bool
    ahead: bool

    def put(self, octets: bytes) -> bool:
        """Say octets where nothing has to be waited for; returns whether that is so, else `say` must be awaited."""
        ...

    @property
    def leaves(self) -> bool:
        """Whether the connection still takes what was said, in this turn of the loop if not at once."""
        ...

    def flush(self) -> bool:
        """Send what was said at once; returns whether the connection still took it."""
        ...

    async def read_line(self, most: int) -> str | None:
        """Return the next line without its end; None for one of more than so many octets."""
        ...

    def unread(self, octets: bytes) -> None:
        """Take octets back that were heard and are to be read."""
        ...

    async def read_some(self, most: int = ...) -> bytes:
        """Return the next octets, one at least and `most` at most."""
        ...

    async def await_octet(self) -> None:
        """Return when there is something to read."""
        ...

    async def read_body(self, body: Body, mark: int | None, most: int) -> bool:
        """Feed `body` until it is whole, or has as many octets as `mark` says; returns whether it is whole.

        most: octets that are taken at once.
        """
        ...

    def hold(self) -> None:
        """Drop what was pipelined, and read nothing more before `release` or `secure`: what comes may be TLS."""
        ...

    def release(self) -> None:
        """Read on, in clear."""
        ...

    async def secure(self, context: ssl.SSLContext, heard: bytes = b"") -> str:
        """Do a TLS handshake as the server; returns the version spoken from now on, "" where that failed.

        heard: octets of it that came already.
        """
        ...

    async def hang_up(self, *, reset: bool) -> NoReturn:
        """End the connection by FIN or RST, and with it whatever is going on in this session."""
        ...


class Outbox:
    """What leaves together once a turn of the loop has been heard, whichever connection it is for.

    A reply that leaves at once wakes up its client in the middle: with many sessions in one client it is awake already
    when those behind the first leave.
    """

    def __init__(self) -> None:
        self._waiting: list[Callable[[], object]] = []

    def send(self, flush: Callable[[], object], loop: asyncio.AbstractEventLoop) -> None:
        """Have `flush` called once all that came in this turn of the loop has been handled."""
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append(flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for flush in waiting:
            flush()


class Talk(Protocol):
    """Who holds a session: a Conversation, or anything that plays its part. record: the session in the journal."""

    record: SessionRecord

    def connect(self, client: str) -> bool:
        """Open the session of a client (its address) in the journal; returns False where it is refused."""
        ...

    async def greet(self) -> None:
        """Say the banner."""
        ...

    async def command(self, verb: str, argument: str) -> None:
        """Answer a command; `verb` in upper case."""
        ...

    async def say(self, reply: Reply) -> None:
        """Say something about what is no command; 421 ends the connection."""
        ...

    async def idle(self, seconds: float) -> None:
        """Do what happens after so many seconds of silence."""
        ...

    async def time_out(self, reply: Reply | None = ...) -> None:
        """End the connection because the client takes too long, with a reply, by default about silence.

        None: by a reset, without a word, as the client does not read what is said.
        """
        ...

    def end(self, how: Closed) -> None:
        """Note that the connection ended by itself; called at every end, of which only the first counts."""
        ...


@dataclass(slots=True, kw_only=True)
class Host:
    """What all sessions of one server share.

    converse: makes the Talk of each session, None for a Conversation. on_commit: called with each message that the
    server takes, when it takes it. listens: at which addresses and ports of TCP it does.
    """

    decider: Decider
    journal: Journal
    clock: Clock
    settings: Settings = field(default_factory=Settings)
    converse: Callable[[Host, Wire], Talk] | None = None
    on_commit: Callable[[Message], None] | None = None
    limits: Limits = field(init=False)
    idle_waits: tuple[float, ...] = field(init=False)
    store: Store = field(init=False)
    outbox: Outbox = field(default_factory=Outbox, init=False)
    listens: set[tuple[str, int]] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.store = Store(0)
        self.play(self.decider, self.settings)

    def play(self, decider: Decider, settings: Settings) -> None:
        """Let another decide from now on; its settings hold for sessions that are yet to begin."""
        self.decider, self.settings = decider, settings
        self.limits = settings.limited
        self.store.limit = self.limits.memory
        self.idle_waits = decider.idle_waits()

    @property
    def hostname(self) -> str:
        """What the server calls itself."""
        return self.settings.hostname or DEFAULT_HOSTNAME
