"""What the engine is asked and what it answers: events in, actions out.

Rule: values only. The session makes events, the engine (pure) turns each into actions, faults performs them.
"""

from __future__ import annotations

from dataclasses import dataclass

from maildrill.smtp import Reply, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One moment of one session at which a script may have something to say."""

    stage: Stage
    at: float  # Unix seconds of the server's clock
    session: int  # 1, 2, … in the order of connecting
    client: str  # the peer's address, without port
    transaction: int = 0  # which MAIL command of the session this belongs to: 1, 2, …; 0 before the first
    helo: str = ""  # the name given with EHLO or HELO, "" before
    reverse_path: str | None = None  # from MAIL on; at MAIL the one just named
    rcpt: str | None = None  # at RCPT: the address just named
    recipients: tuple[str, ...] = ()  # accepted so far in this transaction
    message_id: str = ""  # at DOT: the Message-ID field, "" where there is none
    argument: str = ""  # what followed the verb on the line
    verb: str = ""  # as received, in upper case; "" where no command was given
    idle: float = 0.0  # at IDLE: seconds since the last reply


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
class Say:
    """Answer with this reply in the server's place; `half`: write only half of its octets."""

    reply: Reply
    half: bool = False


@dataclass(frozen=True, slots=True)
class Proceed:
    """Let the server answer as a correct one would; `half`: write only half of the reply's octets."""

    half: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection: FIN, or RST with `reset`. At CONNECT a reset is a refused connection."""

    reset: bool = False


Action = Wait | Commit | Advertise | Say | Proceed | Close


@dataclass(frozen=True, slots=True)
class Decision:
    """The actions for one event, to be performed in order, and the name of the rule that fired ("" = none).

    unmatched: a strict script had no rule for this event; near_misses then says for each rule of the stage
    what did not hold: `greylisting: age = "<5m"`.
    """

    actions: tuple[Action, ...]
    rule: str = ""
    unmatched: bool = False
    near_misses: tuple[str, ...] = ()
