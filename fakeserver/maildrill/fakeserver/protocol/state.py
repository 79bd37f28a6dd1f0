"""What a server offers, and what it knows of one session; and the two things that a judge can say to a command.

Values only; the judges read them, the dialogue writes them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from maildrill.fakeserver.language.settings import MECHANISMS, Limits, Settings
from maildrill.smtp import Reply

#: The EHLO keywords of a server that no script has changed, but for SIZE; each is true.
KEYWORDS = ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "BINARYMIME", "DSN")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said to a command that is malformed or out of place: no script is asked about such."""

    reply: Reply

    @classmethod
    def of(cls, text: str) -> Refusal:
        """Read `503 5.5.1 send MAIL first`, as Reply.of does."""
        return cls(Reply.of(text))


@dataclass(frozen=True, slots=True)
class Login:
    """What AUTH begins: a mechanism, in upper case, and the initial response, None where there is none (RFC 4954)."""

    mechanism: str
    initial: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server is like for all of its sessions: its name, what it offers, how much it lets a client do."""

    hostname: str
    settings: Settings = field(default_factory=Settings)
    limits: Limits = field(default_factory=Limits)
    lmtp: bool = False

    def keywords(self, *, secure: bool) -> tuple[str, ...]:
        """Return the lines behind the first of an EHLO reply; `secure`: in a TLS session, where STARTTLS ends."""
        lines = [f"SIZE {self.limits.message}" if word == "SIZE" else word for word in KEYWORDS]
        if self.settings.tls:
            lines.append("STARTTLS")
        if self.settings.auth or self.settings.users or self.settings.closed:
            lines.append(f"AUTH {' '.join(self.settings.auth or MECHANISMS)}")
        return tuple(line for line in changed(lines, self.settings.caps) if not (secure and line.upper() == "STARTTLS"))


def changed(lines: Sequence[str], changes: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of an EHLO reply with keywords changed: `SIZE 9` sets one, `-SIZE` hides one."""
    found = {line.partition(" ")[0].upper(): line for line in lines}
    for change in changes:
        keyword = change.removeprefix("-").partition(" ")[0].upper()
        if change.startswith("-"):
            found.pop(keyword, None)
        else:
            found[keyword] = change
    return tuple(found.values())


@lru_cache(maxsize=64)  # it is asked for twice for each message, and a server has but one
def _least(declared: str, most: int) -> int:
    return min(int(declared), most) if declared.isdecimal() and int(declared) else most


@dataclass(slots=True)
class State:
    """What a server knows of one session.

    helo: the name given, "" before. keywords: what the last EHLO reply advertised, by keyword in upper case.
    in_service: False once the greeting said no. tls: the version that is spoken, "" in clear. user: who is logged in.
    reverse_path: None outside of a transaction, "" for the null one; parameters: those of its MAIL. recipients: those
    accepted in it; rcpt_parameters: those of RCPT, by recipient, where there were some. octets: of the chunks that came
    in it, None before the first; failed: one of them was refused. commands, errors: how many there were.
    """

    offer: Offer
    helo: str = ""
    keywords: dict[str, str] = field(default_factory=dict)
    in_service: bool = True
    authenticated: bool = False
    user: str = ""
    tls: str = ""
    reverse_path: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    rcpt_parameters: dict[str, Mapping[str, str]] = field(default_factory=dict)
    octets: int | None = None
    failed: bool = False
    commands: int = 0
    errors: int = 0

    @property
    def size_limit(self) -> int:
        """Octets of a message that is taken: what SIZE says, but never above the limit (RFC 1870 section 4)."""
        return _least(self.keywords.get("SIZE", ""), self.offer.limits.message)

    @property
    def strict(self) -> bool:
        """Whether commands must keep to the grammar of RFC 5321 to the letter."""
        return bool(self.offer.settings.strict)

    @property
    def hello(self) -> str:
        """The verb with which a client says who it is."""
        return "LHLO" if self.offer.lmtp else "EHLO"

    def reset(self) -> None:
        """Forget the transaction (RFC 5321 sections 4.1.1.4 and 4.1.1.5)."""
        self.reverse_path, self.parameters, self.recipients, self.rcpt_parameters = None, {}, (), {}
        self.octets, self.failed = None, False

    def forget(self) -> None:
        """Forget all that was said in clear, once the session is in TLS (RFC 3207 section 4.2)."""
        self.helo, self.keywords = "", {}
        self.authenticated, self.user = False, ""
        self.reset()
