"""An invariant: what must hold for any sender under any server, and how a breach of it is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from maildrill.sender.summary import Spot, Violation

_E = TypeVar("_E")


class Witness(StrEnum):
    """Who is heard."""

    LIST = "list"  # the campaign and its list, as they were read
    LEDGER = "ledger"  # the sender's
    LOG = "log"  # the sender's
    JOURNAL = "journal"  # the server's
    REPORT = "report"  # what the user is told
    TWIN = "twin"  # a second drill
    RUNS = "runs"  # what each of several runs left behind


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that should not have happened: to whom (may be empty), the evidence in a sentence, and where it was."""

    recipient: str
    finding: str
    spot: Spot | None = None


@dataclass(frozen=True, slots=True)
class Invariant(Generic[_E]):
    """A numbered statement, the document that it rests on, the check for breaches, and who is heard in it.

    reading: what it asks of letters, if it does; they are read for all at once (Letters).
    """

    number: int
    name: str
    statement: str
    source: str
    check: Callable[[_E], Iterator[Breach]]
    witnesses: tuple[Witness, ...]
    reading: Callable[[_E], Callable[[Any], Iterable[Breach]]] | None = None

    @property
    def id(self) -> str:
        """`I4`, as reports and docs call it."""
        return f"I{self.number}"

    def violations(self, evidence: _E) -> Iterator[Violation]:
        """Yield what the check finds, ready to be reported."""
        for breach in self.check(evidence):
            yield Violation(self.id, self.name, breach.recipient, breach.finding, breach.spot)
