"""Wait until a journal has what is looked for, and say what it had instead where it does not come.

Rule: what is there is looked at before anything is waited for, in one turn of the loop: nothing slips through between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from maildrill.fakeserver.journal.query import event_filter, message_filter, words_said
from maildrill.fakeserver.journal.record import Entry, Message
from maildrill.smtp import MaildrillError, Stage
from maildrill.smtp.quantity import format_duration

if TYPE_CHECKING:
    from maildrill.fakeserver.journal.journal import Journal

_T = TypeVar("_T", Entry, Message)
_SHOWN = 8  # of what was seen instead


class NotSeenError(MaildrillError):
    """What was waited for did not come; the text says what came instead."""


async def wait_for_messages(
    journal: Journal, words: Mapping[str, object], count: int, seconds: float
) -> tuple[Message, ...]:
    """Return the first `count` settled messages that fit; see Journal.wait_for."""
    fits = message_filter(words)
    found = {message.number: message for message in journal.messages if message.settled and fits(message)}

    def take(entry: Entry) -> Iterable[Message]:
        message = entry.message
        if message is not None and message.settled and message.number not in found and fits(message):
            found[message.number] = message
            yield message

    try:
        return await _wait(journal, list(found.values()), take, count, seconds)
    except TimeoutError:
        raise NotSeenError(
            _lack("message", words, len(found), count, seconds), hint=_instead(_near(journal, words))
        ) from None


async def wait_for_entries(
    journal: Journal, words: Mapping[str, object], count: int, seconds: float
) -> tuple[Entry, ...]:
    """Return the first `count` entries that fit; see Journal.wait_for_event."""
    fits = event_filter(words)
    found = [entry for entry in journal.entries if fits(entry)]
    try:
        return await _wait(journal, found, lambda entry: (entry,) if fits(entry) else (), count, seconds)
    except TimeoutError:
        raise NotSeenError(
            _lack("event", words, len(found), count, seconds), hint=_instead(journal.entries[-_SHOWN:])
        ) from None


async def _wait(
    journal: Journal, found: list[_T], take: Callable[[Entry], Iterable[_T]], count: int, seconds: float
) -> tuple[_T, ...]:
    """Return the first `count` of what is in `found` and of what is taken from new entries; raises TimeoutError."""
    enough = asyncio.Event()

    def look(entry: Entry) -> None:
        found.extend(take(entry))
        if len(found) >= count:
            enough.set()

    unwatch = journal.watch(look)
    try:
        if len(found) < count:
            async with asyncio.timeout(seconds):
                await enough.wait()
    except TimeoutError:
        if len(found) < count:  # else it came in the very last turn
            raise
    finally:
        unwatch()
    return tuple(found[:count])


def _lack(kind: str, words: Mapping[str, object], found: int, count: int, seconds: float) -> str:
    much = f"only {found} of {count} {kind}s" if found else f"no {kind}"
    said = f" with {words_said(words)}" if words else ""
    return f"{much}{said} within {format_duration(seconds)}"


def _near(journal: Journal, words: Mapping[str, object]) -> list[object]:
    """Return what explains best why a message did not come: the RCPT commands for it, and the messages there were."""
    who = {word: value for word, value in words.items() if word in ("rcpt", "domain")}
    about = event_filter({**who, "stage": Stage.RCPT}) if who else None
    asked = [entry for entry in journal.entries if about is not None and about(entry)]
    return [*asked[-_SHOWN:], *journal.messages[-_SHOWN:]]


def _instead(seen: Iterable[object]) -> str:
    lines = [f"  {one}" for one in seen]
    return "\n".join(["seen instead:", *lines]) if lines else "nothing came at all"
