"""A log of millions of events, kept small. Pure.

Rule 1: what comes out is what went in; only the room that it takes is another. Rule 2: events come out by kind without
those of other kinds being unpacked: nine in ten are lines of the dialogue. Rule 3: who needs but some fields of many
events picks them, and no event is made. Rule 4: an event that is taken in is put down, and all else is done for many
of them together: that takes a third of the time.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import Any, TypeVar, overload

from maildrill.scenarios.oracles.columns import Column, packed, values
from maildrill.sender.log_event import LogEvent
from maildrill.smtp import Line, Mark
from maildrill.smtp.quickly import maker

#: Events that are packed together: few are unpacked at a time, and there is something to gain by packing them.
_BLOCK = 512
#: Stands in a column where an event has no such field.
_ABSENT = ...
#: How many events there are together, and their values: a column for each field that there was by then.
_Block = tuple[int, Sequence[list[object] | Column]]
#: The values of a line's fields, or those of any event by name.
_Said = tuple[int, str, str]
_Fields = Mapping[str, object] | _Said
_LINE = ("session", "mark", "text")
_MARKS = {mark: mark.value.strip() for mark in Mark}
#: An event as it is taken in: number, moment, kind and fields.
_Taken = tuple[int, float, str, _Fields]
_event = maker(LogEvent)

_T = TypeVar("_T")


class _Many(Sequence[LogEvent]):
    """Events that are read in order; by their place, too, though nobody should do that often."""

    @overload
    def __getitem__(self, place: int) -> LogEvent: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[LogEvent, ...]: ...
    def __getitem__(self, place: int | slice) -> LogEvent | tuple[LogEvent, ...]:
        """Return one of them, or several."""
        if isinstance(place, int) and 0 <= place < len(self):
            return next(islice(self, place, None))
        return tuple(self)[place]

    def __eq__(self, other: object) -> bool:
        """Whether the same happened in both."""
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(one == two for one, two in zip(self, other, strict=True))

    def __hash__(self) -> int:
        """Refuse: they may grow."""
        raise TypeError(f"unhashable type: {type(self).__name__!r}")


class Series(_Many):
    """The events of one kind. numbers, moments: of each, in order."""

    def __init__(self, kind: str) -> None:
        self.numbers = array("I")
        self.moments = array("d")
        self._kind = kind
        self._places: dict[str, int] = {}  # of each field among the columns
        self._shapes: dict[tuple[str, ...], int] = {}  # the names of fields that there were together
        self._shaped = array("H")
        self._blocks: list[list[Column]] = []
        self._open: list[_Fields] = []

    def extend(self, events: Iterable[_Taken]) -> None:
        """Take in more."""
        numbers, moments, _, fields = zip(*events, strict=True)
        self.numbers.extend(numbers)
        self.moments.extend(moments)
        self._open += fields
        while len(self._open) >= _BLOCK:
            self._blocks.append(packed(self._taken_apart(self._open[:_BLOCK])))
            del self._open[:_BLOCK]

    def _taken_apart(self, some: Sequence[_Fields]) -> list[list[object]]:
        """Return the columns of what is not packed yet, and note its shapes."""
        shapes, places, known = self._shapes, self._places, len(self._blocks) * _BLOCK
        del self._shaped[known:]
        lines = set(map(type, some)) == {tuple} and not shapes.keys() - {_LINE}  # as most events are
        named = [] if lines else list(map(_named, some))
        alike = [_LINE] if lines else [tuple(fields) for fields in named]
        for shape in dict.fromkeys(alike):
            if shape not in shapes:
                shapes[shape] = len(shapes)
                for name in shape:
                    places.setdefault(name, len(places))
        shaped = [*map(shapes.__getitem__, alike)]
        self._shaped.extend(shaped * len(some) if lines else shaped)
        if len(shapes) > 1:
            return _filled(named, alike, places)
        rows = some if lines else [fields.values() for fields in named]
        return [[*column] for column in zip(*rows, strict=True)]

    def pick(self, *names: str, lacking: object = _ABSENT) -> Iterator[tuple[Any, ...]]:
        """Yield these fields of each event, in order. lacking: what stands for one that an event does not have.

        Raises ValueError where one does not have them, and nothing is to stand for them.
        """
        blocks = self._read()
        for name in names:
            if any(name not in shape for shape in self._shapes) and lacking is _ABSENT:
                raise ValueError(f"not every event {self._kind} has a {name}")
        places = [self._places.get(name, len(self._places)) for name in names]
        return chain.from_iterable(
            zip(*(_column(block, place, lacking) for place in places), strict=True) for block in blocks
        )

    def slim(self, names: Sequence[str]) -> Iterator[LogEvent]:
        """Yield the events with those of these fields that any of them has."""
        self._taken_apart(self._open)
        there = [name for name in names if name in self._places]
        return (
            _event(number, at, self._kind, dict(zip(there, row, strict=True)))
            for number, at, row in zip(self.numbers, self.moments, self.pick(*there, lacking=None), strict=True)
        )

    def _read(self) -> Iterator[_Block]:
        """Return all blocks; what is not packed yet is taken apart at once, so that all shapes are known."""
        last = len(self._open), self._taken_apart(self._open)
        return chain(((_BLOCK, block) for block in self._blocks), (last,))

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[LogEvent]:
        kind, blocks = self._kind, self._read()
        makers = [_maker(shape, self._places) for shape in self._shapes]
        rows = chain.from_iterable(
            zip(*map(_values, columns), strict=True) if columns else repeat((), count) for count, columns in blocks
        )
        for number, at, shape, row in zip(self.numbers, self.moments, self._shaped, rows, strict=True):
            names, of = makers[shape]
            yield _event(number, at, kind, dict(zip(names, of(row), strict=False)))


def _named(fields: _Fields) -> Mapping[str, object]:
    return dict(zip(_LINE, fields, strict=True)) if isinstance(fields, tuple) else fields


def _filled(
    named: Sequence[Mapping[str, object]], shapes: Sequence[tuple[str, ...]], places: Collection[str]
) -> list[list[object]]:
    """Return the columns of events of several shapes: a row has the event's own values, and what stands for none."""
    pick = {
        shape: itemgetter(*[shape.index(name) if name in shape else -1 for name in places], -1) for shape in {*shapes}
    }
    rows = [pick[shape]((*fields.values(), _ABSENT)) for shape, fields in zip(shapes, named, strict=True)]
    return [[*column] for column in zip(*rows, strict=True)][:-1]


