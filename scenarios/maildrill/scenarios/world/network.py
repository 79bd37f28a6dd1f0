"""How fast the in-memory network is: latency, jitter, segmentation. Pure values and one hash.

Rule: a delay depends on the seed, the connection, the direction and the flight's number, on nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from typing import Final

from maildrill.smtp.errors import ConfigurationError

_DRAWS: Final = Struct(">8Q")
_EACH: Final = 2.0**-64  # of a draw; to divide by so large a number takes ten times as long, and comes to the same


@dataclass(frozen=True, slots=True)
class Network:
    """The weather of the in-memory network; one way, the same for all connections.

    latency: seconds from leaving to landing, 0 or more. jitter: up to so many seconds are added, drawn by a hash.
    segment: octets that land at once at most; 0 means as they were written. seed: chooses the draws. cuts: the
    connections that are lost, by number from 1, and behind how many octets, both ways counted; both ends hear of it.
    Raises ConfigurationError for a negative or infinite value.
    """

    latency: float = 0.010
    jitter: float = 0.002
    segment: int = 0
    seed: int = 0
    cuts: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("latency", self.latency), ("jitter", self.jitter), ("segment", self.segment)):
            if not (math.isfinite(value) and value >= 0):
                raise ConfigurationError(f"the network's {name} cannot be {value}", expected="a number of 0 or more")

        if any(connection < 1 or octets < 0 for connection, octets in self.cuts):
            raise ConfigurationError(
                f"the network's cuts cannot be {self.cuts}", expected="connections from 1, and octets from 0"
            )

    def delays(self, path: str, block: int) -> tuple[float, ...]:
        """Return the seconds that eight flights on `path` take, those of its `block`-th eight: latency and a draw.

        Eight at a time, because one hash has room for eight draws and the hash is half the cost of a flight.
        """
        digest = blake2b(f"{self.seed}|{path}|{block}".encode()).digest()
        latency, jitter = self.latency, self.jitter
        return tuple([latency + jitter * (draw * _EACH) for draw in _DRAWS.unpack(digest)])
