"""Witnesses of long drills, kept small: a log of millions of events, and letters that are nearly the same. Pure.

Rule 1: what comes out is what went in; only the room that it takes is another. Rule 2: events come out by kind without
those of other kinds being unpacked: nine in ten are lines of the dialogue. Rule 3: who needs but some fields of many
events picks them, and no event is made.
"""

from __future__ import annotations

import pickle
import zlib
from array import array
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import cast, overload

from maildrill.sender.log_event import LogEvent

#: Events that are packed together: few are unpacked at a time, and there is something to gain by packing them.
_BLOCK = 512
#: Bits of the smallest window that zlib has in use.
_NARROWEST = 9
#: The values of an event's fields, without their names.
_Row = tuple[object, ...]


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
        self._shapes: dict[tuple[str, ...], int] = {}  # the names of fields that there were together
        self._shaped = array("H")
        self._blocks: list[bytes] = []
        self._open: list[Mapping[str, object]] = []

    def add(self, number: int, at: float, fields: Mapping[str, object]) -> None:
        """Take in one more."""
        self.numbers.append(number)
        self.moments.append(at)
        self._open.append(fields)
        if len(self._open) == _BLOCK:
            packed = pickle.dumps(self._taken_apart(), pickle.HIGHEST_PROTOCOL)
            self._blocks.append(zlib.compress(packed, 1))
            self._open = []

    def _taken_apart(self) -> list[_Row]:
        """Return the rows of what is not packed yet, and note their shapes: a block at a time it takes half as long."""
        shapes, known = self._shapes, len(self._blocks) * _BLOCK
        del self._shaped[known:]
        self._shaped.extend([shapes.setdefault(tuple(fields), len(shapes)) for fields in self._open])
        return [tuple(fields.values()) for fields in self._open]

    def pick(self, name: str, *names: str) -> Iterator[tuple[object, ...]]:
        """Yield these two or more fields of each event, in order. Raises ValueError where one does not have them."""
        rows = self._rows()
        getters = [itemgetter(*map(shape.index, (name, *names))) for shape in self._shapes]
        if len(getters) == 1:
            return map(getters[0], rows)
        return (getters[shape](values) for shape, values in zip(self._shaped, rows, strict=True))

    def _rows(self) -> Iterator[_Row]:
        """Return the values of each event; their shapes are known then."""
        last = self._taken_apart()
        blocks = (
            cast("list[_Row]", pickle.loads(zlib.decompress(block)))  # noqa: S301 - our own, from this process
            for block in self._blocks
        )
        return chain(chain.from_iterable(blocks), last)

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[LogEvent]:
        kind, rows = self._kind, self._rows()
        shapes = list(self._shapes)
        for number, at, shape, values in zip(self.numbers, self.moments, self._shaped, rows, strict=True):
            yield LogEvent(number, at, kind, dict(zip(shapes[shape], values, strict=True)))


class Events(_Many):
    """A log's events: a sink of the log (log_sinks.Sink) while it is written, a sequence afterwards.

    kinds: the events of each kind.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, Series] = {}
        self._places: dict[str, int] = {}
        self._order = array("B")  # which kind each event is of

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
        series = self.kinds.get(kind)
        if series is None:
            series = self.kinds[kind] = Series(kind)
            self._places[kind] = len(self._places)
        series.add(number, at, fields)
        self._order.append(self._places[kind])

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held."""

    def only(self, kinds: Container[str]) -> Iterator[LogEvent]:
        """Yield the events of these kinds, in order."""
        coming = {place: iter(self.kinds[kind]) for kind, place in self._places.items() if kind in kinds}
        return (next(coming[place]) for place in self._order if place in coming)

    def without(self, kind: str) -> Iterator[LogEvent]:
        """Yield all but those of one kind, in order."""
        return self.only(self.kinds.keys() - {kind})

    def order(self) -> Iterator[tuple[int, float, str]]:
        """Yield number, time and kind of each event, in order."""
        kinds = list(self.kinds)
        coming = [zip(series.numbers, series.moments, strict=True) for series in self.kinds.values()]
        return ((*next(coming[place]), kinds[place]) for place in self._order)

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[LogEvent]:
        return self.only(self.kinds)


class Folded:
    """Octets that were put on a shelf."""

    __slots__ = ("_octets", "_shelf")

    def __init__(self, shelf: Shelf, octets: bytes) -> None:
        self._shelf = shelf
        self._octets = octets

    def unfolded(self) -> bytes:
        """Return them as they were."""
        return self._shelf.unfold(self._octets)


class Shelf:
    """Keeps letters that resemble the first of them."""

    def __init__(self) -> None:
        self._first = b""

    def put(self, octets: bytes) -> Folded:
        """Fold octets up."""
        self._first = self._first or octets
        # no wider a window than is looked through: to make one of 32 KB ready takes longer than to fold a letter
        bits = min(max((len(self._first) + len(octets)).bit_length(), _NARROWEST), zlib.MAX_WBITS)
        packer = zlib.compressobj(1, zlib.DEFLATED, -bits, bits - _NARROWEST + 1, zdict=self._first)
        return Folded(self, packer.compress(octets) + packer.flush())

    def unfold(self, octets: bytes) -> bytes:
        """Return what was folded up."""
        return zlib.decompressobj(-zlib.MAX_WBITS, zdict=self._first).decompress(octets)


class Octets:
    """A field of octets that may have been folded: whoever reads it does not see that."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, whose: object | None, owner: type) -> bytes:
        """Return the octets."""
        if whose is None:
            raise AttributeError(self._name)  # dataclass asks for a default: there is none
        kept: bytes | Folded = getattr(whose, self._name)
        return kept if isinstance(kept, bytes) else kept.unfolded()

    def __set__(self, whose: object, octets: bytes | Folded) -> None:
        object.__setattr__(whose, self._name, octets)
