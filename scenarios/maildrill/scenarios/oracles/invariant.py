"""An invariant: what must hold for any sender under any server, and how a breach of it is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.sender.summary import Violation


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that should not have happened: to whom (may be empty), and the evidence in a sentence."""

    recipient: str
    finding: str


Check = Callable[[Evidence], Iterator[Breach]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A numbered statement, the document that it rests on, and the check that looks for breaches."""

    number: int
    name: str
    statement: str
    source: str
    check: Check

    @property
    def id(self) -> str:
        """`I4`, as reports and docs call it."""
        return f"I{self.number}"

    def violations(self, evidence: Evidence) -> Iterator[Violation]:
        """Yield what the check finds, ready to be reported."""
        for breach in self.check(evidence):
            yield Violation(self.id, self.name, breach.recipient, breach.finding)
