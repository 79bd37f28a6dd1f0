"""Events as they happen, as server-sent events: read from the journal, so that a slow client costs no memory.

Rule: an event's id is where the stream goes on after it; what the journal has forgotten meanwhile is said to be lost.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from maildrill.fakeserver.control.desk import Desk
from maildrill.fakeserver.control.shapes import event_of
from maildrill.fakeserver.journal.journal import Entry, Journal

#: Seconds after which a word is said though nothing happened, so that a dead connection is noticed.
_QUIET = 15.0
_CURSOR = re.compile(r"(\d{1,9})-(\d{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a journal: its generation, and the number of an entry; 0 stands before all. Written `1-250`."""

    generation: int = 0
    number: int = 0

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a cursor; `0` is the beginning. Raises ValueError."""
        match = _CURSOR.fullmatch(text)
        if match is None and text != "0":
            raise ValueError(text)
        return cls(int(match[1]), int(match[2])) if match else cls()

    def within(self, journal: Journal) -> int:
        """Return the number of the entry to go on behind; a journal that was cleared is read from its beginning."""
        return self.number if self.generation == journal.generation else 0

    def __str__(self) -> str:
        return f"{self.generation}-{self.number}"


async def follow(desk: Desk, after: Cursor, fits: Callable[[Entry], bool]) -> AsyncIterator[str]:
    """Give the events behind a cursor, and then each as it happens, until the desk is closed."""
    journal, generation, number = desk.journal, desk.journal.generation, after.within(desk.journal)
    news = asyncio.Event()
    unwatch = journal.watch(lambda _entry: news.set())
    try:
        yield ": listening\n\n"
        while not desk.stopping.is_set():
            news.clear()
            if generation != journal.generation:
                generation, number = journal.generation, 0
                yield _said(f"{generation}-0", {}, "reset")
            for entry in journal.since(number):
                if entry.number > number + 1:
                    yield _said(f"{generation}-{entry.number - 1}", {"lost": entry.number - number - 1}, "lost")
                number = entry.number
                if fits(entry):
                    yield _said(f"{generation}-{number}", event_of(entry, generation))
                if generation != journal.generation:
                    break
            all_said = generation == journal.generation and number == journal.totals.entries
            if all_said and await _quiet(desk, news):
                yield ": quiet\n\n"
    finally:
        unwatch()


async def _quiet(desk: Desk, news: asyncio.Event) -> bool:
    """Wait for news, or for the end; returns whether there was neither for long."""
    waits = [asyncio.ensure_future(one.wait()) for one in (news, desk.stopping)]
    done, left = await asyncio.wait(waits, timeout=desk.pass_in(_QUIET), return_when=asyncio.FIRST_COMPLETED)
    for wait in left:
        wait.cancel()
        with suppress(asyncio.CancelledError):
            await wait
    return not done


def _said(place: str, data: object, kind: str = "") -> str:
    named = f"event: {kind}\n" if kind else ""
    return f"{named}id: {place}\ndata: {json.dumps(data)}\n\n"
