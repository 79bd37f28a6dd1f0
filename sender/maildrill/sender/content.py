"""Whether servers refuse the content of a campaign: the same 5yz after the dot, for one recipient after the other.

Pure. Rule 1: only what was said after the final dot (or the last chunk) counts, and each recipient once; a delivery
begins the count anew. Rule 2: this never decides what becomes of a recipient: its own reply has done that (I29).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from maildrill.sender.attempt import Ruling, Verdict
from maildrill.sender.summary import shape
from maildrill.smtp import Reply

#: The row of a 5yz to the dot, or to the last chunk, which stands in its place (RFC 3030 section 2).
REFUSED = "dot-5yz"


@dataclass(frozen=True, slots=True)
class Caution:
    """How carefully a run sends. canary: to so many first, then it stops; 0: to everybody.

    go_on: after the canary to the rest, if every one of it was delivered. resume: also if the campaign is paused.
    """

    canary: int = 0
    go_on: bool = False
    resume: bool = False


#: Everything at once, unless the campaign is paused.
PLAIN = Caution()


@dataclass(frozen=True, slots=True)
class Streak:
    """Recipients that were refused with one reply since the last delivery. limit: so many are too many; 0: never.

    reply: the first one; others are the same but for addresses, queue ids and numbers.
    """

    limit: int
    reply: Reply | None = None
    recipients: frozenset[str] = field(default_factory=frozenset)

    @property
    def broken(self) -> bool:
        """Whether the content must be what is refused (delivery-semantics 2.1, dot 5yz)."""
        return 0 < self.limit <= len(self.recipients)

    @classmethod
    def left(cls, limit: int, refusals: Iterable[tuple[str, Reply]]) -> Streak:
        """Return what earlier runs have left. refusals: by REFUSED since the last delivery, the last one first."""
        streak = cls(limit)
        for recipient, reply in refusals if limit else ():
            if streak.broken or not (streak.reply is None or shape(streak.reply) == shape(reply)):
                break
            streak = cls(limit, reply, streak.recipients | {recipient})
        return streak

    def after(self, rulings: Iterable[Ruling]) -> Streak:
        """Return what it is after these rulings (RFC 5321 section 4.2.5: a 5yz to the dot is final)."""
        streak = self
        for ruling in rulings:
            streak = streak._after(ruling)
        return streak

    def _after(self, ruling: Ruling) -> Streak:
        if ruling.verdict is Verdict.DELIVERED:
            return Streak(self.limit) if self.recipients else self
        if ruling.verdict is not Verdict.FAILED or ruling.row != REFUSED or ruling.reply is None:
            return self
        if self.reply is None or shape(self.reply) != shape(ruling.reply):
            return Streak(self.limit, ruling.reply, frozenset({ruling.recipient}))
        return Streak(self.limit, self.reply, self.recipients | {ruling.recipient})
