"""Turn what a drill left behind into evidence: the server's journal as the oracles read it.

Rule: nothing is judged here, and nothing of the sender's is used to explain what the server saw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from maildrill.fakeserver.journal.journal import Closed, Entry, Journal
from maildrill.fakeserver.journal.record import Message
from maildrill.scenarios.oracles import Asked, Connected, Taken
from maildrill.smtp import Stage

#: Where the server answers octets of the message, not a command.
_WITHOUT_COMMAND = frozenset({Stage.BODY, Stage.DOT})
_WITH_PARAMETERS = frozenset({Stage.MAIL, Stage.RCPT})
_NONE: frozenset[str] = frozenset()
#: Ends after which the sender may not have read all that was written to it.
_SEVERING = frozenset({Closed.RST, Closed.CLIENT, Closed.TIMEOUT, Closed.STOPPED})


def asked_of(journal: Journal) -> tuple[Asked, ...]:
    """Return every command in the order in which it was read, with the transaction that it belongs to."""
    implicit = frozenset(record.number for record in journal.sessions if record.tls)
    return tuple(_numbered(journal.entries, implicit))


def taken_of(journal: Journal) -> tuple[Taken, ...]:
    """Return every end of data, in order; a server that takes what it refuses is marked as not honest."""
    begun: dict[int, list[tuple[float, set[str]]]] = {}
    for entry in journal.entries:
        if entry.stage is Stage.MAIL and entry.command:
            begun.setdefault(entry.session, []).append((entry.began, set()))
        elif entry.stage is Stage.RCPT and entry.address and entry.session in begun:
            begun[entry.session][-1][1].add(entry.address)
    return tuple(
        Taken(
            at=message.at,
            session=message.session,
            transaction=_transaction(message, begun[message.session]),
            recipients=message.recipients,
            content=message.content,
            committed=message.committed,
            acknowledged=message.acknowledged,
            honest=message.reply is None or message.reply.positive or not message.committed,
        )
        for message in journal.messages
    )


def _transaction(message: Message, begun: Sequence[tuple[float, set[str]]]) -> int:
    """Return in which of a session's transactions a message came: the last one that was for all its recipients.

    Time alone does not tell: the dot and the next MAIL may come in one packet, behind a reply that was early.
    """
    before = [n for n, (at, _) in enumerate(begun, 1) if at <= message.at]
    fitting = [n for n in before if begun[n - 1][1].issuperset(message.recipients)]
    return (fitting or before)[-1]


def severed_in(journal: Journal) -> frozenset[int]:
    """Return the sessions in which octets may have been lost on their way to the sender."""
    return frozenset(record.number for record in journal.sessions if record.closed in _SEVERING)


def connected_in(journal: Journal, host: str) -> tuple[Connected, ...]:
    """Return the connections in the order of their beginning; one that is still open ends with the journal."""
    last = max((entry.at for entry in journal.entries), default=0.0)
    found = (
        Connected(
            session=record.number,
            opened=record.opened,
            closed=last if record.closed_at is None else record.closed_at,
            host=host,
        )
        for record in journal.sessions
    )
    return tuple(sorted(found, key=lambda one: one.opened))


def _numbered(entries: Sequence[Entry], tls: frozenset[int]) -> Iterator[Asked]:
    transactions: Counter[int] = Counter()
    starting = {entry.session for entry in entries if entry.stage is Stage.STARTTLS and entry.command}
    secure = set(tls - starting)  # where nobody asked for TLS it was there from the first octet on
    for entry in entries:
        if not (entry.command or (entry.reply is not None and entry.stage in _WITHOUT_COMMAND)):
            continue
        transactions[entry.session] += entry.stage is Stage.MAIL
        yield Asked(
            at=entry.began,
            session=entry.session,
            transaction=transactions[entry.session],
            stage=entry.stage,
            recipient=(entry.address or "") if entry.stage is Stage.RCPT else "",
            reply=entry.reply,
            parameters=_parameters(entry),
            secure=entry.session in secure,
            whole=entry.stage is not Stage.BDAT or entry.command.upper().endswith(" LAST"),
        )
        if entry.stage is Stage.STARTTLS and entry.session in tls and entry.reply is not None and entry.reply.positive:
            secure.add(entry.session)


def _parameters(entry: Entry) -> frozenset[str]:
    """Return the names of a command's parameters as they were said: a server that refuses them keeps none."""
    if entry.stage not in _WITH_PARAMETERS or entry.command.endswith(">"):
        return _NONE
    return frozenset(word.partition("=")[0].upper() for word in entry.command.rpartition(">")[2].split())
