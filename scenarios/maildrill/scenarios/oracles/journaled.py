"""The server's journal as oracles read it: what was asked, which connections there were, which messages came whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from maildrill.scenarios.oracles.shelf import Octets
from maildrill.sender.summary import Spot
from maildrill.smtp import Reply, Stage
from maildrill.smtp.quickly import quickly


@quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The server's journal on one command: what was asked, and the reply if all of it was written.

    transaction: which MAIL command of the session it belongs to. recipient: at RCPT, the address as asked.
    parameters: the names of those of MAIL or RCPT, in upper case. secure: it came by TLS. whole: the
    message is over with it; not so for a chunk before the last.
    """

    at: float
    session: int
    transaction: int
    stage: Stage
    recipient: str = ""
    reply: Reply | None = None
    parameters: frozenset[str] = frozenset()
    secure: bool = False
    whole: bool = True

    @property
    def spot(self) -> Spot:
        """When and at which stage this was."""
        return Spot(self.at, self.stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The server's journal on one connection: from when to when, by its clock; refused ones last for no time.

    host: the name of the server.
    """

    session: int
    opened: float
    closed: float
    host: str = ""


@quickly
@dataclass(frozen=True, kw_only=True)
class Taken:
    """The server's journal on one end of data: for whom, which octets, whether it was taken and said to be.

    at: when the dot was read. acknowledged: all of a 2yz reply was written. honest: the server did not take what it
    refused.
    """

    __slots__ = ("_content", "acknowledged", "at", "committed", "honest", "recipients", "session", "transaction")

    at: float
    session: int
    transaction: int
    recipients: tuple[str, ...]
    content: Octets = Octets()  # noqa: RUF009 - a descriptor, not a default
    committed: bool
    acknowledged: bool
    honest: bool

    @property
    def spot(self) -> Spot:
        """When this was: at the dot."""
        return Spot(self.at, Stage.DOT)


def transactions_of(by_session: Mapping[int, Iterable[Asked]]) -> dict[tuple[int, int], tuple[Asked, ...]]:
    """Return the commands by session and transaction, in order; those before the first MAIL left out."""
    found: dict[tuple[int, int], tuple[Asked, ...]] = {}
    for session, asked in by_session.items():
        for number, together in groupby(asked, attrgetter("transaction")):
            if number:
                found[session, number] = (*found.get((session, number), ()), *together)
    return found
