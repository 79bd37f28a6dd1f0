"""What the processes of a crew say to one another: values that go through a pipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from maildrill.cli.exits import place_of
from maildrill.smtp import ConfigurationError, MaildrillError


@dataclass(frozen=True, slots=True)
class Ready:
    """A hand is there."""


@dataclass(frozen=True, slots=True)
class Go:
    """The list is in the ledger: begin. run: its number; created: when the campaign was begun (Unix seconds)."""

    run: int
    created: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Begin no more transactions."""


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody has paused the campaign: look into the ledger."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A hand has nothing more to do. connections: sessions that it began. attempts: tries, uncounted ones included."""

    connections: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """What ended a hand before its time. lasting: another run would fare no better; bug: it is a fault of ours."""

    what: str
    where: str = ""
    expected: str = ""
    hint: str = ""
    lasting: bool = False
    bug: bool = False

    @classmethod
    def of(cls, error: Exception) -> Failed:
        """Return the words for an error."""
        if not isinstance(error, MaildrillError):
            return cls(f"{type(error).__name__}{place_of(error)}: {error}", bug=True)
        lasting = isinstance(error, ConfigurationError)
        return cls(error.what, error.where, error.expected, error.hint, lasting)

    def error(self) -> Exception:
        """Return the error that the words are for."""
        if self.bug:
            return RuntimeError(self.what)
        kind = ConfigurationError if self.lasting else MaildrillError
        return kind(self.what, where=self.where, expected=self.expected, hint=self.hint)


#: To a hand, and from it.
Order: TypeAlias = Go | Stop | Look
Answer: TypeAlias = Ready | Ended | Failed
