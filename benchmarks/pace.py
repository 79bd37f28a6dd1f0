"""How fast the core is on which this process runs, meanwhile: who shares it with us is on no list of processes.

On a virtual machine a loop that needs nothing from memory takes sometimes as long as at its fastest, and sometimes 1.7
times as long, though nothing else of ours runs there. So a timer of the processor's time interrupts what is measured,
ten times a second, for such a loop of a millisecond.
"""

from __future__ import annotations

import signal
import statistics
import time
from types import FrameType

from interrupting import Interrupting

_TURNS = 20_000
_ENOUGH = 20  # samples: of fewer nobody can tell how long the fastest would have taken
_INTERRUPTED = 3  # times as long as the fastest: another process had the core meanwhile


class Pace(Interrupting):
    """Measures from the beginning of the block to its end. spent: seconds that this itself took."""

    timer, number, every = signal.ITIMER_VIRTUAL, signal.SIGVTALRM, 0.1

    def __init__(self) -> None:
        self._samples: list[float] = []

    def sample(self, _frame: FrameType | None, /) -> None:
        """Run the loop once."""
        began, number = time.perf_counter(), 0  # a kernel may count a process's own time in ticks of 4 ms
        for turn in range(_TURNS):
            number = (number * 31 + turn) & 0xFFFF
        self._samples.append(time.perf_counter() - began)

    @property
    def spent(self) -> float:
        """How many seconds it took to measure this."""
        return sum(self._samples)

    @property
    def share(self) -> float | None:
        """Which part of its fastest the loop's pace was, from 0 to 1; None: it was too short to tell."""
        if len(self._samples) < _ENOUGH:
            return None
        fastest = statistics.quantiles(self._samples, n=_ENOUGH)[0]
        whole = [sample for sample in self._samples if sample < _INTERRUPTED * fastest]
        return min(1.0, statistics.fmean(fastest / sample for sample in whole))
