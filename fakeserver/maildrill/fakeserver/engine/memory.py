"""What the engine keeps for each key: bounded, so that no client can make it grow without end.

Rule 1: at most MOST keys for each rule; when there are more the oldest tenth is forgotten.
Rule 2: what is about one session, or one transaction of it, ends with it. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from itertools import islice
from typing import Generic, TypeVar

from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.engine.keys import ABOUT_SESSION, ehlo_of
from maildrill.fakeserver.language.script_words import FIRST_STATE, Key

MOST = 100_000
_LONGEST = 256  # characters of a name that a session goes by

#: Whose a key is: a session (0: nobody's own) and a transaction of it (0: all).
Place = tuple[int, int]
EVERYWHERE: Place = (0, 0)

V = TypeVar("V")


class Shelf(Generic[V]):
    """Values by key, each with its place; a session has only the keys of its present transaction."""

    __slots__ = ("_buckets", "_count", "_most")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._count = 0
        self._buckets: dict[int, tuple[int, dict[Hashable, V]]] = {}

    def __len__(self) -> int:
        return self._count

    def get(self, key: Hashable, place: Place = EVERYWHERE) -> V | None:
        """Return the value of a key, or None."""
        bucket = self._buckets.get(place[0])
        return bucket[1].get(key) if bucket is not None and bucket[0] == place[1] else None

    def put(self, key: Hashable, value: V, place: Place = EVERYWHERE) -> None:
        """Keep a value; a new key may cost the oldest ones."""
        session, transaction = place
        if self._count >= self._most:
            self._forget()
        bucket = self._buckets.get(session)
        if bucket is None or bucket[0] != transaction:
            self.end(session)
            bucket = self._buckets[session] = (transaction, {})
        if key not in bucket[1]:
            self._count += 1
        bucket[1][key] = value

    def end(self, session: int) -> None:
        """Forget what is a session's own."""
        bucket = self._buckets.pop(session, None)
        if bucket is not None:
            self._count -= len(bucket[1])

    def carry(self, old: Shelf[V]) -> None:
        """Go on with what another shelf holds, which is then done with."""
        self._buckets, self._count = old._buckets, old._count

    def _forget(self) -> None:
        excess = max(self._most // 10, 1)  # many at once: taking the first of a dict is slow where many were taken
        for session in list(islice(self._buckets, excess)):
            if excess <= 0:
                break
            values = self._buckets[session][1]
            oldest = list(islice(values, excess))
            excess -= len(oldest)
            if len(oldest) == len(values):
                self.end(session)
            else:
                for key in oldest:
                    del values[key]
                self._count -= len(oldest)


class States:
    """The states that rules ask for and set: one for the whole run, or for each value of what they count by."""

    def __init__(self) -> None:
        self._shelves: dict[tuple[Key, ...], Shelf[str]] = {}
        self._coming: list[tuple[Shelf[str], Hashable, str, Place]] = []

    def shelf(self, key: Iterable[Key]) -> Shelf[str]:
        """Return where the states are kept that rules with the same key share, in whatever order they name it."""
        return self._shelves.setdefault(tuple(sorted(key)), Shelf())

    def set(self, shelf: Shelf[str], key: Hashable, state: str, place: Place) -> None:
        """Have a state hold from the next event on."""
        self._coming.append((shelf, key, state, place))

    def settle(self) -> None:
        """Let the states hold that this event has set; of several for one key the last."""
        for shelf, key, state, place in self._coming:
            shelf.put(key, state, place)
        self._coming.clear()

    def end(self, session: int) -> None:
        """Forget what is a session's own."""
        if session:
            for shelf in self._shelves.values():
                shelf.end(session)

    def carry(self, old: States) -> None:
        """Take over what the rules of another script have set, where rules here share it."""
        for key, shelf in self._shelves.items():
            if key in old._shelves:
                shelf.carry(old._shelves[key])


def state_of(shelf: Shelf[str], key: Hashable, place: Place) -> str:
    """Return the state that holds for a key."""
    return shelf.get(key, place) or FIRST_STATE


class Sessions:
    """Which sessions are open, and how many of them have a client, a name or a user in common."""

    def __init__(self, groups: Iterable[tuple[Key, ...]]) -> None:
        self._known: dict[int, tuple[str, ...]] = {}
        self._counts: dict[tuple[Key, ...], dict[tuple[str, ...], int]] = {group: {} for group in groups}

    @property
    def counting(self) -> bool:
        """Whether anybody wants to know more than that a session is open."""
        return bool(self._counts)

    def see(self, event: Event) -> None:
        """Take note of a session as it shows itself at an event."""
        about = _about(event)
        known = self._known.get(event.session)
        if known != about:
            self._add(known, -1)
            self._known[event.session] = about
            self._add(about, 1)

    def end(self, session: int) -> None:
        """Take note that a session is over."""
        self._add(self._known.pop(session, None), -1)

    def count(self, group: tuple[Key, ...], event: Event) -> int:
        """Return how many sessions are open that have this in common with the event's, itself included."""
        return self._counts[group].get(_part(group, _about(event)), 0)

    def carry(self, old: Sessions) -> None:
        """Take over the sessions that are open."""
        for session, about in old._known.items():
            self._known[session] = about
            self._add(about, 1)

    def _add(self, about: tuple[str, ...] | None, change: int) -> None:
        if about is None:
            return
        for group, counts in self._counts.items():
            part = _part(group, about)
            counts[part] = counts.get(part, 0) + change
            if not counts[part]:
                del counts[part]


def _about(event: Event) -> tuple[str, ...]:
    return (event.client, ehlo_of(event)[:_LONGEST].casefold(), event.user[:_LONGEST].casefold())


def _part(group: tuple[Key, ...], about: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for word, value in zip(ABOUT_SESSION, about, strict=True) if word in group)
