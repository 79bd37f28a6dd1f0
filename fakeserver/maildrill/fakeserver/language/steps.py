"""Transcripts as values: sessions in order, each a row of steps that server and client take.

Rule: a step says what was written and on which line; it is compared without its line. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.script_words import Handshake
from maildrill.fakeserver.language.span import Duration
from maildrill.smtp import ConfigurationError


class Leaving(StrEnum):
    """How the server ends a session."""

    FIN = "fin"
    RST = "rst"
    REFUSE = "refuse"  # the connection never stands; the first step of a session, and its only one


@dataclass(frozen=True, slots=True)
class ServerSays:
    """`S:` or `S>:`: octets as they go out, after a wait."""

    octets: bytes
    wait: Duration | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ServerLeaves:
    """`!cut`: the server ends the session, after a wait."""

    how: Leaving
    wait: Duration | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ServerShakes:
    """`!tls`: a TLS handshake, and what goes wrong with it (None: nothing)."""

    fault: Handshake | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ServerTakes:
    """`!commit`: whether the server takes the message that just ended, whatever it replies."""

    taken: bool
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ClientSays:
    """`C:`: a line that the client says; a pattern without the line's end."""

    pattern: Pattern
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ClientSends:
    """`C>:`: octets that the client sends, exactly these."""

    octets: bytes
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ClientGoesOn:
    """`C: …`: any lines of a message, up to what the next step describes: a line, or that the client goes."""

    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ServerReads:
    """`!read`: so many octets from the client, whatever they are."""

    count: int
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ClientLeaves:
    """`(client closes)`: the client ends the session here."""

    line: int = field(default=0, compare=False)


Step = (
    ServerSays
    | ServerLeaves
    | ServerShakes
    | ServerTakes
    | ServerReads
    | ClientSays
    | ClientSends
    | ClientGoesOn
    | ClientLeaves
)

#: Steps that wait for the client.
HEARD = (ClientSays, ClientSends, ClientGoesOn, ServerReads, ClientLeaves)
#: What stands for any lines of a message.
GOES_ON = ("…", "...")
_LAST = (ServerLeaves, ClientLeaves)
_ENDS_A_MESSAGE = (ClientSays, ClientSends, ServerReads)


class StepError(ConfigurationError):
    """A step that cannot be taken where it stands, on this line of the transcript."""

    def __init__(self, line: int, what: str, *, expected: str = "", hint: str = "") -> None:
        super().__init__(what, expected=expected, hint=hint)
        self.line = line


@dataclass(frozen=True, slots=True)
class Session:
    """What happens on one connection, which begins so long after the session before it ended. Raises StepError."""

    steps: tuple[Step, ...]
    later: Duration | None = None
    line: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if not self.steps:
            raise StepError(
                self.line, "a session in which nothing happens", hint="write what the server says: S: 220 …"
            )
        for n, step in enumerate(self.steps):
            before = self.steps[n - 1] if n else None
            after = self.steps[n + 1] if n + 1 < len(self.steps) else None
            _check(step, before, after)


def _check(step: Step, before: Step | None, after: Step | None) -> None:
    """Raise StepError where a step cannot stand between its neighbours."""
    if isinstance(step, _LAST) and after is not None:
        raise StepError(after.line, "the session has ended before this", hint="write (new connection) above it")
    if isinstance(step, ServerLeaves) and step.how is Leaving.REFUSE and (before is not None or step.wait is not None):
        raise StepError(
            step.line,
            "a connection can be refused only at its very beginning, at once",
            hint="write it alone behind (new connection), or write !cut rst",
        )
    if isinstance(step, ServerTakes) and not isinstance(before, _ENDS_A_MESSAGE):
        raise StepError(
            step.line, "a message is taken, or not, right behind its end", hint="write it below the line C: ."
        )
    if isinstance(step, ClientSays) and not _fits_a_line(step.pattern.text):
        raise StepError(
            step.line,
            "what the client says is one line, without a blank at its end",
            hint=r'write C>: "…" with \r and \n for the rest',
        )
    if isinstance(step, ClientGoesOn) and not isinstance(after, ClientSays | ClientLeaves):
        raise StepError(
            step.line, "what comes behind these lines is not said", hint="write the line that follows, such as C: ."
        )


def _fits_a_line(text: str) -> bool:
    return "\n" not in text and text == text.rstrip() and text.strip() not in GOES_ON


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A transcript file.

    name: what errors call it. strict: it is played line by line, and fails on the first difference; else it is turned
    into rules. repeat: after the last session the first comes again. hostname: what the server calls itself.
    """

    name: str = "transcript"
    sessions: tuple[Session, ...] = ()
    strict: bool = False
    repeat: bool = False
    hostname: str | None = None