def _maker(names: tuple[str, ...], places: Mapping[str, int]) -> tuple[tuple[str, ...], Callable[[Any], Iterable[Any]]]:
    """Return the names of an event's fields, and what takes their values, and maybe more, out of a row."""
    mine = [places[name] for name in names]
    return names, tuple if mine == [*range(len(mine))] else itemgetter(*mine, 0)


def _values(column: list[object] | Column) -> list[object]:
    return column if isinstance(column, list) else values(column)


def _column(block: _Block, place: int, lacking: object) -> list[object]:
    """Return the values of one field, in a block from before there was one, too."""
    count, columns = block
    column: list[object] = _values(columns[place]) if place < len(columns) else [_ABSENT] * count
    return column if lacking is _ABSENT else [lacking if value is _ABSENT else value for value in column]


class Events(_Many):
    """A log's events: a sink of the log (log_sinks.Sink) while it is written, a sequence afterwards."""

    def __init__(self) -> None:
        self._kinds: dict[str, Series] = {}
        self._places: dict[str, int] = {}
        self._order = array("B")  # which kind each event is of
        self._coming: list[_Taken] = []
        self._last: tuple[int, float] | None = None
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
        self._coming.append((number, at, kind, fields))
        if len(self._coming) == _BLOCK:
            self._sort()

    def line(self, number: int, session: int, line: Line) -> None:
        """Take in one line of the dialogue (log_sinks.LineSink)."""
        self._coming.append((number, line.at, "line", (session, _MARKS[line.mark], line.text)))
        if len(self._coming) == _BLOCK:
            self._sort()

    def _sort(self) -> None:
        """Give what has come to the series of its kind."""
        coming, self._coming = self._coming, []
        sorted_: defaultdict[str, list[_Taken]] = defaultdict(list)
        for event in coming:
            sorted_[event[2]].append(event)
        for kind, events in sorted_.items():
            if kind not in self._kinds:
                self._kinds[kind] = Series(kind)
                self._places[kind] = len(self._places)
            self._kinds[kind].extend(events)
        numbers, moments, kinds, _ = zip(*coming, strict=True)
        self._order.extend(map(self._places.__getitem__, kinds))
        before, at = self._last or (numbers[0] - 1, moments[0])
        self._steady &= numbers == (*range(before + 1, before + 1 + len(numbers)),)
        self._steady &= [at, *moments] == sorted([at, *moments])
        self._last = numbers[-1], moments[-1]

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held."""

    @property
    def kinds(self) -> Mapping[str, Series]:
        """The events of each kind."""
        if self._coming:
            self._sort()
        return self._kinds

    @property
    def steady(self) -> bool:
        """Whether each event has the number behind that of the one before, and none is from before it."""
        if self._coming:
            self._sort()
        return self._steady

    def only(self, kinds: Container[str]) -> Iterator[LogEvent]:
        """Yield the events of these kinds, in order."""
        return self._merged({kind: iter(series) for kind, series in self.kinds.items() if kind in kinds})

    def slim(self, kinds: Container[str], names: Sequence[str]) -> Iterator[LogEvent]:
        """Yield the events of these kinds, in order, without any other fields than these."""
        wanted = {kind: series.slim(names) for kind, series in self.kinds.items() if kind in kinds}
        return self._merged(wanted)

    def pick(self, kind: str, *names: str, lacking: object = _ABSENT) -> Iterator[tuple[Any, ...]]:
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
        order = iter(self._order) if len(places) == len(self._places) else filter(places.__contains__, self._order)
        return map(next, map(places.__getitem__, order))

    def __len__(self) -> int:
        return len(self._order) + len(self._coming)

    def __iter__(self) -> Iterator[LogEvent]:
        return self.only(self.kinds)
