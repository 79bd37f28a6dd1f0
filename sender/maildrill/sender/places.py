"""Which destination gets a place, and which session gives its own up: nobody keeps all others waiting. Pure.

Rule 1: a destination is tardy once a session with it served nobody for GRACE seconds, until it is prompt again. Rule 2:
while prompt ones wait, the tardy have half of the places; of their sessions the first are heard out, the others give
way. Rule 3: of the tardy, whoever was heard out longest ago is next. Rule 4: of a single place they have half the time.
Rule 5: a session whose dot has left is never left, however long its host is silent then; so a quarter of the places is
for those that are known to serve, while any of them waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from maildrill.sender.pacing.promptness import GRACE

#: So long after somebody prompt had to wait the tardy have no more than their share: else a host would be connected to,
#: and left, as often as anybody else has something to say.
REST = 60.0
#: So many transactions, or seconds, are a turn: who had one makes room for whoever waits.
TURN, TURN_SECONDS = 10, 30.0


class Party(Protocol):
    """Whoever has sessions, or waits for one."""

    @property
    def tardy(self) -> bool:
        """Whether it kept a place for too long the last time."""
        ...

    @property
    def stranger(self) -> bool:
        """Whether it has not shown yet that it serves."""
        ...

    @property
    def heard_out(self) -> float:
        """When a session with it last ended by itself (Unix seconds)."""
        ...


P = TypeVar("P", bound=Party)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken(Generic[P]):
    """A place that is taken by a session with `party`.

    number: sessions are counted as they begin. begun, since: when it began, and when it was last of use. turns: the
    transactions it had. firm: it cannot be left now: a message is on its way, or it only waits for work. leaving: it
    was asked to give way.
    """

    party: P
    number: int
    begun: float
    since: float
    turns: int = 0
    firm: bool = False
    leaving: bool = False

    def late(self, now: float) -> bool:
        """Whether it counts as one of the tardy."""
        return self.party.tardy or now >= self.since + GRACE

    def risky(self, now: float) -> bool:
        """Whether it may keep its place for as long as the deadline for the dot, for all that is known."""
        return self.party.stranger or self.late(now)


@dataclass(frozen=True, slots=True)
class Load:
    """How many places those have who are late, and who are risky."""

    late: int
    risky: int


class Places(Generic[P]):
    """The places of a run: so many sessions at once, at most."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._contested_at = float("-inf")  # when somebody prompt had to wait
        self._owed = 0.0  # seconds of a single place that the tardy had, and the others did not have yet

    @property
    def share(self) -> int:
        """How many places the tardy may have while others wait."""
        return self.count // 2 or int(self._owed <= 0)

    @property
    def trust(self) -> int:
        """How many places strangers and whoever is late may have while somebody waits that is known to serve."""
        return self.count - self.count // 4

    def in_turn(self, line: Iterable[P], load: Callable[[], Load]) -> Iterator[P]:
        """Yield who waits in `line`, in order; load: of the places, at each moment."""
        tardy, known, strange = list[P](), deque[tuple[int, P]](), deque[tuple[int, P]]()
        for number, one in enumerate(line):
            if one.tardy:
                tardy.append(one)
            else:
                (strange if one.stranger else known).append((number, one))
        behind = deque(sorted(tardy, key=lambda one: one.heard_out))
        while behind or known or strange:
            if behind and (not (known or strange) or load().late < self.share):
                yield behind.popleft()
            elif known and not (strange and strange[0][0] < known[0][0] and load().risky < self.trust):
                yield known.popleft()[1]
            else:
                yield strange.popleft()[1]

    def free_for(self, party: P, now: float, taken: int, load: Callable[[], Load], *, known: bool = False) -> bool:
        """Whether a session with `party` may begin now, where so many places are taken; load: as above.

        known: whether somebody who is known to serve waits for a place.
        """
        if taken >= self.count:
            return False
        if party.tardy:
            return now >= self._contested_at + REST or load().late < self.share
        return not (known and party.stranger) or load().risky < self.trust

    def giving_way(self, now: float, taken: Sequence[Taken[P]], waiting: Iterable[P]) -> list[Taken[P]]:
        """Return whose sessions are to be left at once for the sake of those in `waiting`, who would begin one."""
        prompt = [one for one in waiting if not one.tardy]
        if prompt:
            self._contested_at = now
        beyond = sorted((one for one in taken if one.late(now)), key=lambda one: one.number)[self.share :]
        wanted = len(prompt) - sum(one.leaving for one in taken)
        found: list[Taken[P]] = []
        for one in reversed(beyond):
            asked = any(other is not one.party for other in prompt)
            if len(found) < wanted and asked and not (one.firm or one.leaving):
                found.append(one)
        return found

    def had_its_turn(self, one: Taken[P], now: float, taken: Sequence[Taken[P]], waiting: Iterable[P]) -> bool:
        """Whether a session between two transactions is to make room for somebody in `waiting`."""
        load = load_of(taken, now)
        behind = load.late
        kept = not one.party.stranger and load.risky >= self.trust  # no stranger would get the place
        others = [other for other in waiting if other is not one.party and not (kept and other.stranger)]
        if not one.turns or len(taken) < self.count or not others:
            return False  # whoever was long in coming is used at least once
        if any(not other.tardy for other in others):
            if one.party.tardy and behind > self.share:
                return True
        elif not one.party.tardy and behind >= (self.share or int(self._owed <= now - one.begun)):
            return False  # none of them would get the place
        return one.turns >= TURN or now >= one.begun + TURN_SECONDS

    def ended(self, one: Taken[P], now: float, waiting: Iterable[P]) -> None:
        """Note that a session is over."""
        if self.count > 1:
            return
        if not one.late(now) or one.leaving:
            self._owed = max(self._owed - (now - one.begun), 0.0)
        elif any(not other.tardy for other in waiting):
            self._owed += now - one.begun

    def next_moment(self, now: float, taken: Sequence[Taken[P]], waiting: Sequence[P]) -> float | None:
        """Return when somebody in `waiting` may get a place by the passing of time alone, or None."""
        moments = [one.since + GRACE for one in taken if not one.late(now)]
        if all(one.tardy for one in waiting):
            moments = []
        if len(taken) < self.count and waiting:
            moments.append(self._contested_at + REST)
        return min((at for at in moments if at > now), default=None)


def load_of(taken: Iterable[Taken[P]], now: float) -> Load:
    """Return how many sessions are of no use now, or may be."""
    sessions = list(taken)
    return Load(sum(one.late(now) for one in sessions), sum(one.risky(now) for one in sessions))
