"""Which account sends to whom: accounts in rotation by their weights, or the first one that works. Pure.

Rule 1: a recipient keeps its account in every attempt, as long as that account works: greylisting remembers who came.
Rule 2: nobody is moved because of what another recipient was told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache


def home(weights: Sequence[int], key: int) -> int:
    """Return the place of the account that recipient `key` (its number in the ledger) belongs to.

    In any stretch of sum(weights) keys each account has its weight of them, evenly mixed.
    """
    if len(weights) == 1:
        return 0
    turns = _turns(tuple(weights))
    return turns[key % len(turns)]


def turns_of(weights: Sequence[int], places: Collection[int]) -> tuple[int, frozenset[int]]:
    """Return after how many keys the turns of the accounts begin anew, and which of them are those of these places."""
    turns = _turns(tuple(weights))
    return len(turns), frozenset(turn for turn, place in enumerate(turns) if place in places)


def stand_in(working: Sequence[bool], at: int) -> int | None:
    """Return who sends for the account at place `at`: itself while it works, else the next that does; or nobody."""
    count = len(working)
    return next((place % count for place in range(at, at + count) if working[place % count]), None)


@lru_cache(maxsize=64)
def _turns(weights: tuple[int, ...]) -> tuple[int, ...]:
    """Smooth weighted round robin: 5, 1, 1 gives a a b a c a a, not a a a a a b c."""
    total, credit, turns = sum(weights), [0] * len(weights), list[int]()
    for _ in range(total):
        credit = [have + weight for have, weight in zip(credit, weights, strict=True)]
        best = max(range(len(credit)), key=lambda place: (credit[place], -place))
        credit[best] -= total
        turns.append(best)
    return tuple(turns)
