"""What stands on stderr while a campaign runs: a bar on a terminal, a line now and then elsewhere.

Rule: it listens to the event log like any other sink, and reads the real clock only to hold itself back.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import click

from maildrill.sender.attempt import TERMINAL, State
from maildrill.sender.log_json import decode_event
from maildrill.sender.postfix_lines import reason
from maildrill.smtp import Said, escape, timestamp
from maildrill.smtp.quantity import format_duration

LINE_EVERY = 10.0  # seconds between two lines where nobody watches
WORTH_SAYING = 10.0  # seconds of waiting
DRAW_EVERY = 0.1  # seconds between two pictures of the bar
_LINE, _FAR = b'"kind":"line"', 80  # octets within which an event says its kind
_SHOWN = (State.DELIVERED, State.DEFERRED, State.FAILED, State.EXPIRED, State.UNKNOWN, State.HELD)


class Display(Protocol):
    """Shows counts that change, and remarks that stay."""

    every: float

    def show(self, settled: int, total: int, counts: str) -> None:
        """Show how far the campaign is."""
        ...

    def remark(self, text: str) -> None:
        """Show a line that stays."""
        ...

    def close(self) -> None:
        """Leave the screen as it should be."""
        ...


class Lines:
    """Plain lines on stderr."""

    every = LINE_EVERY

    def show(self, settled: int, total: int, counts: str) -> None:
        """Write a line."""
        self.remark(f"{settled:,} of {total:,} settled: {counts}")

    def remark(self, text: str) -> None:
        """Write a line; that nobody reads it any more is no reason to stop sending."""
        with suppress(OSError):
            click.echo(text, err=True)

    def close(self) -> None:
        """Nothing is open."""


class Bar:
    """A bar by rich, drawn by us: rich's own thread has no place in a virtual world."""

    every = DRAW_EVERY

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only where a person watches
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

        self._console = Console(stderr=True)
        self._progress = Progress(
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            auto_refresh=False,
        )
        self._task = self._progress.add_task("", total=None)
        self._progress.start()

    def show(self, settled: int, total: int, counts: str) -> None:
        """Draw the bar."""
        self._progress.update(self._task, completed=settled, total=total, description=counts, refresh=True)

    def remark(self, text: str) -> None:
        """Write a line above the bar."""
        self._console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the last picture standing."""
        self._progress.stop()


def display() -> Display:
    """Return what fits stderr: a bar on a terminal, lines elsewhere. NO_COLOR is rich's to obey."""
    return Bar() if sys.stderr is not None and sys.stderr.isatty() else Lines()


class Progress:
    """A sink of the event log (see sender.log_sinks) that shows on `display` how a campaign gets on.

    remarks: whether outages and waits are told; in virtual time they pass too fast to be read.
    """

    def __init__(self, display: Display, *, remarks: bool = True) -> None:
        self._display = display
        self._remarks = remarks
        self._states: dict[str, State] = {}
        self._counts: Counter[State] = Counter()
        self._shown_at = 0.0
        self._total = 0
        self._trouble = ""

    def take(self, number: int, at: float, kind: str, fields: Mapping[str, object]) -> None:  # noqa: ARG002 - a sink's signature
        """Take one event."""
        match kind:
            case "line":
                return
            case "recipient.queued":
                self._move(fields, State.PENDING)
            case "recipient.restored":
                self._move(fields, State(str(fields["state"])))
            case "attempt" | "recipient.recovered" | "recipient.expired" | "recipient.held":
                self._move(fields, State(str(fields["state"])))
                self._draw()
            case "run.started":
                self._total = int(str(fields["recipients"]))
                self._display.remark(_start(fields))
            case _:
                remark = self._remark(at, kind, fields) if self._remarks else ""
                if remark:
                    self._draw(now=True)
                    self._display.remark(remark)

    def lines(self, first: int, at: float, session: int, said: Said) -> None:
        """Pass over what is said: it moves nobody."""

    def adopt(self, number: int, events: Sequence[bytes], text: bytes) -> None:  # noqa: ARG002 - a sink's signature
        """Take what another process wrote down, of which lines of a dialogue are passed over as they stand."""
        for line in events:
            if _LINE not in line[:_FAR]:
                event = decode_event(line, "crew")
                self.take(event.number, event.at, event.kind, event.fields)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Show the last counts and leave the screen."""
        self._draw(now=True)
        self._display.close()

    def _move(self, fields: Mapping[str, object], state: State) -> None:
        recipient = str(fields["recipient"])
        before = self._states.get(recipient)
        if before is not None:
            self._counts[before] -= 1
        self._states[recipient] = state
        self._counts[state] += 1

    def _remark(self, at: float, kind: str, fields: Mapping[str, object]) -> str:
        match kind:
            case "session.refused":
                trouble = reason(fields)
                if trouble == self._trouble:  # an outage is one remark, not one for each try
                    return ""
                self._trouble = trouble
                return trouble
            case "session.opened":
                self._trouble = ""
            case "run.waited" | "breaker.opened":
                until = fields["until"]
                if isinstance(until, int | float) and until - at >= WORTH_SAYING:
                    what = "nothing is due" if kind == "run.waited" else f"{escape(str(fields['relay']))} is left alone"
                    return f"{what} until {timestamp(until)}, in {format_duration(max(0, round(until - at)))}"
            case "run.stopping":
                return f"stopping: {escape(str(fields['reason']))}"
        return ""

    def _draw(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if self._total and (now or moment - self._shown_at >= self._display.every):
            self._shown_at = moment
            settled = sum(self._counts[state] for state in TERMINAL)
            counts = ", ".join(f"{self._counts[state]:,} {state}" for state in _SHOWN if self._counts[state])
            self._display.show(settled, self._total, counts or "nobody tried yet")


def _start(fields: Mapping[str, object]) -> str:
    verb = "going on with" if fields["resumed"] else "sending"
    campaign, relay = escape(str(fields["campaign"])), escape(str(fields["relay"]))
    return f'{verb} "{campaign}": {fields["recipients"]:,} recipients through {relay}'
