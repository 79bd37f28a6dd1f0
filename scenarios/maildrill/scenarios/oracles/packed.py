"""A log of millions of events, kept small. Pure.

Rule 1: events come out by kind without those of other kinds being unpacked: nine in ten are lines of the dialogue,
which go a way of their own. Rule 2: an event that is taken in is put down, and all else is done for many of them
together: that takes a third of the time.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, repeat
from math import inf
from typing import Any, TypeVar

from maildrill.scenarios.oracles.columns import packed, worded
from maildrill.scenarios.oracles.series import ABSENT, BLOCK, Coming, Many, Series
from maildrill.sender.log_event import LogEvent
from maildrill.smtp import Mark, Said

#: A line of the dialogue: its number, moment, session, mark and text.
_Line = tuple[int, float, int, Mark, str]
_MARKS = {mark: mark.value.strip() for mark in Mark}

_T = TypeVar("_T")


class Events(Many):
    """A log's events: a sink of the log (log_sinks.Sink) while it is written, a sequence afterwards."""

    def __init__(self) -> None:
        self._kinds: dict[str, Series] = {}
        self._places: dict[str, int] = {}
        self._order = array("B")  # which kind each event is of
        self._coming: list[Coming] = []
        self._said: list[tuple[int, float, int, Said]] = []  # lines of one moment each, see `lines`
        self._before: list[int] = []  # how many of these there were before each of the events that are coming
        self._due: int | None = None  # the number of the next event
        self._at = -inf  # when the last one was
        self._steady = True

    @classmethod
    def of(cls, events: Iterable[LogEvent]) -> Events:
        """Return the same events; they may be packed already."""
        if isinstance(events, Events):
            return events
        packed = cls()
        for event in events:
            packed.take(event.number, event.at, event.kind, event.fields)
        return packed

    def take(self, number: int, at: float, kind: str, fields: Mapping[str, object]) -> None:
        """Take in one event."""
        if number != self._due or at < self._at:
            self._out_of_step(number, at)
        self._due, self._at = number + 1, at
        self._before.append(len(self._said))
        self._coming.append((number, at, kind, fields))
        if len(self._coming) == BLOCK:
            self._sort()

    def lines(self, first: int, at: float, session: int, said: Said) -> None:
        """Take in lines of the dialogue (log_sinks.LineSink)."""
        if first != self._due or at < self._at:
            self._out_of_step(first, at)
        self._due, self._at = first + len(said), at
        self._said.append((first, at, session, said))
        if len(self._said) == BLOCK:
            self._sort()

    def _out_of_step(self, number: int, at: float) -> None:
        self._steady &= at >= self._at and self._due in {number, None}

    def _sort(self) -> None:
        """Give what has come to the series of its kind."""
        sorted_: defaultdict[str, list[Coming]] = defaultdict(list)
        for event in self._coming:
            sorted_[event[2]].append(event)
        lines = [  # of each group, and of each line in it
            (number, at, session, mark, text)
            for first, at, session, said in self._said
            for number, (mark, text) in enumerate(said, first)
        ]
        begins = [0, *accumulate([len(said) for *_, said in self._said])]
        places = [begins[before] + place for place, before in enumerate(self._before)]
        coming, self._coming, self._said, self._before = self._coming, [], [], []
        if lines and "line" in sorted_:
            self._mix(lines, coming, places)
            return
        order = bytearray(len(lines) + len(coming))
        if lines:
            self._sort_lines(lines)
            order = order.replace(b"\0", bytes([self._places["line"]]))
        for kind, events in sorted_.items():
            self._series(kind).extend(events)
        for place, (_, _, kind, _) in zip(places, coming, strict=True):
            order[place] = self._places[kind]
        self._order.frombytes(order)

    def _mix(self, lines: list[_Line], coming: list[Coming], places: list[int]) -> None:
        """Have lines come as other events do, where some of those are called lines, too."""
        events: list[Coming] = [
            (number, at, "line", (session, _MARKS[mark], text)) for number, at, session, mark, text in lines
        ]
        for place, event in zip(places, coming, strict=True):
            events.insert(place, event)
        self._coming, self._before = events, [0] * len(events)
        self._sort()

    def _sort_lines(self, lines: list[_Line]) -> None:
        """Give lines to their series."""
        numbers, moments, sessions, marks, texts = zip(*lines, strict=True)
        session, text = packed((sessions, texts))
        self._series("line").extend_by_lines(numbers, moments, [session, worded(marks, _MARKS), text])

    def _series(self, kind: str) -> Series:
        """Return what the events of a kind go to, of which this may be the first."""
        if kind not in self._kinds:
            self._kinds[kind] = Series(kind)
            self._places[kind] = len(self._places)
        return self._kinds[kind]

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held."""

    @property
    def kinds(self) -> Mapping[str, Series]:
        """The events of each kind."""
        if self._said or self._coming:
            self._sort()
        return self._kinds

    @property
    def steady(self) -> bool:
        """Whether each event has the number behind that of the one before, and none is from before it."""
        if self._said or self._coming:
            self._sort()
        return self._steady

    def only(self, kinds: Container[str]) -> Iterator[LogEvent]:
        """Yield the events of these kinds, in order."""
        return self._merged({kind: iter(series) for kind, series in self.kinds.items() if kind in kinds})

    def slim(self, kinds: Container[str], names: Sequence[str]) -> Iterator[tuple[str, dict[str, object]]]:
        """Yield kind and fields of the events of these kinds, in order, without any other fields than these."""
        wanted = {kind: series.slim(names) for kind, series in self.kinds.items() if kind in kinds}
        return self._merged(wanted)

    def rows(self, wanted: Mapping[str, Sequence[str]]) -> Iterator[tuple[Any, ...]]:
        """Yield some fields of the events of some kinds, in order; wanted: which of each kind. None: it has it not."""
        there = self.kinds.keys() & wanted.keys()
        return self._merged({kind: self.pick(kind, *wanted[kind], lacking=None) for kind in there})

    def pick(self, kind: str, *names: str, lacking: object = ABSENT) -> Iterator[tuple[Any, ...]]:
        """Yield fields of each event of a kind, if there is any; see Series.pick."""
        return self.kinds[kind].pick(*names, lacking=lacking) if kind in self.kinds else iter(())

    def without(self, kind: str) -> Iterator[LogEvent]:
        """Yield all but those of one kind, in order."""
        return self.only(self.kinds.keys() - {kind})

    def order(self) -> Iterator[tuple[int, float, str]]:
        """Yield number, time and kind of each event, in order."""
        return self._merged({kind: zip(one.numbers, one.moments, repeat(kind)) for kind, one in self.kinds.items()})

    def _merged(self, coming: Mapping[str, Iterator[_T]]) -> Iterator[_T]:
        """Yield what comes of some kinds in the order of their events."""
        places = {self._places[kind]: one for kind, one in coming.items()}
        others = bytes(place for place in range(len(self._places)) if place not in places)
        return map(next, map(places.__getitem__, self._order.tobytes().translate(None, others)))

    def __len__(self) -> int:
        return len(self._order) + sum([len(said) for *_, said in self._said]) + len(self._coming)

    def __iter__(self) -> Iterator[LogEvent]:
        return self.only(self.kinds)
