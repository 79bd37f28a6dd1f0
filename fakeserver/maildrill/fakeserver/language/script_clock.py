"""The `clock` of a script: whether its time passes as everybody's, so many times as fast, or not at all. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

CLOCK_WORDS = '"real", "virtual", or "scaled:60", sixty times as fast (from 0.001 to 1000000)'
_SCALED = re.compile(r"scaled:(\d{1,7}(?:\.\d{1,3})?)", re.ASCII)
_SLOWEST, _FASTEST = 0.001, 1_000_000.0


@dataclass(frozen=True, slots=True)
class ScriptClock:
    """Which clock a script is played by: `real`, `virtual` or `scaled:60`. Raises ValueError with what was expected.

    factor: seconds of this clock in one of ours; None for a virtual one, which jumps when everybody waits.
    """

    text: str
    factor: float | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        scaled = _SCALED.fullmatch(self.text)
        if scaled is None and self.text not in ("real", "virtual"):
            raise ValueError(CLOCK_WORDS)
        factor = float(scaled[1]) if scaled else None if self.text == "virtual" else 1.0
        if factor is not None and not _SLOWEST <= factor <= _FASTEST:
            raise ValueError(CLOCK_WORDS)
        object.__setattr__(self, "factor", factor)
