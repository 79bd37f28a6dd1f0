"""One session's stay at its place: since when it has been of no use, and that it may be asked to leave.

Rule: it is left only while nobody's message is on its way; what it was about to try is put back, at nobody's expense.
"""

from __future__ import annotations

import asyncio
from math import inf

from maildrill.sender.destination import Destination
from maildrill.sender.opener import OpenSession
from maildrill.sender.places import Taken

#: Why a session ended that could have gone on.
MADE_ROOM = "made room"


class Stay:
    """The stay of the `number`-th session of a run, with `destination`, from `now` on.

    turns: transactions begun. leaving: it was asked to leave. session: once it is open. resting: it waits for work.
    """

    def __init__(self, destination: Destination, number: int, now: float) -> None:
        self.turns = 0
        self.leaving = False
        self.resting = False
        self.session: OpenSession | None = None
        self._there = destination
        self._number = number
        self._begun = self._since = now
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The session's task runs."""
        self._task = asyncio.current_task()

    def begin_turn(self, now: float) -> None:
        """It looks for work from `now` on."""
        self._since = now

    def served(self, now: float, *, whole: bool) -> None:
        """A transaction is over; whole: the session goes on."""
        self._there.gate.took(now, now - self._since, served=whole)
        self._since = now

    def taken(self) -> Taken[Destination]:
        """Return what there is to say of it when others wait."""
        busy = self.session is not None and not self.session.asking
        return Taken(
            party=self._there,
            number=self._number,
            begun=self._begun,
            since=inf if self.resting else self._since,
            turns=self.turns,
            firm=self.resting or busy or self._task is None,
            leaving=self.leaving,
        )

    def leave(self) -> None:
        """Ask it to leave at once."""
        self.leaving = True
        if self.session is not None:
            self.session.leave(MADE_ROOM)
        elif self._task is not None:
            self._task.cancel()

    def end(self, now: float) -> None:
        """It is over."""
        if self.session is None:  # else that was said of each transaction
            self._there.gate.took(now, now - self._since, served=False)
        if not self.leaving:
            self._there.gate.heard_out(now)
