"""How much of a core this process has while it runs: what shares the core with it is on no list of processes.

A virtual machine's core is one of two threads of a real one. Where its neighbour is busy a loop that needs nothing from
memory takes 1.6 times as long, and so does everything else, of the processor's time, too. So a timer of that time
interrupts what is measured, ten times a second, for such a loop of a millisecond. How long it takes at its fastest is
how long it takes on a core that is ours alone.
"""

from __future__ import annotations

import signal
import statistics
import time
from types import FrameType
from typing import Self

_EVERY = 0.1  # seconds of the processor's time
_TURNS = 20_000
_ENOUGH = 20  # samples: of fewer nobody can tell how long the fastest would have taken
_INTERRUPTED = 3  # times as long as the fastest: another process had the core meanwhile


class Pace:
    """Measures from the beginning of the block to its end. spent: seconds that this itself took."""

    def __init__(self) -> None:
        self._samples: list[float] = []

    def __enter__(self) -> Self:
        signal.signal(signal.SIGVTALRM, self._sample)
        signal.setitimer(signal.ITIMER_VIRTUAL, _EVERY, _EVERY)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _sample(self, _number: int, _frame: FrameType | None) -> None:
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
        """Which part of a core there was, from 0 to 1; None: it was too short to tell.

        Where there was never a whole one it was less than this says.
        """
        if len(self._samples) < _ENOUGH:
            return None
        fastest = statistics.quantiles(self._samples, n=_ENOUGH)[0]
        whole = [sample for sample in self._samples if sample < _INTERRUPTED * fastest]
        return min(1.0, statistics.fmean(fastest / sample for sample in whole))
