"""Injections: which messages make the server send something by itself later: a bounce, a complaint, an absence.

Rule 1: an Injection that exists can be sent: what is impossible is refused when it is made (RuleError).
Rule 2: nothing answers the null reverse-path (RFC 5321 section 6.1), and NOTIFY is kept to (RFC 3461 section 5.2).
Rule 3: who is drawn is hashed, as with rules; time and sending are the injector's. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from maildrill.fakeserver.counters import draw, queue_id
from maildrill.fakeserver.destination import Destination
from maildrill.fakeserver.dsn import read_notify
from maildrill.fakeserver.pattern import Pattern, select
from maildrill.fakeserver.record import Message
from maildrill.fakeserver.script import RuleError
from maildrill.fakeserver.span import Duration
from maildrill.smtp import EnhancedStatus, Envelope, Reply, domain_of, escape
from maildrill.smtp.document import NOWHERE, Place

STATUS_WORDS = 'an enhanced status code such as "5.1.1"'


class Kind(StrEnum):
    """What is sent."""

    DSN = "dsn"  # a delivery status notification (RFC 3464)
    COMPLAINT = "complaint"  # a feedback report (RFC 5965)
    OOTO = "ooto"  # an automatic reply: out of the office (RFC 3834)


class Action(StrEnum):
    """What a DSN says has become of a message (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Feedback(StrEnum):
    """What a feedback report is about (RFC 5965 section 7.3)."""

    ABUSE = "abuse"
    FRAUD = "fraud"
    VIRUS = "virus"
    OTHER = "other"
    NOT_SPAM = "not-spam"


#: The class of the status of each action, the usual one first: what failed may have expired, which is 4.4.7.
CLASSES: dict[Action, tuple[int, ...]] = {
    Action.FAILED: (5, 4),
    Action.DELAYED: (4,),
    Action.DELIVERED: (2,),
    Action.RELAYED: (2,),
    Action.EXPANDED: (2,),
}
#: Which words belong to which kind.
OF_KIND = {"action": Kind.DSN, "status": Kind.DSN, "diagnostic": Kind.DSN, "feedback": Kind.COMPLAINT}
#: What NOTIFY must ask for; all other actions are a success.
_NOTIFIES = {Action.FAILED: "FAILURE", Action.DELAYED: "DELAY"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """One `[[inject]]`. Raises RuleError (with the key that is wrong) for what cannot be sent.

    rcpt, domain, reverse_path (`from`), subject: of what was committed, as in `on_commit`. action, status, diagnostic:
    of a dsn; feedback: of a complaint; None for the usual. text: what people read. address: for whom, "" for the
    reverse-path of the message. to: where it goes, None to keep it in the journal. times: in all. chance: 0..1.
    """

    name: str
    kind: Kind
    rcpt: tuple[Pattern, ...] = ()
    domain: tuple[Pattern, ...] = ()
    reverse_path: tuple[Pattern, ...] = ()
    subject: tuple[Pattern, ...] = ()
    action: Action | None = None
    status: str = ""
    diagnostic: str = ""
    feedback: Feedback | None = None
    text: str = ""
    wait: Duration | None = None
    times: int | None = None
    chance: float | None = None
    address: str = ""
    to: Destination | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    def __post_init__(self) -> None:
        for key, what, expected, hint in _wrong(self):
            raise RuleError(key, what, expected=expected, hint=hint)

    @property
    def seconds(self) -> float:
        """How long it takes until it is sent."""
        return 0.0 if self.wait is None else self.wait.seconds

    @property
    def outcome(self) -> Action:
        """The action of a dsn."""
        return self.action or Action.FAILED

    @property
    def code(self) -> str:
        """The status of a dsn."""
        return self.status or f"{CLASSES[self.outcome][0]}.0.0"


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


def _wrong(one: Injection) -> Iterator[tuple[str, str, str, str]]:
    """Give each reason why it cannot be sent: the key, what is wrong, what was expected, what to do."""
    if not one.name or not one.name.isprintable():
        yield "name", f'an injection is called "{escape(one.name)}"', "a name that can be shown", ""
    for word, kind in OF_KIND.items():
        if getattr(one, word) and one.kind is not kind:
            yield word, f'what is "{one.kind}" has no "{word}"', f'kind = "{kind}"', "leave it out"
    if one.status:
        yield from _wrong_status(one)
    if one.diagnostic and not _is_reply(one.diagnostic):
        yield "diagnostic", f'diagnostic is "{escape(one.diagnostic)}"', 'a reply such as "550 5.1.1 no such user"', ""
    if one.times is not None and one.times < 1:
        yield "times", f"times is {one.times}", "a whole number, 1 or more", ""
    if one.chance is not None and not 0 <= one.chance <= 1:
        yield "chance", f"chance is {one.chance}", "a number from 0 to 1", ""
    if one.address and not _is_address(one.address):
        yield "address", f'address is "{escape(one.address)}"', 'an address such as "complaints@shop.example"', ""


def _wrong_status(one: Injection) -> Iterator[tuple[str, str, str, str]]:
    status = EnhancedStatus.leading(one.status)
    if status is None or str(status) != one.status:
        yield "status", f'status is "{escape(one.status)}"', STATUS_WORDS, ""
    elif status.klass not in CLASSES[one.outcome]:
        was = "" if one.outcome is Action.FAILED else "was "
        classes = " or ".join(map(str, CLASSES[one.outcome]))
        yield (
            "status",
            f"a message that {was}{one.outcome} has no status {one.status}",
            f"one that begins with {classes}",
            "",
        )


def _is_reply(text: str) -> bool:
    try:
        return bool(Reply.of(text).render())
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        Envelope("", (text,))
    except ValueError:
        return False
    return "@" in text
