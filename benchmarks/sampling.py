"""Where the processor's time of this process goes: the functions that it is found in, a few hundred times a second.

A timer of the processor's time interrupts it (SIGPROF); what is counted costs next to nothing, so that shares are as
they are without it. A profile by cProfile makes short functions seem long.
"""

from __future__ import annotations

import signal
from collections import Counter
from types import CodeType, FrameType

from interrupting import Interrupting


class Sampling(Interrupting):
    """Counts from the beginning of the block to its end. inside: in how many samples a function was on the stack."""

    timer, number, every = signal.ITIMER_PROF, signal.SIGPROF, 0.001

    def __init__(self) -> None:
        self.samples = 0
        self.inside: Counter[str] = Counter()
        self.itself: Counter[str] = Counter()

    def sample(self, frame: FrameType | None, /) -> None:
        """Count what is on the stack."""
        self.samples += 1
        names: list[str] = []
        while frame is not None:
            names.append(_name(frame.f_code))
            frame = frame.f_back
        self.itself[names[0]] += 1
        self.inside.update(set(names))

    def table(self, *, most: int = 30) -> str:
        """Return the functions that most time is spent in, and in what they call."""
        lines = [f"{'inside':>8}{'itself':>8}  of {self.samples} samples"]
        for name, count in self.inside.most_common(most):
            own = self.itself[name]
            lines.append(f"{count / self.samples:8.1%}{own / self.samples:8.1%}  {name}")
        return "\n".join(lines)


def _name(code: CodeType) -> str:
    return f"{'/'.join(code.co_filename.split('/')[-2:])}: {code.co_qualname}"
