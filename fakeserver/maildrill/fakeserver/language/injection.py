"""Injections as values: which messages make a server send something by itself later: a bounce, a complaint.

Rule: an Injection that exists can be sent: what is impossible is refused when it is made (RuleError). Whom they are
for, and when, is known to sending.injections. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from maildrill.fakeserver.language.destination import Destination
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.script import RuleError
from maildrill.fakeserver.language.span import Duration
from maildrill.smtp import EnhancedStatus, Envelope, Reply, escape
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
