"""How fast the in-memory network is: latency, jitter, segmentation. Pure values and one hash.

Rule: a delay depends on the seed, the connection, the direction and the flight's number, on nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b

from maildrill.smtp.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Network:
    """The weather of the in-memory network; one way, the same for all connections.

    latency: seconds from leaving to landing, 0 or more. jitter: up to so many seconds are added, drawn by a hash.
    segment: octets that land at once at most; 0 means as they were written. seed: chooses the draws.
    Raises ConfigurationError for a negative or infinite value.
    """

    latency: float = 0.010
    jitter: float = 0.002
    segment: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("latency", self.latency), ("jitter", self.jitter), ("segment", self.segment)):
            if not (math.isfinite(value) and value >= 0):
                raise ConfigurationError(f"the network's {name} cannot be {value}", expected="a number of 0 or more")

    def delay(self, path: str, flight: int) -> float:
        """Return the seconds that the `flight`-th flight on `path` takes: latency, and a part of jitter."""
        if not self.jitter:
            return self.latency
        digest = blake2b(f"{self.seed}|{path}|{flight}".encode(), digest_size=8).digest()
        return self.latency + self.jitter * (int.from_bytes(digest, "big") / 2**64)
