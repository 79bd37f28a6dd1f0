"""A clock that was put back between two runs, and the moments of the witnesses as if it never had been. Pure.

Sender and servers go by one clock. What came before a setback is known by its place: events of the log, runs of the
ledger, commands of the journal. Moments behind it are moved by as much as the clock was put back, so that they tell
again who was before whom. A clock put forward leaves a gap and no doubt: nothing is moved for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

from maildrill.scenarios.oracles.journaled import Asked, Connected, Taken
from maildrill.sender.ledger.records import AttemptRecord
from maildrill.sender.log_event import LogEvent

#: Fields of events that are moments.
_MOMENTS = frozenset({"until", "due"})


@dataclass(frozen=True, kw_only=True)
class Setback:
    """The clock was put back `by` so many seconds, more than 0, while no sender ran.

    run: the last run before it; 0: none. event: the number of the last event of the log. asked, taken, deaths: how many
    commands, ends of data and deaths there had been. connected: the connections so far, as they stood.
    """

    by: float
    run: int = 0
    event: int = 0
    asked: int = 0
    taken: int = 0
    deaths: int = 0
    connected: tuple[Connected, ...] = ()

    @cached_property
    def known(self) -> Mapping[int, Connected]:
        """The connections so far, by session."""
        return {one.session: one for one in self.connected}


class Straight:
    """Moves moments behind `setbacks`, which are in order."""

    def __init__(self, setbacks: Sequence[Setback]) -> None:
        self._setbacks = setbacks

    def events(self, events: Iterable[LogEvent]) -> Iterator[LogEvent]:
        """Yield the events of a log, in order."""
        for one in events:
            by = sum(setback.by for setback in self._setbacks if setback.event < one.number)
            yield replace(one, at=one.at + by, fields=_moved(one.fields, by)) if by else one

    def attempts(self, attempts: Iterable[AttemptRecord]) -> Iterator[AttemptRecord]:
        """Yield tries; what a later run found out of one was still of the run that began it."""
        for one in attempts:
            by = self.of_run(one.run)
            until = None if one.until is None else one.until + by
            yield replace(one, started=one.started + by, ended=one.ended + by, until=until) if by else one

    def of_run(self, run: int) -> float:
        """Return by how much the moments of a run are moved (seconds)."""
        return sum(setback.by for setback in self._setbacks if setback.run < run)

    def asked(self, asked: Iterable[Asked]) -> Iterator[Asked]:
        """Yield the commands of the journal, in order."""
        latest: dict[int, float] = {}
        for place, one in enumerate(asked):
            latest[one.session] = self._moved(one, [setback.asked <= place for setback in self._setbacks], latest)
            yield replace(one, at=latest[one.session])

    def taken(self, taken: Iterable[Taken]) -> Iterator[Taken]:
        """Yield the ends of data of the journal, in order."""
        latest: dict[int, float] = {}
        for place, one in enumerate(taken):
            latest[one.session] = self._moved(one, [setback.taken <= place for setback in self._setbacks], latest)
            yield replace(one, at=latest[one.session])

    def _moved(self, one: Asked | Taken, behind: Sequence[bool], latest: Mapping[int, float]) -> float:
        """Return the moment of what was written down behind some setbacks; it may have been read before them.

        Then it is of a session from before, and may be where it is said to be: not before what that session had read.
        """
        at = one.at + sum(setback.by for setback, is_behind in zip(self._setbacks, behind, strict=True) if is_behind)
        for setback, is_behind in zip(self._setbacks, behind, strict=True):
            known = setback.known.get(one.session) if is_behind else None
            if known is not None and at - setback.by >= latest.get(one.session, known.opened):
                at -= setback.by
        return at

    def connected(self, connected: Iterable[Connected]) -> list[Connected]:
        """Return the connections, in order; one that was open at a setback, as the server saw it, ends behind it."""
        found = []
        for one in connected:
            opened = sum(setback.by for setback in self._setbacks if one.session not in setback.known)
            closed = sum(setback.by for setback in self._setbacks if _over_behind(setback, one))
            found.append(replace(one, opened=one.opened + opened, closed=one.closed + closed))
        return sorted(found, key=attrgetter("opened"))

    def deaths(self, deaths: Iterable[float]) -> Iterator[float]:
        """Yield the moments at which the sender died, in order."""
        for place, at in enumerate(deaths):
            yield at + sum(setback.by for setback in self._setbacks if setback.deaths <= place)


def _over_behind(setback: Setback, one: Connected) -> bool:
    before = setback.known.get(one.session)
    return before is None or before.closed != one.closed


def _moved(fields: Mapping[str, object], by: float) -> Mapping[str, object]:
    """Return an event's fields, its moments moved."""
    moments = {name: value + by for name, value in fields.items() if name in _MOMENTS and isinstance(value, float)}
    return {**fields, **moments} if moments else fields
