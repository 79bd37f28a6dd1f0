"""The events of one kind of a log, kept small. Pure.

Rule 1: what comes out is what went in; only the room that it takes is another. Rule 2: who needs but some fields of
many events picks them, and no event is made.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from operator import itemgetter
from struct import pack
from typing import Any, Final, overload

from maildrill.scenarios.oracles.columns import Column, different, packed, together, values
from maildrill.sender.log_event import LogEvent
from maildrill.smtp.quickly import maker

#: Events that are packed together: few are unpacked at a time, and there is something to gain by packing them.
BLOCK: Final = 512
#: Stands in a column where an event has no such field.
ABSENT: Final = ...
#: How many events there are together, and their values: a column for each field that there was by then.
_Block = tuple[int, Sequence[list[object] | Column]]
#: The values of a line's fields, or those of any event by name.
_Said = tuple[int, str, str]
_Fields = Mapping[str, object] | _Said
#: The names of a line's fields.
LINE: Final = ("session", "mark", "text")
#: An event as it is taken in: number, moment, kind and fields.
Coming = tuple[int, float, str, _Fields]
_event = maker(LogEvent)


class Many(Sequence[LogEvent]):
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


class Series(Many):
    """The events of one kind. numbers, moments: of each, in order."""

    def __init__(self, kind: str) -> None:
        self.numbers = array("I")
        self.moments = array("d")
        self._kind = kind
        self._places: dict[str, int] = {}  # of each field among the columns
        self._shapes: dict[tuple[str, ...], int] = {}  # the names of fields that there were together
        self._shaped = array("H")
        self._blocks: list[tuple[int, list[Column]]] = []
        self._packed = 0  # events in these
        self._open: list[_Fields] = []

    def extend(self, events: Iterable[Coming]) -> None:
        """Take in more."""
        numbers, moments, _, fields = zip(*events, strict=True)
        self._number(numbers, moments)
        self._open += fields
        while len(self._open) >= BLOCK:
            self._pack(BLOCK)

    def extend_by_lines(self, numbers: Sequence[int], moments: Sequence[float], columns: list[Column]) -> None:
        """Take in more lines of the dialogue, of which the values of `LINE` are packed already."""
        if self._shapes.keys() - {LINE}:
            self.extend(zip(numbers, moments, repeat(self._kind), zip(*map(values, columns), strict=True)))
            return
        if self._open:
            self._pack(len(self._open))
        self._number(numbers, moments)
        self._note(LINE)
        self._shaped.extend(array("H", [0]) * len(numbers))
        self._blocks.append((len(numbers), columns))
        self._packed += len(numbers)

    def _number(self, numbers: Sequence[int], moments: Sequence[float]) -> None:
        count = len(numbers)
        self.numbers.frombytes(pack(f"{count}I", *numbers))  # in half the time of array's own extend
        self.moments.frombytes(pack(f"{count}d", *moments))

    def _pack(self, count: int) -> None:
        """Pack so many of what is not packed yet."""
        self._blocks.append((count, packed(self._taken_apart(self._open[:count]))))
        self._packed += count
        del self._open[:count]

    def _note(self, shape: tuple[str, ...]) -> None:
        if shape not in self._shapes:
            self._shapes[shape] = len(self._shapes)
            for name in shape:
                self._places.setdefault(name, len(self._places))

    def _taken_apart(self, some: Sequence[_Fields]) -> list[list[object]]:
        """Return the columns of what is not packed yet, and note its shapes."""
        shapes, places = self._shapes, self._places
        del self._shaped[self._packed :]
        lines = set(map(type, some)) == {tuple} and not shapes.keys() - {LINE}  # as most events are
        named = [] if lines else list(map(_named, some))
        alike = [LINE] if lines else [tuple(fields) for fields in named]
        for shape in dict.fromkeys(alike):
            self._note(shape)
        shaped = [*map(shapes.__getitem__, alike)]
        self._shaped.extend(shaped * len(some) if lines else shaped)
        if len(shapes) > 1:
            return _filled(named, alike, places)
        rows = some if lines else [fields.values() for fields in named]
        return [[*column] for column in zip(*rows, strict=True)]

    def pick(self, *names: str, lacking: object = ABSENT) -> Iterator[tuple[Any, ...]]:
        """Yield these fields of each event, in order. lacking: what stands for one that an event does not have.

        Raises ValueError where one does not have them, and nothing is to stand for them.
        """
        blocks = self._read()
        for name in names:
            if any(name not in shape for shape in self._shapes) and lacking is ABSENT:
                raise ValueError(f"not every event {self._kind} has a {name}")
        places = [self._places.get(name, len(self._places)) for name in names]
        return chain.from_iterable(
            zip(*(_column(block, place, lacking) for place in places), strict=True) for block in blocks
        )

    def parts(self) -> Iterator[Part]:
        """Yield the events as they are packed together."""
        return (Part(block, self._places) for block in self._read() if block[0])

    def slim(self, names: Sequence[str]) -> Iterator[tuple[str, dict[str, object]]]:
        """Yield kind and fields of each event, but only those of these fields that any of them has."""
        self._taken_apart(self._open)
        there = [name for name in names if name in self._places]
        rows = self.pick(*there, lacking=None) if there else repeat((), len(self))
        return zip(repeat(self._kind), map(dict, map(zip, repeat(there), rows)), strict=False)

    def _read(self) -> Iterator[_Block]:
        """Return all blocks; what is not packed yet is taken apart at once, so that all shapes are known."""
        last = len(self._open), self._taken_apart(self._open)
        return chain(self._blocks, (last,))

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


class Part:
    """Events of one kind that are packed together: for whoever looks at a column before it unpacks the others."""

    def __init__(self, block: _Block, places: Mapping[str, int]) -> None:
        self.count, columns = block
        self._columns = {name: _packed(columns[place]) for name, place in places.items() if place < len(columns)}

    def together(self, name: str) -> str:
        """Return all texts of a field as one, each behind a NUL."""
        return together(self._columns[name])

    def different(self, name: str) -> Collection[Any]:
        """Return the values of a field where each is wanted but once."""
        return different(self._columns[name])

    def pick(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Yield these fields of each event, which must have them."""
        return zip(*(values(self._columns[name]) for name in names), strict=True)


def _packed(column: list[object] | Column) -> Column:
    return packed([column])[0] if isinstance(column, list) else column


def _named(fields: _Fields) -> Mapping[str, object]:
    return dict(zip(LINE, fields, strict=True)) if isinstance(fields, tuple) else fields


def _filled(
    named: Sequence[Mapping[str, object]], shapes: Sequence[tuple[str, ...]], places: Collection[str]
) -> list[list[object]]:
    """Return the columns of events of several shapes: a row has the event's own values, and what stands for none."""
    pick = {
        shape: itemgetter(*[shape.index(name) if name in shape else -1 for name in places], -1) for shape in {*shapes}
    }
    rows = [pick[shape]((*fields.values(), ABSENT)) for shape, fields in zip(shapes, named, strict=True)]
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
    column: list[object] = _values(columns[place]) if place < len(columns) else [ABSENT] * count
    return column if lacking is ABSENT else [lacking if value is ABSENT else value for value in column]
