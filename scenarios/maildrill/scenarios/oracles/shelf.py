"""Letters of a long drill, kept small: they are nearly the same. Pure.

Rule: what comes out is what went in; only the room that it takes is another. Letters are folded together, which takes a
fifth of the time of folding each, and whoever reads them in order has each lot unfolded once.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise

from maildrill.scenarios.oracles.columns import released, squeezed

#: Letters, and octets, that are folded together: at most so many are unfolded at a time.
_LOT, _OCTETS = 64, 65536


class Folded:
    """Octets that were put on a shelf."""

    __slots__ = ("number", "shelf")

    def __init__(self, shelf: Shelf, number: int) -> None:
        self.shelf = shelf
        self.number = number

    def unfolded(self) -> bytes:
        """Return them as they were."""
        return self.shelf.letter(self.number)


class Shelf:
    """Keeps letters that resemble one another, numbered from 0."""

    def __init__(self) -> None:
        self._first: list[int] = []  # the number of the first letter of each lot
        self._lots: list[tuple[bytes, tuple[int, ...]]] = []  # folded, and how long each letter is
        self._open: list[bytes] = []
        self._held = 0
        self._count = 0
        self._begin = self._end = 0  # of the letters that were unfolded last
        self._read: list[bytes] = []

    def put(self, octets: bytes) -> Folded:
        """Put octets on the shelf."""
        self._open.append(octets)
        self._held += len(octets)
        self._count += 1
        if len(self._open) == _LOT or self._held >= _OCTETS:
            self._first.append(self._count - len(self._open))
            self._lots.append((squeezed(b"".join(self._open)), tuple(map(len, self._open))))
            self._open, self._held = [], 0
        return Folded(self, self._count - 1)

    def letter(self, number: int) -> bytes:
        """Return a letter as it was."""
        if not self._begin <= number < self._end:
            begun = self._count - len(self._open)
            if number >= begun:
                return self._open[number - begun]
            self._unfold(bisect_right(self._first, number) - 1)
        return self._read[number - self._begin]

    def _unfold(self, lot: int) -> None:
        folded, lengths = self._lots[lot]
        together = released(folded)
        self._read = [together[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]
        self._begin = self._first[lot]
        self._end = self._begin + len(lengths)


class Octets:
    """A field of octets that may have been folded: whoever reads it does not see that. slot: where they are kept."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.slot = f"_{name}"

    def __get__(self, whose: object | None, owner: type) -> bytes:
        """Return the octets."""
        if whose is None:
            raise AttributeError(self.slot)  # dataclass asks for a default: there is none
        kept: bytes | Folded = getattr(whose, self.slot)
        return kept if isinstance(kept, bytes) else kept.shelf.letter(kept.number)

    def __set__(self, whose: object, octets: bytes | Folded) -> None:
        object.__setattr__(whose, self.slot, octets)
