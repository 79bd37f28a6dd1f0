"""What is due, in which order, and how many at a time. Pure: time is an argument.

Rule 1: in order of due, then of the list. Rule 2: a recipient is given out once until it is put back.
Rule 3: nobody is given out after the end of their lifetime (invariant I14).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from operator import itemgetter

from maildrill.sender.standing import Standing
from maildrill.smtp.quickly import quickly

_NEVER = float("inf")


@quickly
@dataclass(frozen=True, slots=True)
class Waiting:
    """A recipient to be tried: its key in the ledger, its address, when it was queued, and where it stands."""

    key: int
    address: str
    queued_at: float
    standing: Standing

    def at(self, standing: Standing) -> Waiting:
        """Return the same recipient standing elsewhere."""
        return replace(self, standing=standing)


@dataclass(frozen=True, slots=True)
class Turns:
    """Which recipients take part, by their keys: all but those that leave a remainder in `out`, divided by `count`.

    So accounts in rotation share the list: whose turn it is the key says, no column.
    """

    count: int = 1
    out: frozenset[int] = frozenset()


#: Everybody takes part.
ALL = Turns()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which recipients are asked for.

    without: nobody at these domains (in lower case), as if they were not in the list (invariant I45). last_key: nobody
    with a higher key; None: whatever the key. turns: only those who take part.
    """

    without: frozenset[str] = frozenset()
    last_key: int | None = None
    turns: Turns = ALL


#: Whoever is due.
EVERYBODY = Wanted()


#: A recipient's turn: due (Unix seconds), key, who. Turns compare by the first two.
_Turn = tuple[float, int, Waiting]
_due = itemgetter(0)


class Agenda:
    """All recipients that wait for a try; `len()` counts them, iteration is in no particular order."""

    def __init__(self) -> None:
        self._later: list[_Turn] = []  # in order, as they come from the ledger: cheaper than a heap
        self._ready: deque[_Turn] = deque()  # in order, too: who is put back goes before those whose turn came later
        self.earliest_end = _NEVER  # no lifetime ends before this; saves looking through all of them

    def add(self, waiting: Waiting) -> None:
        """Put a recipient in; its standing must have a due time. Raises ValueError without one."""
        due = waiting.standing.due
        if due is None:
            raise ValueError(f"nothing is due for {waiting.address}")
        turn = (due, waiting.key, waiting)
        if self._later and turn < self._later[-1]:
            insort(self._later, turn)
        else:
            self._later.append(turn)
        end = waiting.standing.expires_at
        if end is not None and end < self.earliest_end:
            self.earliest_end = end

    def ready(self, now: float) -> int:
        """Return how many are due at `now`."""
        later, ready = self._later, self._ready
        if later and later[0][0] <= now:
            count = bisect_right(later, now, key=_due)
            if ready and later[0] < ready[-1]:
                for turn in later[:count]:
                    insort(ready, turn)
            else:
                ready.extend(later[:count])
            del later[:count]
        return len(ready)

    def next_due(self) -> float | None:
        """Return when the next one is due (in the past if it is due already), or None if nobody waits."""
        if self._ready:
            return self._ready[0][0]
        return self._later[0][0] if self._later else None

    def next_later(self) -> float | None:
        """Return when the next one becomes due that was not due when last looked at, or None."""
        return self._later[0][0] if self._later else None

    def take(self, now: float, size: int) -> list[Waiting]:
        """Give out at most `size` that are due at `now`, within their lifetime."""
        self.ready(now)
        batch: list[Waiting] = []
        overdue: list[_Turn] = []
        while self._ready and len(batch) < size:
            turn = self._ready.popleft()
            if _end(turn[2]) < now:
                overdue.append(turn)
            else:
                batch.append(turn[2])
        self._ready.extendleft(reversed(overdue))  # they stay for `lapsed`, which says so
        return batch

    def lapsed(self, now: float) -> list[Waiting]:
        """Give out all whose lifetime ended before `now`, in order of due."""
        if now <= self.earliest_end:
            return []
        over = [waiting for waiting in self if _end(waiting) < now]
        self._keep(lambda waiting: _end(waiting) >= now)
        return sorted(over, key=lambda waiting: (waiting.standing.due, waiting.key))

    def clear(self) -> list[Waiting]:
        """Give out everybody, in order of due."""
        everybody = sorted(self, key=lambda waiting: (waiting.standing.due, waiting.key))
        self._keep(lambda _: False)
        return everybody

    def shed(self, most: int) -> list[Waiting]:
        """Give out all but the `most` whose turns come first, in order of due."""
        turns = sorted([*self._ready, *self._later])[most:]
        gone = {key for _, key, _ in turns}
        if gone:
            self._keep(lambda waiting: waiting.key not in gone)
        return [waiting for _, _, waiting in turns]

    def change(self, now: float, change: Callable[[Standing], Standing]) -> list[Waiting]:
        """Change the standing of all who are due at `now`, and return those who got another one."""
        self.ready(now)
        changed: list[Waiting] = []
        turns, self._ready = self._ready, deque()
        for due, key, waiting in turns:
            standing = change(waiting.standing)
            if standing is waiting.standing:
                self._ready.append((due, key, waiting))
            else:
                changed.append(waiting.at(standing))
                self._ready.append((due, key, changed[-1]))
        self.earliest_end = min([self.earliest_end, *map(_end, changed)])
        return changed

    def __len__(self) -> int:
        return len(self._later) + len(self._ready)

    def __iter__(self) -> Iterator[Waiting]:
        yield from (waiting for turns in (self._ready, self._later) for _, _, waiting in turns)

    def _keep(self, which: Callable[[Waiting], bool]) -> None:
        self._ready = deque(turn for turn in self._ready if which(turn[2]))
        self._later = [turn for turn in self._later if which(turn[2])]
        self.earliest_end = min(map(_end, self), default=_NEVER)


def _end(waiting: Waiting) -> float:
    end = waiting.standing.expires_at
    return _NEVER if end is None else end
