"""What the engine is asked and what it answers: events in, actions out.

Rule 1: values only. The session makes events, the engine (pure) turns each into actions, faults performs them.
Rule 2: nobody changes one. Those that are made for each command are not frozen all the same: that would take three
times as long. Where every microsecond counts they are made by position, which takes a third of the time of names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from maildrill.fakeserver.language.script_words import Handshake, Mangle
from maildrill.smtp import Reply, Stage

if TYPE_CHECKING:
    from maildrill.fakeserver.engine.near_miss import NearMiss
    from maildrill.fakeserver.language.destination import Destination


@dataclass(slots=True)
class Event:
    """One moment of one session at which a script may have something to say."""

    stage: Stage
    at: float  # Unix seconds of the server's clock
    session: int  # 1, 2, … in the order of connecting
    client: str  # the peer's address, without port
    transaction: int = 0  # which MAIL command of the session this belongs to: 1, 2, …; 0 before the first
    helo: str = ""  # the name given with EHLO or HELO, "" before
    user: str = ""  # who is logged in, "" before; at AUTH and AUTH_STEP who wants to be, as far as is known
    tls: str = ""  # the version that is spoken, as ssl names it: "TLSv1.3"; "" in clear
    reverse_path: str | None = None  # from MAIL on; at MAIL the one just named
    rcpt: str | None = None  # at RCPT: the address just named
    recipients: tuple[str, ...] = ()  # accepted so far in this transaction
    parameters: Mapping[str, str] = field(default_factory=dict)  # of MAIL, from then on; at RCPT its own too
    verb: str = ""  # as received, in upper case; "" where no command was given
    argument: str = ""  # what followed the verb on the line
    message_id: str = ""  # at the end of a message: the Message-ID field, "" where there is none
    content: bytes = b""  # at the end of a message: its octets, un-stuffed; b"" where it is too big to be kept
    size: int | None = None  # octets: at MAIL as declared; at BODY so far; at BDAT of the chunk; at the end of all
    last: bool = False  # at BDAT: whether this chunk ends the message
    idle: float = 0.0  # at IDLE: seconds since the last reply
    pipelined: bool = False  # of a command: whether it began to come before the reply to what was said before


@dataclass(frozen=True, slots=True)
class Wait:
    """Let `seconds` of the server's clock pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Commit:
    """Say whether the server takes the message, whatever it replies (at DOT only)."""

    taken: bool


@dataclass(frozen=True, slots=True)
class Advertise:
    """Change the EHLO keywords of this session: `SIZE 1000` sets one, `-8BITMIME` hides one."""

    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a reply is written, where not at once and as it should be.

    drip: so many octets, then so many seconds, and so on. tease: so many seconds before each of so many continuation
    lines, then the reply. mangle: what is wrong with the octets.
    """

    drip: tuple[int, float] | None = None
    tease: tuple[float, int] | None = None
    mangle: Mangle | None = None


PLAINLY = Manner()


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with this reply in the server's place; `half`: write only half of its octets."""

    reply: Reply
    half: bool = False
    manner: Manner = PLAINLY


@dataclass(frozen=True, slots=True)
class Proceed:
    """Let the server answer as a correct one would; `half`: write only half of the reply's octets."""

    half: bool = False
    manner: Manner = PLAINLY


@dataclass(frozen=True, slots=True)
class Raw:
    """Answer with these octets, whatever they are; for the session it is as if nothing had been replied."""

    octets: bytes
    manner: Manner = PLAINLY


@dataclass(frozen=True, slots=True)
class Sip:
    """At BODY: from here on read so many octets of the message at a time, then so many seconds nothing."""

    octets: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Shake:
    """At TLS: what goes wrong with the handshake, or with the certificate that is shown."""

    fault: Handshake


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection: FIN, or RST with `reset`. At CONNECT a reset is a refused connection."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class HandOn:
    """Have another server do what was asked for: Proceed says its reply, and a message is taken if it takes it."""

    where: Destination


Action = Wait | Commit | Advertise | Sip | Say | Proceed | Raw | Shake | Close | HandOn

#: What is done where no rule has anything to say; always this very tuple.
PROCEEDING: tuple[Action, ...] = (Proceed(),)


@dataclass(slots=True)
class Decision:
    """The actions for one event, to be performed in order, and the name of the rule that answered ("" = none).

    unmatched: a strict script had no rule for this event. near_misses: where no rule answered, for each rule of the
    stage what did not hold, the nearest first. added: the rules that passed the event on, and what they say with it.
    """

    actions: tuple[Action, ...]
    rule: str = ""
    near_misses: Sequence[NearMiss] = ()
    unmatched: bool = False
    added: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether a rule, or a strict script, has answered the event."""
        return bool(self.rule) or self.unmatched
