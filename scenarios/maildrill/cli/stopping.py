"""The wish to stop a run, and the signals that bring it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from maildrill.cli.progress import Display

#: Ctrl-C, `kill`, and the terminal going away.
STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


@contextmanager
def held_back() -> Iterator[None]:
    """Hold these signals back while processes are forked: what handles one in the midst of that is not heard of."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals() -> None:
    """Leave them to the process that forked this one, those that were held back since then among them."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


class Stop:
    """The wish to stop, and the signals that bring it."""

    def __init__(self, screen: Display) -> None:
        self.event = asyncio.Event()
        self._screen = screen

    def ask(self) -> None:
        """Ask the run to stop; however often that is said, a transaction under way comes to its end."""
        if self.event.is_set():
            self._screen.remark("waiting for the reply to a message that has left: that may take ten minutes")
        self.event.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to the signals while the caller's loop runs."""
        loop = asyncio.get_running_loop()
        before = {
            number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(self.ask))
            for number in STOP_SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN  # nohup, or a job in the background
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
