"""A destination of a run: an account, or the hosts of recipients' domains; its gate, its limits, its sessions.

Rule: what is learned here holds at once, and in later runs, unless the campaign says otherwise of this destination.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from maildrill.sender.campaign import DestinationLimits, Limits, Mode
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.gate import Gate
from maildrill.sender.pacing.hours import WarmUp
from maildrill.sender.pacing.lessons import Kind, Lesson, Pupil
from maildrill.sender.pacing.limits import Effective, effective
from maildrill.sender.pacing.pace import Pace, Throttle, Together
from maildrill.sender.queues import Queue

#: So many sessions at first where a destination is not ours: RFC 5321 section 4.5.4.1 wants no more than it bears.
FIRST_SESSIONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all destinations of a run have in common.

    pace: of all messages together. first: a moment of the campaign's first day. used: messages sent today, by label.
    """

    limits: Limits
    mode: Mode
    log: ConnectionLog
    pace: Throttle
    now: float
    first: float
    used: Callable[[str], int]
    changed: Callable[[Destination], None]
    several: bool = False  # whether there are other destinations

    @property
    def zone(self) -> tzinfo | None:
        """The zone by whose calendar days are counted."""
        return self.limits.opening.zone


@dataclass(eq=False)
class Destination:
    """One destination.

    label: what log, ledger and lessons call it. relay: `host:port` of an account, else the label. direct: it is one
    that recipients' domains name. queues: those that are its own. out: why no session is begun any more in this run;
    empty while there may be. sessions: how many are under way; opened: those of them in which mail can be sent;
    idle: those that wait. spared: recipients that were one too many in the last transaction that a session may have,
    or in one that served nobody: where they are that in the next session, too, they are not asked for at once again.
    """

    label: str
    relay: str
    house: House
    own: DestinationLimits = field(default_factory=DestinationLimits)
    lessons: dict[Kind, Lesson] = field(default_factory=dict)
    direct: bool = False
    queues: dict[str, Queue] = field(default_factory=dict)
    out: str = ""
    sessions: int = 0
    opened: int = 0
    idle: int = 0
    spared: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pupil = Pupil(self.label, self.house.limits.sharers)
        self.limits = self._effective()
        self._warm_up = WarmUp(
            self.limits.warm_up,
            self.house.zone,
            first=self.house.first,
            now=self.house.now,
            used=self.house.used(self.label) if self.limits.warm_up else 0,
        )
        self.gate = Gate(
            self.relay,
            self._pace(),
            self.house.log,
            lambda: self.house.changed(self),
            connections=self.limits.connections,
            first=self._first_sessions(),
        )

    @property
    def tardy(self) -> bool:
        """Whether it served nobody for too long when it last had a place."""
        return self.gate.promptness.tardy

    @property
    def stranger(self) -> bool:
        """Whether it has not shown yet that it serves."""
        return self.gate.promptness.stranger

    @property
    def stuck(self) -> bool:
        """Whether who waits for it will hardly be served soon."""
        return self.gate.promptness.tardy or not self.working

    @property
    def heard_out(self) -> float:
        """When a session with it last ended by itself (Unix seconds)."""
        return self.gate.promptness.heard_out

    @property
    def paced(self) -> bool:
        """Whether messages may have to wait for their turn."""
        limits = self.house.limits
        return bool(
            limits.rate or limits.group or limits.opening.hours or self.limits.rate is not None or self.limits.warm_up
        )

    @property
    def working(self) -> bool:
        """Whether mail can be sent there, as far as is known."""
        return not (self.out or self.gate.breaker.tripped)

    def learn(self, lesson: Lesson) -> bool:
        """Take in a lesson; return whether it says anything new."""
        known = self.lessons.get(lesson.kind)
        if known is not None and known.value <= lesson.value:
            return False
        self.lessons[lesson.kind] = lesson
        before, self.limits = self.limits, self._effective()
        if self.limits.rate != before.rate:
            self.gate.pace = self._pace()
            self.gate.pace.turn(lesson.at)
        return True

    def ready(self, now: float, queues: Iterable[Queue]) -> int:
        """Return how many sessions the work that is due in `queues` would keep busy."""
        return sum(-(-queue.agenda.ready(now) // self.limits.recipients) for queue in queues)

    def _first_sessions(self) -> int:
        """Nobody takes all places before it has shown that it works."""
        if self.direct:
            return FIRST_SESSIONS
        return max(self.house.limits.connections // 2, 1) if self.house.several else self.limits.connections

    def _effective(self) -> Effective:
        learned = {kind: lesson.value for kind, lesson in self.lessons.items()}
        return effective(self.house.limits, self.own, learned, mode=self.house.mode)

    def _pace(self) -> Together:
        throttles = [self.house.pace]
        if self.limits.rate is not None:
            throttles.append(Pace(self.limits.rate, self.limits.burst))
        if self.limits.warm_up:
            throttles.append(self._warm_up)
        return Together(*throttles)


def next_moments(queues: Sequence[Queue]) -> list[float]:
    """Return when somebody in `queues` is due, and when somebody more will be."""
    found = []
    for queue in queues:
        found += [at for at in (queue.agenda.next_due(), queue.agenda.next_later()) if at is not None]
    return found
