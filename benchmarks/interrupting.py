"""What is called again and again while a block runs, by a timer of the processor's time."""

from __future__ import annotations

import signal
from types import FrameType
from typing import ClassVar, Self


class Interrupting:
    """From the beginning of the block to its end `sample` is called, every so many seconds.

    every: a kernel may tick less often. timer, number: which timer, and with what signal it interrupts; two at the same
    time need two of each.
    """

    timer: ClassVar[int]
    number: ClassVar[signal.Signals]
    every: ClassVar[float]

    def __enter__(self) -> Self:
        signal.signal(self.number, lambda _, frame: self.sample(frame))
        signal.setitimer(self.timer, self.every, self.every)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(self.timer, 0)

    def sample(self, frame: FrameType | None, /) -> None:
        """Look once; frame: where the program is."""
        raise NotImplementedError
