"""Witnesses of long drills, kept small: a log of millions of events, and letters that are nearly the same. Pure.

Rule 1: what comes out is what went in; only the room that it takes is another. Rule 2: events come out by kind without
those of other kinds being unpacked: nine in ten are lines of the dialogue.
"""

from __future__ import annotations

import pickle
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import cast, overload

from maildrill.sender.log_event import LogEvent

#: Events that are packed together: few are unpacked at a time, and there is something to gain by packing them.
_BLOCK = 512
_Row = tuple[int, float, Mapping[str, object]]


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
    """The events of one kind."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._blocks: list[bytes] = []
        self._open: list[_Row] = []

    def add(self, number: int, at: float, fields: Mapping[str, object]) -> None:
        """Take in one more."""
        self._open.append((number, at, fields))
        if len(self._open) == _BLOCK:
            self._blocks.append(zlib.compress(pickle.dumps(self._open, pickle.HIGHEST_PROTOCOL), 1))
            self._open = []

    def __len__(self) -> int:
        return len(self._blocks) * _BLOCK + len(self._open)

    def __iter__(self) -> Iterator[LogEvent]:
        kind = self._kind
        for block in self._blocks:
            rows = cast("list[_Row]", pickle.loads(zlib.decompress(block)))  # noqa: S301 - our own, from this process
            for number, at, fields in rows:
                yield LogEvent(number, at, kind, fields)
        for number, at, fields in self._open:
            yield LogEvent(number, at, kind, fields)


class Events(_Many):
    """A log's events: a sink of the log (log_sinks.Sink) while it is written, a sequence afterwards.

    kinds: the events of each kind.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, Series] = {}
        self._places: dict[str, int] = {}
        self._order = array("B")  # which kind each event is of

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

    def without(self, kind: str) -> Iterator[LogEvent]:
        """Yield all but those of one kind, in order."""
        left_out = self._places.get(kind, -1)
        coming = [iter(series) for series in self.kinds.values()]
        return (next(coming[place]) for place in self._order if place != left_out)

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[LogEvent]:
        return self.without("")


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
        packer = zlib.compressobj(1, zdict=self._first)
        return Folded(self, packer.compress(octets) + packer.flush())

    def unfold(self, octets: bytes) -> bytes:
        """Return what was folded up."""
        return zlib.decompressobj(zdict=self._first).decompress(octets)


class Octets:
    """A field of octets that may have been folded: whoever reads it does not see that."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, whose: object | None, owner: type) -> bytes:
        """Return the octets."""
        if whose is None:
            raise AttributeError(self._name)  # dataclass asks for a default: there is none
        kept: bytes | Folded = getattr(whose, self._name)
        return kept.unfolded() if isinstance(kept, Folded) else kept

    def __set__(self, whose: object, octets: bytes | Folded) -> None:
        object.__setattr__(whose, self._name, octets)
