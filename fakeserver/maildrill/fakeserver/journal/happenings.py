"""What a journal has, with what was known at each moment: whose session it was, from whom and for whom.

Rule: an entry says what was asked and answered; what it was about lies in the transaction around it. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from maildrill.fakeserver.journal.record import Entry, Message, RecipientRecord, SessionRecord
from maildrill.fakeserver.journal.retention import key_of
from maildrill.smtp import Stage


class Witness(Protocol):
    """A journal, as far as it is asked here."""

    @property
    def entries(self) -> list[Entry]:
        """Everything that happened, in order."""
        ...

    @property
    def sessions(self) -> list[SessionRecord]:
        """The sessions in the order in which they began."""
        ...

    @property
    def messages(self) -> list[Message]:
        """The messages that came whole."""
        ...

    @property
    def ledger(self) -> list[RecipientRecord]:
        """Each address that was named."""
        ...


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry and what was known at it.

    client: "" where the session is forgotten. reverse_path: None outside of a transaction. recipients: whom RCPT names,
    whom a message was for; in between those accepted so far.
    """

    entry: Entry
    client: str
    reverse_path: str | None
    recipients: tuple[str, ...]


@dataclass(slots=True)
class _Open:
    """A transaction while it lasts."""

    reverse_path: str
    recipients: tuple[str, ...] = ()


@dataclass(slots=True)
class Happenings:
    """All that a journal has, in order, and the RCPT commands by whom they named."""

    all: list[Happening] = field(default_factory=list)
    attempts: defaultdict[str, list[Happening]] = field(default_factory=lambda: defaultdict(list))

    def at_rcpt(self, address: str) -> Sequence[Happening]:
        """Return the RCPT commands that named an address; domains compare without case."""
        return self.attempts.get(key_of(address), ())


def happenings(witness: Witness) -> Happenings:
    """Return what happened."""
    clients = {record.number: record.client for record in witness.sessions}
    found = Happenings()
    for happening in _told(witness.entries, clients):
        found.all.append(happening)
        if happening.entry.stage is Stage.RCPT and happening.entry.address is not None:
            found.attempts[key_of(happening.entry.address)].append(happening)
    return found


def _told(entries: Sequence[Entry], clients: dict[int, str]) -> Iterator[Happening]:
    under_way: dict[int, _Open] = {}
    for entry in entries:
        client, here = clients.get(entry.session, ""), under_way.get(entry.session)
        positive = entry.reply is not None and entry.reply.positive
        if entry.message is not None:
            about = entry.message.recipients if entry.address is None else (entry.address,)
            yield Happening(entry, client, entry.message.reverse_path, about)
            under_way.pop(entry.session, None)
        elif entry.stage is Stage.MAIL:
            yield Happening(entry, client, entry.address, ())
            if positive and entry.address is not None:
                under_way[entry.session] = _Open(entry.address)
        elif entry.stage is Stage.RCPT and entry.address is not None:
            yield Happening(entry, client, here.reverse_path if here else None, (entry.address,))
            if positive and here is not None:
                here.recipients += (entry.address,)
        else:
            yield Happening(entry, client, here.reverse_path if here else None, here.recipients if here else ())
            if entry.closed is not None or (positive and entry.stage in (Stage.RSET, Stage.EHLO, Stage.HELO)):
                under_way.pop(entry.session, None)
