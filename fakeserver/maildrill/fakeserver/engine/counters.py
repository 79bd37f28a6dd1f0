"""What the engine remembers: for each rule and key how often, since when and how much.

Draws are hashes of what they are about, never a stream, so order and company do not matter. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from hashlib import blake2b

_WHOLE = 2**64


class Tally:
    """The counters of one key of one rule."""

    __slots__ = ("_passed", "fired", "first", "seen")

    def __init__(self, first: float) -> None:
        self.first = first  # when the key was first seen
        self.seen = 0  # events so far, this one included
        self.fired = 0  # how often the rule fired for it
        self._passed: deque[float] | None = None  # when the last events went through that `over` asks for

    def age(self, at: float) -> float:
        """Return the seconds since the key was first seen."""
        return at - self.first

    def passed(self, at: float, most: int) -> None:
        """Note that an event went through; of more than `most` the oldest is forgotten."""
        if self._passed is None:
            self._passed = deque(maxlen=most)
        self._passed.append(at)

    def passed_within(self, seconds: float, at: float) -> int:
        """Return how many events went through in the `seconds` up to now, as far as they are remembered."""
        passed, begins = self._passed, at - seconds
        if passed is None:
            return 0
        while passed and passed[0] <= begins:
            passed.popleft()
        return len(passed)


def draw(seed: int, rule: str, key: Hashable, number: int) -> float:
    """Return a number in [0, 1) that depends on nothing but the arguments; the same on every Python."""
    return int.from_bytes(_digest(seed, rule, key, number)) / _WHOLE


def queue_id(seed: int, rule: str, session: int, key: Hashable, number: int) -> str:
    """Return a queue id such as a server would give: ten hexadecimal digits."""
    return _digest(seed, rule, session, key, number).hex()[:10].upper()


def _digest(*parts: Hashable) -> bytes:
    # ascii(), not repr(): what is printable differs from one Unicode version, so one Python, to the next.
    return blake2b(ascii(parts).encode("ascii"), digest_size=8).digest()
