"""Rows of the list, read before they are asked for: one question to the database for many recipients. Pure.

Rule: a row is read ahead once, and kept until it is asked for or its recipient is not ours any more; a recipient who is
tried again is asked for alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Ahead(Generic[_T]):
    """read: gives keys and what belongs to them, for at most `some` keys that it is asked for."""

    def __init__(self, read: Callable[[Sequence[int]], Iterable[tuple[int, _T]]], some: int) -> None:
        self._read = read
        self._some = some
        self._beside: dict[int, Sequence[int]] = {}  # whose row was not read yet, and who was leased beside them
        self._known: dict[int, _T] = {}

    def leased(self, keys: Sequence[int]) -> None:
        """Note who was leased together: the rows of all of them will be asked for, most likely in this order."""
        for start in range(0, len(keys), self._some):
            some = keys[start : start + self._some]
            self._beside.update(dict.fromkeys(some, some))

    def addressee(self, key: int) -> _T:
        """Return what belongs to a key; raises KeyError where nothing does."""
        known = self._known.pop(key, None)
        if known is None:
            self._known.update(self._read(self._together(key)))
            known = self._known.pop(key)
        return known

    def drop(self, key: int) -> None:
        """Forget somebody who is not ours any more."""
        self._beside.pop(key, None)
        self._known.pop(key, None)

    def _together(self, key: int) -> list[int]:
        beside = self._beside.get(key, ())
        return [one for one in beside if self._beside.pop(one, None) is not None] or [key]
