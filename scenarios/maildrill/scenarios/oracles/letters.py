"""Messages that came, read once for all oracles that ask about their octets. Pure.

To unfold a letter takes longer than most of what is asked about it. So they are read by lots, and each lot is shown to
every oracle that reads letters before the next one is unfolded. Rule: an oracle that is asked alone reads alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from maildrill.scenarios.oracles.invariant import Breach
from maildrill.scenarios.oracles.journaled import Taken

#: So many are read at a time: as many as a shelf has folded together.
_LOT = 64

_E = TypeVar("_E")


@dataclass(frozen=True, slots=True)
class Lot:
    """Ends of data in order, and the octets of each; together: those of all, a blank between two."""

    taken: Sequence[Taken]
    contents: Sequence[bytes]
    together: bytes

    def having(self, what: Callable[[bytes], bool]) -> list[Taken]:
        """Return those whose octets have something that is in all together where it is in one of them."""
        pairs = zip(self.taken, self.contents, strict=True) if what(self.together) else ()
        return [taken for taken, content in pairs if what(content)]


#: Says what is wrong with letters, as lot by lot is shown to it; and what makes such a reader of some evidence.
Reader = Callable[[Lot], Iterable[Breach]]
Reading = Callable[[_E], Reader]


class Letters(Generic[_E]):
    """The messages of some evidence."""

    def __init__(self, evidence: _E, taken: Sequence[Taken]) -> None:
        self._evidence = evidence
        self._taken = taken
        self._found: dict[Reading[_E], list[Breach]] = {}

    def read(self, readings: Iterable[Reading[_E]]) -> None:
        """Have all letters read, for `found`."""
        readers = {reading: reading(self._evidence) for reading in readings}
        self._found |= {reading: [] for reading in readers}
        for lot in _lots(self._taken):
            for reading, reader in readers.items():
                self._found[reading] += reader(lot)

    def found(self, reading: Reading[_E]) -> list[Breach]:
        """Return what is wrong with the letters by one reading."""
        if reading not in self._found:
            self.read([reading])
        return self._found[reading]


def _lots(taken: Sequence[Taken]) -> Iterator[Lot]:
    for begin in range(0, len(taken), _LOT):
        some = taken[begin : begin + _LOT]
        contents = [one.content for one in some]
        yield Lot(some, contents, b" ".join(contents))
