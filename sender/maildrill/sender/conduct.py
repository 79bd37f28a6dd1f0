"""How a destination conducts itself in one session, and what gate and pupil are told of it.

Rule: what was served counts for the destination; what it said of itself never counts for a recipient.
"""

from __future__ import annotations

from collections.abc import Sequence

from maildrill.sender.attempt import Fault, Ruling, Transaction, Verdict
from maildrill.sender.desk import Desk, Try
from maildrill.sender.destination import Destination
from maildrill.sender.disposition import learned_limit
from maildrill.sender.hindsight import ended_at, refusal
from maildrill.sender.pacing.lessons import Lesson, SessionEnd
from maildrill.smtp import Reply, Stage

_RELEASED = Verdict.RELEASED  # to ask an enumeration for it takes its time


class Conduct:
    """One session with `destination`, begun at `now`.

    served: transactions that were. spoilt: it is to end. untold: a message needs what another session may be offered,
    for EHLO was not answered in this one. probe: it is the one after a cool-down. used_at, heard_at: when it was last
    used, and when anything was last heard.
    """

    def __init__(self, destination: Destination, desk: Desk, now: float) -> None:
        self.probe = destination.gate.begun()
        self.served = 0
        self.spoilt = False
        self.untold = False
        self.used_at = self.heard_at = now
        self._there = destination
        self._desk = desk
        self._begun_at = now
        self._end: tuple[Stage, Reply | None] = (Stage.QUIT, None)

    def lost(self, now: float, others: int) -> None:
        """Nothing was served: refused beside `others` that are, there may be too many; else the host is in trouble."""
        gate = self._there.gate
        if others and not gate.breaker.tripped:
            gate.crowded(now, self._begun_at, others + 1)
        else:
            gate.failed(now, probe=self.probe)

    def lost_while_idle(self) -> None:
        """It was gone when it was to be used again."""
        self._end = (Stage.IDLE, None)

    def over(self, now: float) -> None:
        """An opened session is over: learn from how that came."""
        stage, said = self._end
        end = SessionEnd(self.served, self.heard_at - self.used_at, stage, said)
        self._learn(self._there.pupil.session_ended(now, end))

    def weigh(self, heard: Transaction, rulings: Sequence[Ruling], go: Try) -> None:
        """Tell gate and pupil what a transaction says of the destination."""
        there, mail, now = self._there, heard.mail, go.ended
        if heard.broken is not None and heard.broken.fault is Fault.NO_EHLO:
            self.untold = True
        limit = learned_limit(heard)
        if limit is not None:
            self._learn(there.pupil.too_many(now, limit, refusal(heard)))
        if mail is not None and mail.klass == 4:
            there.pupil.refused(now, mail)
        if _put_back(rulings):
            self.spoilt = True
            self._end = ended_at(heard)
            said = self._end[1]
            if self.served and said is not None and said.code == 421:
                there.gate.crowded(now, self._begun_at, there.opened)
        elif mail is not None and mail.positive and heard.broken is None:
            self.served += 1
            self.used_at = now
            there.gate.served(now, go.started)
            self._learn(there.pupil.served(now))
            self.probe = self.probe and there.gate.breaker.tripped
        elif mail is not None and mail.klass == 4:  # every MAIL refused is a host in trouble (delivery-semantics 2.1)
            there.gate.failed(now, probe=self.probe)
            self.probe = False
            self.spoilt = there.gate.breaker.tripped

    def _learn(self, lesson: Lesson | None) -> None:
        if lesson is not None and self._there.learn(lesson):
            self._desk.learn(lesson)


def _put_back(rulings: Sequence[Ruling]) -> bool:
    """Whether nothing was said of somebody, who is not to be asked for at once again either."""
    for ruling in rulings:  # noqa: SIM110 - takes a third of what any() of an expression does
        if ruling.verdict is _RELEASED and not ruling.again:
            return True
    return False
