"""The server's witness, as it is read: what there was, what is looked for, and what is waited for.

Rule 1: what is given out is a list of its own; the records in it are the journal's and are for reading.
Rule 2: `keep` bounds everything but the octets of messages, which `octets` bounds: a journal of both never grows.
Rule 3: who writes is in `books`; what the records are in `record`. Both sides are used from one loop.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Unpack

from maildrill.fakeserver.journal.books import Books, Totals, Watcher
from maildrill.fakeserver.journal.query import EventWords, MessageWords, event_filter, message_filter
from maildrill.fakeserver.journal.record import (
    Closed,
    Entry,
    Injected,
    Message,
    Outcome,
    RecipientRecord,
    SessionRecord,
    TransactionRecord,
)
from maildrill.fakeserver.journal.telling import tell_session
from maildrill.fakeserver.journal.waiting import NotSeenError, wait_for_entries, wait_for_messages
from maildrill.smtp import Transcript

__all__ = [
    "Closed",
    "Entry",
    "Injected",
    "Journal",
    "Message",
    "NotSeenError",
    "Outcome",
    "RecipientRecord",
    "SessionRecord",
    "Totals",
    "TransactionRecord",
    "Watcher",
]


class Journal(Books):
    """What a fake server saw and did.

    on_entry: called with each entry as it is added. keep: how many of the newest entries, sessions, recipients and so
    on are kept, None for all. octets: how many octets of messages are kept, None for all, 0 for none but the newest.
    folded: whether it knows transactions and recipients, too, and why rules did not answer; else only what whoever
    watches need not put together.
    """

    @property
    def entries(self) -> list[Entry]:
        """Everything that happened, in order."""
        return list(self._entries)

    @property
    def sessions(self) -> list[SessionRecord]:
        """The sessions in the order in which they began."""
        return self._sessions.all()

    @property
    def transactions(self) -> list[TransactionRecord]:
        """The transactions in the order in which they began."""
        return list(self._transactions.all)

    @property
    def messages(self) -> list[Message]:
        """The messages that came whole, in order; also those that were not taken."""
        return list(self._messages.all)

    @property
    def injected(self) -> list[Injected]:
        """What the server sent by itself."""
        return list(self._injected)

    @property
    def near_misses(self) -> list[Entry]:
        """The newest entries of events that a strict script had no rule for."""
        return list(self._misses)

    @property
    def ledger(self) -> list[RecipientRecord]:
        """Each address that was named, in the order of being named: what was taken for it, and what was told."""
        return self._recipients.all()

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses that RCPT commands named, as first spelled, in order."""
        return tuple(record.address for record in self.ledger)

    @property
    def replies_at_dot(self) -> tuple[Message, ...]:
        """The messages whose end was answered in full."""
        return tuple(message for message in self.messages if message.reply is not None)

    def session(self, number: int) -> SessionRecord | None:
        """Return a session; None where there is none of this number, or it is forgotten."""
        return self._sessions.get(number)

    def message(self, number: int) -> Message | None:
        """Return a message; None where there is none of this number, or it is forgotten."""
        return next((message for message in self.messages if message.number == number), None)

    def committed(self, rcpt: str) -> int:
        """Return how many messages for an address the server took (domains compare without case).

        A message that named it twice counts twice: nobody knows how many copies that makes.
        """
        record = self._recipients.get(rcpt)
        return 0 if record is None else record.committed

    def acknowledged(self, rcpt: str) -> int:
        """Return how many messages for an address were answered with a whole 2yz reply at their end."""
        record = self._recipients.get(rcpt)
        return 0 if record is None else record.acknowledged

    def asked(self, rcpt: str) -> tuple[Entry, ...]:
        """Return the RCPT commands that named an address, in order."""
        record = self._recipients.get(rcpt)
        return () if record is None else tuple(record.asked)

    def since(self, number: int) -> list[Entry]:
        """Return the entries behind that of this number."""
        forgotten = self.totals.entries - len(self._entries)
        return list(islice(self._entries, max(number - forgotten, 0), None))

    def find(self, **words: Unpack[EventWords]) -> tuple[Entry, ...]:
        """Return the entries that all words fit, in order: `find(stage="rcpt", outcome="refused", rcpt="*@x.test")`.

        The words are those of `query.EventWords`. Raises ConfigurationError for what a word cannot be.
        """
        return tuple(filter(event_filter(words), self.entries))

    def find_messages(self, **words: Unpack[MessageWords]) -> tuple[Message, ...]:
        """Return the messages that all words fit, in order: `find_messages(rcpt="ann@x.test", subject="*Hello*")`.

        The words are those of `query.MessageWords`. Raises ConfigurationError for what a word cannot be.
        """
        return tuple(filter(message_filter(words), self.messages))

    def drain(self, **words: Unpack[MessageWords]) -> tuple[Message, ...]:
        """Return the settled messages that all words fit, and let them go: each is given out once."""
        return self.drain_if(message_filter(words))

    def drain_if(self, fits: Callable[[Message], bool]) -> tuple[Message, ...]:
        """Return the settled messages that fit, and let them go: each is given out once."""
        drained = tuple(message for message in self.messages if message.settled and fits(message))
        self._messages.take({message.number for message in drained})
        return drained

    def transcript(self, session: int) -> Transcript:
        """Return the dialogue of a session; empty where there is none of this number, or it is forgotten."""
        record = self._sessions.get(session)
        entries = [entry for entry in self._entries if entry.session == session]
        return Transcript() if record is None else tell_session(record, entries)

    async def wait_for(
        self,
        *,
        count: int = 1,
        timeout: float = 5.0,  # noqa: ASYNC109 - its end is told with what there was instead
        **words: Unpack[MessageWords],
    ) -> tuple[Message, ...]:
        """Return the first `count` messages that all words fit, as soon as they are settled.

        What was there before counts. timeout: seconds of the running loop's clock, so of virtual time in a drill.
        Raises NotSeenError, which says what there was instead, and ConfigurationError for what a word cannot be.
        """
        return await wait_for_messages(self, words, count, timeout)

    async def wait_for_event(
        self,
        *,
        count: int = 1,
        timeout: float = 5.0,  # noqa: ASYNC109 - its end is told with what there was instead
        **words: Unpack[EventWords],
    ) -> tuple[Entry, ...]:
        """Return the first `count` entries that all words fit: `wait_for_event(stage="rcpt", code=550)`.

        As `wait_for` in all else.
        """
        return await wait_for_entries(self, words, count, timeout)
