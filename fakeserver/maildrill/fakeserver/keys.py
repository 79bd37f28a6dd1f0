"""What rules count by: the value that each word of `key` has at an event.

Addresses and names count without regard to case, as patterns match them. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping

from maildrill.fakeserver.event import Event
from maildrill.fakeserver.script_words import Key
from maildrill.smtp import Stage, domain_of

#: Takes an event, the recipient that it is about, and how many transactions each session has begun.
Keyed = Callable[[Event, str, Mapping[int, int]], Hashable]


def recipients_of(event: Event) -> tuple[str, ...]:
    """Return whom the event is about: at RCPT the one just named, else those accepted so far."""
    if event.stage is not Stage.RCPT:
        return event.recipients
    return () if event.rcpt is None else (event.rcpt,)


def helo_of(event: Event) -> str:
    """Return the client's name: at EHLO and HELO the one just given."""
    return event.argument if event.stage in (Stage.EHLO, Stage.HELO) else event.helo


def identity(event: Event) -> Hashable:
    """Return what makes this event the same as another: its stage and the recipient, message, envelope or client."""
    if event.stage is Stage.RCPT:
        about: Hashable = (event.rcpt or event.argument).casefold()
    elif event.stage is Stage.DOT:
        about = _message(event)
    else:
        about = event.client if event.reverse_path is None else _envelope(event)
    return (event.stage.value, about)


def about_rcpt(key: Collection[Key]) -> bool:
    """Whether the key needs a recipient."""
    return Key.RCPT in key or Key.DOMAIN in key


def about_transaction(key: Collection[Key]) -> bool:
    """Whether the key needs an open transaction."""
    return Key.FROM in key or Key.TRANSACTION in key


def _message(event: Event) -> Hashable:
    return (event.message_id, *_envelope(event))


def _envelope(event: Event) -> tuple[str, ...]:
    return ((event.reverse_path or "").casefold(), *sorted(rcpt.casefold() for rcpt in event.recipients))


KEYED: dict[Key, Keyed] = {
    Key.RCPT: lambda _event, rcpt, _begun: rcpt.casefold(),
    Key.DOMAIN: lambda _event, rcpt, _begun: domain_of(rcpt),
    Key.FROM: lambda event, _rcpt, _begun: (event.reverse_path or "").casefold(),
    Key.CLIENT: lambda event, _rcpt, _begun: event.client,
    Key.CONNECTION: lambda event, _rcpt, _begun: event.session,
    Key.TRANSACTION: lambda event, _rcpt, begun: (event.session, begun.get(event.session, 0)),
    Key.HELO: lambda event, _rcpt, _begun: helo_of(event).casefold(),
    Key.MESSAGE: lambda event, _rcpt, _begun: _message(event),
}
