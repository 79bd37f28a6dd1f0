"""The sender's log: everything it says goes through here, once, in order.

Rule 1: time comes with the event, the log reads no clock. Rule 2: a log that cannot be written stops nothing
half-way: it says so once through `on_fault` and goes quiet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self, Unpack

from maildrill.sender.attempt import Broken, Ruling
from maildrill.sender.lists.rows import SetAside
from maildrill.sender.log_attempt import Outcome, attempt, evidence
from maildrill.sender.log_schema import KINDS
from maildrill.sender.log_sinks import AdoptingSink, LineSink, Sink
from maildrill.smtp import MaildrillError, Mark, Said

_MARKS = {mark: mark.value.strip() for mark in Mark}
_CRUCIAL = frozenset(kind.name for kind in KINDS.values() if kind.crucial)
#: What can wait for the end of the loop's turn: behind a commit of the ledger come several of these.
_SOON = frozenset({"attempt", "transaction.intent"})
_SESSION_ENDS = frozenset({"session.closed", "session.refused", "run.ended"})


class ConnectionLog:
    """Hands each event to all sinks. Use as a context manager, or `close()` it.

    eager: flush at each crucial event (log_schema), as real sending needs it; else at the end of each session. An
    `attempt` is flushed at the end of the loop's turn: until then the ledger alone has it, and that is enough.
    on_fault: called once when a sink cannot be written; that sink gets nothing more.
    """

    def __init__(
        self, *sinks: Sink, eager: bool = False, on_fault: Callable[[MaildrillError], object] | None = None
    ) -> None:
        self.fault: MaildrillError | None = None
        self._keep(sinks)
        self._flush_at = _CRUCIAL if eager else _SESSION_ENDS
        self._on_fault = on_fault
        self._number = 0
        self._flushing: asyncio.AbstractEventLoop | None = None  # the one in which a flush is to come

    def emit(self, kind: str, at: float, **fields: object) -> None:
        """Log one event at Unix seconds `at`; kind and fields as log_schema has them. Raises ValueError if not."""
        self._hand(kind, at, fields)

    def _hand(self, kind: str, at: float, fields: dict[str, object]) -> None:
        self._number += 1
        for sink in self._sinks:
            try:
                sink.take(self._number, at, kind, fields)
            except OSError as error:
                self._give_up(sink, error)
        if kind in self._flush_at:
            if kind in _SOON:
                self._flush_soon()
            else:
                self.flush()

    def set_aside(self, at: float, row: SetAside) -> None:
        """Log an entry of the list that gets no message."""
        self.emit(
            "recipient.set_aside", at, row=row.number, value=row.value, reason=row.reason.value, detail=row.detail
        )

    def lines(self, session: int, at: float, said: Said) -> None:
        """Log what was said in the dialogue of `session` at Unix seconds `at`."""
        first = self._number + 1
        self._number += len(said)
        for sink, take in self._lines:
            try:
                take(first, at, session, said)
            except OSError as error:
                self._give_up(sink, error)

    def adopt(self, events: Sequence[bytes], text: bytes) -> None:
        """Log what another process wrote down of its sessions: whole lines for programs, and for people."""
        first = self._number + 1
        self._number += len(events)
        for sink in self._sinks:
            if isinstance(sink, AdoptingSink):
                try:
                    sink.adopt(first, events, text)
                except OSError as error:
                    self._give_up(sink, error)
        self.flush()

    def refused(  # noqa: PLR0913 - an argument for each fact
        self, at: float, session: int, relay: str, broken: Broken, *, account: str = "", host: str = ""
    ) -> None:
        """Log that no mail could be sent in `session`, and why."""
        who = {name: value for name, value in (("account", account), ("host", host)) if value}
        found = evidence(broken.reply, broken.stage, broken.fault, broken.detail)
        self.emit("session.refused", at, session=session, relay=relay, **who, stage=broken.stage.value, **found)

    def attempt(self, at: float, ruling: Ruling, **outcome: Unpack[Outcome]) -> None:
        """Log what one try came to for one recipient; also where no transaction was begun (transaction=None)."""
        self._hand("attempt", at, attempt(ruling, outcome))

    def _keep(self, sinks: tuple[Sink, ...]) -> None:
        self._sinks = sinks
        self._lines = [(sink, sink.lines if isinstance(sink, LineSink) else partial(_worded, sink)) for sink in sinks]

    def flush(self) -> None:
        """Hand everything to the system."""
        self._each("flush")

    def _flush_soon(self) -> None:
        """Flush at the end of this turn of the loop: a commit of the ledger ends several transactions in it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # there is none
            self.flush()
            return
        if self._flushing is not loop:
            self._flushing = loop
            loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flushing = None
        self.flush()

    def close(self) -> None:
        """Flush and close all sinks."""
        self._each("close")
        self._keep(())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _each(self, verb: str) -> None:
        for sink in self._sinks:
            try:
                sink.flush() if verb == "flush" else sink.close()
            except OSError as error:
                self._give_up(sink, error)

    def _give_up(self, sink: Sink, error: OSError) -> None:
        self._keep(tuple(other for other in self._sinks if other is not sink))
        with suppress(OSError):
            sink.close()
        if self.fault is None:
            where = getattr(sink, "path", "")
            self.fault = MaildrillError(
                f"cannot write log: {error.strerror or error}",
                where=str(where),
                expected="a disk with room, and no limit on the size of files that is too low (quota, `ulimit -f`)",
                hint="the ledger is complete; make room and run again to go on",
            )
            if self._on_fault:
                self._on_fault(self.fault)


def _worded(sink: Sink, first: int, at: float, session: int, said: Said) -> None:
    for number, (mark, text) in enumerate(said, first):
        sink.take(number, at, "line", {"session": session, "mark": _MARKS[mark], "text": text})
