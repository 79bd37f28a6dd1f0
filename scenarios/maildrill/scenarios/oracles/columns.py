"""A column of values as octets, and back: what is all text or all numbers takes a third of the time of pickling. Pure.

Of few values, as most fields have, an octet each tells which one it is: that takes a third again, and whoever reads
them makes none anew.

Rule: what comes out is what went in, to the type: True is no 1, and a word of an enumeration is no plain text.
"""

from __future__ import annotations

import pickle
import zlib
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from operator import itemgetter
from typing import Any, Final, TypeVar

#: Stands between texts of which none has it.
_BETWEEN: Final = "\0"
#: Without zlib's head and its checksum, which takes a third of the time: what is squeezed stays in this process.
_RAW: Final = -15

#: So many values are few; of so many of a column the rest is expected to be alike.
_FEW: Final = 32
#: Of each of these types two values are the same where they are equal; what stands for none is equal to nothing else.
_PLAIN: Final = {str, int, bool}
_NONE: Final = {type(None), type(...)}
_FEW_OF: Final = _PLAIN | _NONE

#: What a column is made of, its octets, and whatever else it takes: its values where they are few, another column.
Column = tuple[str, bytes, tuple[Any, ...]]

_K = TypeVar("_K")


def squeezed(octets: bytes) -> bytes:
    """Return octets that take less room."""
    return zlib.compress(octets, 1, _RAW)


def released(octets: bytes) -> bytes:
    """Return octets as they were before they were squeezed."""
    return zlib.decompress(octets, _RAW)


def packed(columns: Sequence[Sequence[Any]]) -> list[Column]:
    """Return columns as octets, each by itself: who needs but some of them leaves the others as they are."""
    return list(map(_written, columns))


def worded(column: Sequence[_K], words: Mapping[_K, str]) -> Column:
    """Return a column of words as octets: of each value its own."""
    places = {value: place for place, value in enumerate(words)}
    return "few", _places(column, places), tuple(words.values())


def values(column: Column) -> list[Any]:
    """Return the values of a column."""
    kind, octets, more = column
    if kind == "few":
        return [*itemgetter(*octets, 0)(more)][:-1]
    if kind == "alone":
        return [[value] for value in values(more[0])]
    return _READERS[kind](released(octets))


def different(column: Column) -> Collection[Any]:
    """Return the values of a column where each is wanted but once; they may come more often."""
    return column[2] if column[0] == "few" else values(column)


def together(column: Column) -> str:
    """Return all texts of a column as one, each behind a NUL."""
    if column[0] == "texts":
        return _BETWEEN + released(column[1]).decode("utf-8", "surrogatepass")
    return "".join([_BETWEEN + value for value in values(column) if isinstance(value, str)])


def _written(column: Sequence[Any]) -> Column:
    kinds = set(map(type, column))
    if column and len(kinds - _NONE) < 2 and kinds.issubset(_FEW_OF) and len({*column[:_FEW]}) <= _FEW * 3 // 4:
        few = {value: place for place, value in enumerate(dict.fromkeys(column))}
        if len(few) <= _FEW:
            return "few", _places(column, few), tuple(few)
    if kinds == {str} and _BETWEEN not in "".join(column):
        return "texts", squeezed(_BETWEEN.join(column).encode("utf-8", "surrogatepass")), ()
    if kinds == {float}:
        return "floats", squeezed(array("d", column).tobytes()), ()
    if kinds == {int}:
        with suppress(OverflowError):  # below 0, or of more than 32 bits
            return "counts", squeezed(array("I", column).tobytes()), ()
    if kinds == {list} and {*map(len, column)} == {1}:
        return "alone", b"", (_written([value for (value,) in column]),)
    return "any", squeezed(pickle.dumps([*column], pickle.HIGHEST_PROTOCOL)), ()


def _places(column: Sequence[_K], places: Mapping[_K, int]) -> bytes:
    """Return an octet for each value of a column, of which there is one at least."""
    return bytes(itemgetter(*column, column[0])(places)[:-1])


def _texts(octets: bytes) -> list[str]:
    return octets.decode("utf-8", "surrogatepass").split(_BETWEEN)


def _numbers(kind: str, octets: bytes) -> list[Any]:
    return array(kind, octets).tolist()


_READERS: dict[str, Callable[[bytes], list[Any]]] = {
    "texts": _texts,
    "floats": partial(_numbers, "d"),
    "counts": partial(_numbers, "I"),
    "any": pickle.loads,  # our own, from this process
}
