"""What rules count by: the value that each word of `key` has at an event.

Addresses and names count without regard to case, as patterns match them. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from hashlib import blake2b

from maildrill.fakeserver.engine.event import Event
from maildrill.fakeserver.language.script_words import Key
from maildrill.smtp import Stage, domain_of

#: Takes an event and the recipient that it is about.
Keyed = Callable[[Event, str], Hashable]
_RCPT, _VRFY, _DOT, _BDAT = Stage.RCPT, Stage.VRFY, Stage.DOT, Stage.BDAT  # found faster than in their class
#: What only the rest of a session can see again.
OF_SESSION = frozenset({Key.CONNECTION, Key.TRANSACTION})
#: What a session has in common with others, and may change as it goes on.
ABOUT_SESSION = (Key.CLIENT, Key.EHLO, Key.USER)
#: What a client may make as long as it likes.
LONG = frozenset({Key.MESSAGE, Key.USER})


def recipients_of(event: Event) -> tuple[str, ...]:
    """Return whom the event is about: at RCPT and VRFY the one just named, else those accepted so far."""
    stage = event.stage
    if stage is _RCPT:
        return () if event.rcpt is None else (event.rcpt,)
    if stage is _VRFY and "@" in event.argument:
        return (event.argument.strip("<> "),)
    return event.recipients


def ehlo_of(event: Event) -> str:
    """Return the client's name: at EHLO and HELO the one just given."""
    return event.argument if event.stage in (Stage.EHLO, Stage.HELO) else event.helo


def command_of(event: Event) -> str:
    """Return what the client said, verb and all; of AUTH the mechanism, and no credentials (RFC 4954 section 4)."""
    argument = event.argument.partition(" ")[0] if event.stage is Stage.AUTH else event.argument
    return f"{event.verb} {argument}".rstrip()


def identity(event: Event) -> Hashable:
    """Return what makes this event the same as another: its stage and the recipient, message, envelope or client."""
    if event.stage is Stage.RCPT:
        about: Hashable = (event.rcpt or event.argument).casefold()
    elif event.stage is Stage.DOT:
        about = _message(event)
    else:
        about = event.client if event.reverse_path is None else _envelope(event)
    return (event.stage.value, about)


def ends_message(event: Event) -> bool:
    """Whether this is the end of a message, at which it is taken or not."""
    return event.stage is _DOT or (event.stage is _BDAT and event.last)


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


def compact(value: Hashable) -> Hashable:
    """Return sixteen octets that stand for a value."""
    return blake2b(ascii(value).encode("ascii"), digest_size=16).digest()


KEYED: dict[Key, Keyed] = {
    Key.RCPT: lambda _event, rcpt: rcpt.casefold(),
    Key.DOMAIN: lambda _event, rcpt: domain_of(rcpt),
    Key.FROM: lambda event, _rcpt: (event.reverse_path or "").casefold(),
    Key.CLIENT: lambda event, _rcpt: event.client,
    Key.CONNECTION: lambda event, _rcpt: event.session,
    Key.TRANSACTION: lambda event, _rcpt: (event.session, event.transaction),
    Key.EHLO: lambda event, _rcpt: ehlo_of(event).casefold(),
    Key.USER: lambda event, _rcpt: event.user.casefold(),
    Key.MESSAGE: lambda event, _rcpt: _message(event),
}
