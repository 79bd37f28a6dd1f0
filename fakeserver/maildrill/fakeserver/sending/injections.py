"""Injections at play: they count and draw, and say what a message that was committed leads to.

Rule 1: nothing answers the null reverse-path (RFC 5321 section 6.1), and NOTIFY is kept to (RFC 3461 section 5.2).
Rule 2: who is drawn is hashed, as with rules; time and sending are the injector's. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from maildrill.fakeserver.engine.counters import draw, queue_id
from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.language.injection import Action, Injection, Kind
from maildrill.fakeserver.language.pattern import select
from maildrill.fakeserver.protocol.dsn import read_notify
from maildrill.smtp import domain_of

#: What NOTIFY must ask for; all other actions are a success.
_NOTIFIES = {Action.FAILED: "FAILURE", Action.DELAYED: "DELAY"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing to be sent: for whom (`address`), about which message and which of its recipients.

    id: ten hexadecimal digits, the same in every run with the same seed. original: what is quoted of the message, all
    of it or its header. parameters: of its MAIL; said: of the RCPT of this recipient. number: of the message in the
    journal; session: in which it came; at: when (Unix seconds).
    """

    injection: Injection
    id: str
    rcpt: str
    address: str
    reverse_path: str
    original: bytes
    at: float
    parameters: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    session: int = 0


class Injections:
    """The injections of a script at play: they count and draw."""

    def __init__(self, injections: Sequence[Injection], seed: int) -> None:
        self._injections = injections
        self._seed = seed
        self._fired: Counter[str] = Counter()
        self._met: Counter[tuple[str, str, str]] = Counter()

    def causes(self, message: Message) -> tuple[Cause, ...]:
        """Return what a message that was just committed leads to, once for each of its recipients."""
        return tuple(self._causes(message))

    def carry(self, before: Injections) -> None:
        """Go on where another script's injections are."""
        self._fired.update(before._fired)
        self._met.update(before._met)

    def unfired(self) -> tuple[str, ...]:
        """Return the names of those that nothing has led to."""
        return tuple(one.name for one in self._injections if not self._fired[one.name])

    def _causes(self, message: Message) -> Iterator[Cause]:
        for one in self._injections:
            address = one.address or message.reverse_path
            if not address or not _meant(one, message):
                continue
            for rcpt in message.committed_for:
                said = message.rcpt_parameters.get(rcpt, {})
                if _about(one, rcpt) and _asked_for(one, said) and self._drawn(one, message, rcpt):
                    self._fired[one.name] += 1
                    yield Cause(
                        injection=one,
                        id=self._id(one, message, rcpt),
                        rcpt=rcpt,
                        address=address,
                        reverse_path=message.reverse_path,
                        original=_quoted(one, message),
                        at=message.at,
                        parameters=message.parameters,
                        said=said,
                        number=message.number,
                        session=message.session,
                    )

    def _id(self, one: Injection, message: Message, rcpt: str) -> str:
        return queue_id(self._seed, one.name, 0, (rcpt.casefold(), message.message_id), self._fired[one.name])

    def _drawn(self, one: Injection, message: Message, rcpt: str) -> bool:
        if one.times is not None and self._fired[one.name] >= one.times:
            return False
        if one.chance is None:
            return True
        key = (one.name, rcpt.casefold(), message.message_id)
        self._met[key] += 1
        return draw(self._seed, one.name, key, self._met[key]) < one.chance


def _meant(one: Injection, message: Message) -> bool:
    if not message.reverse_path and not (one.kind is Kind.COMPLAINT and one.address):
        return False
    if select(one.reverse_path, message.reverse_path) is None:
        return False
    return not one.subject or select(one.subject, message.subject) is not None


def _about(one: Injection, rcpt: str) -> bool:
    return select(one.rcpt, rcpt) is not None and select(one.domain, domain_of(rcpt)) is not None


def _asked_for(one: Injection, said: Mapping[str, str]) -> bool:
    """Whether the client wanted to hear of this: what it did not say anything about is failures and delays."""
    if one.kind is not Kind.DSN:
        return True
    wanted = read_notify(said.get("NOTIFY", "FAILURE,DELAY"))
    return wanted is not None and _NOTIFIES.get(one.outcome, "SUCCESS") in wanted


def _quoted(one: Injection, message: Message) -> bytes:
    """Return what is quoted: of a dsn the header unless the client wanted all (RFC 3461 section 4.3)."""
    whole = one.kind is Kind.COMPLAINT or (one.kind is Kind.DSN and message.parameters.get("RET", "").upper() == "FULL")
    header, gap, _ = message.content.partition(b"\r\n\r\n")
    return message.content if whole else header + gap[:2]
