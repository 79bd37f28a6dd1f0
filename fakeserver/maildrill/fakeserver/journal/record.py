"""What a journal is made of: entries, sessions, transactions, messages, recipients.

Rule 1: values and what can be read from them; who fills them in is the journal. Pure.
Rule 2: they are filled in as things happen, so they are not frozen; one is made for each command, and a frozen one
would take three times as long to make (2.0 against 0.6 microseconds, measured; by position it is 0.3).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from hashlib import sha256

from maildrill.fakeserver.message.content import Letter
from maildrill.fakeserver.message.parsed import parse
from maildrill.smtp import Reply, Stage, escape, timestamp


class Closed(StrEnum):
    """How a connection ended."""

    REFUSED = "refused"  # never opened
    FIN = "fin"  # closed by the server
    RST = "rst"  # reset by the server
    CLIENT = "client"  # the client went
    TIMEOUT = "timeout"  # the client was silent for too long
    STOPPED = "stopped"  # the server was stopped


class Outcome(StrEnum):
    """What came of a command."""

    ACCEPTED = "accepted"  # 2yz or 3yz, said in full
    DEFERRED = "deferred"  # 4yz
    REFUSED = "refused"  # 5yz
    CUT = "cut"  # the server ended the connection instead of a whole reply
    UNMATCHED = "unmatched"  # a strict script had no rule for it, whatever was replied


#: Ends by which the server cuts a client off.
_CUTTING: Collection[Closed | None] = frozenset({Closed.REFUSED, Closed.FIN, Closed.RST})
_OUTCOMES = {2: Outcome.ACCEPTED, 3: Outcome.ACCEPTED, 4: Outcome.DEFERRED, 5: Outcome.REFUSED}


@dataclass(slots=True, eq=False)
class Message:
    """One message that came whole, to its end.

    at: when its last octet was read. recipients: those accepted. content: the octets after un-stuffing, final CRLF
    included; b"" where it was too big to be kept or was forgotten; size: octets. reply: said in full, else None (LMTP:
    the last one). committed, acknowledged: for anybody at all; committed_for, acknowledged_for: for whom, the same for
    all but in LMTP. settled: it has been answered, or never will be. number: 1, 2, …, from the journal. parameters: of
    MAIL; rcpt_parameters: of RCPT, by address, where there were some.
    """

    at: float
    session: int
    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes
    size: int
    message_id: str
    committed: bool
    committed_for: tuple[str, ...] = ()
    acknowledged: bool = False
    acknowledged_for: tuple[str, ...] = ()
    reply: Reply | None = None
    settled: bool = False
    number: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)
    rcpt_parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _digest: str = field(default="", repr=False)
    _parsed: EmailMessage | None = field(default=None, repr=False)
    _letter: Letter | None = field(default=None, repr=False)

    @property
    def kept(self) -> bool:
        """Whether the octets are here."""
        return len(self.content) == self.size

    @property
    def digest(self) -> str:
        """The SHA-256 of the octets, in hexadecimal; "" where they were never kept."""
        return sha256(self.content).hexdigest() if self.kept else self._digest

    @property
    def letter(self) -> Letter:
        """The message as rules, queries and logs read it, once; an empty one where the octets are not here."""
        if self._letter is None:
            self._letter = Letter(self.content)
        return self._letter

    @property
    def parsed(self) -> EmailMessage:
        """The message as the email package reads it, once; an empty one where the octets are not here."""
        if self._parsed is None:
            self._parsed = parse(self.content)
        return self._parsed

    @property
    def subject(self) -> str:
        """The Subject field, decoded; "" where there is none."""
        return self.header("Subject")

    @property
    def text(self) -> str:
        r"""The body that is text/plain and no attachment, decoded, its lines ended by `\n`; "" where there is none."""
        return self.letter.text()

    def header(self, name: str) -> str:
        """Return a field of the header, decoded and on one line; "" where there is none."""
        return self.letter.header(name)

    def forget(self) -> None:
        """Let the octets go; digest and size stay."""
        if self.kept:
            self._digest = self.digest
        self.content, self._parsed, self._letter = b"", None, None

    def __str__(self) -> str:
        recipients = ",".join(f"<{escape(rcpt)}>" for rcpt in self.recipients[:5])
        more = f" and {len(self.recipients) - 5} more" if len(self.recipients) > 5 else ""
        words = (
            f"{timestamp(self.at)} message={self.number} session={self.session} from=<{escape(self.reverse_path)}>",
            f"rcpt={recipients}{more}",
            f'subject="{escape(self.subject)}"' if self.kept else "",
            f"size={self.size}",
            "committed" if self.committed else "",
            "acknowledged" if self.acknowledged else "",
        )
        return " ".join(word for word in words if word)


@dataclass(slots=True)
class Entry:
    """One thing that happened in a session.

    began: when it was asked for; at: when the reply was written or the connection ended (Unix seconds).
    command: the line, secrets redacted, "" where nothing was asked. address: what MAIL or RCPT named; in LMTP at the
    end of a message the recipient that the reply is about. parameters: those of MAIL or RCPT. reply: said in full;
    half: only half of it was. rule: the one that fired, "" for none. near_misses: why no rule of a strict script fired.
    message: at its end the message. handed_on: to whom it was, and what was said there. number: 1, 2, …, from the
    journal.
    """

    began: float
    at: float
    session: int
    stage: Stage
    command: str = ""
    address: str | None = None
    reply: Reply | None = None
    rule: str = ""
    near_misses: Sequence[object] = ()
    message: Message | None = None
    half: Reply | None = None
    unmatched: bool = False
    closed: Closed | None = None
    parameters: Mapping[str, str] | None = None
    handed_on: str = ""
    number: int = field(default=0, compare=False)

    @property
    def outcome(self) -> Outcome | None:
        """What came of it; None where nobody was told anything, and the server did not end it."""
        if self.reply is not None:
            return _OUTCOMES[self.reply.klass]
        return Outcome.CUT if self.half is not None or self.closed in _CUTTING else None

    def __str__(self) -> str:
        reply = f"{self.reply}" if self.reply else f"half of {self.half}" if self.half else ""
        words = (
            f"{timestamp(self.at)} session={self.session} at={self.stage}",
            f'command="{escape(self.command)}"' if self.command else "",
            f'reply="{reply}"' if reply else "",
            f"closed={self.closed}" if self.closed else "",
            f'rule="{escape(self.rule)}"' if self.rule else "",
            f'handed_on="{escape(self.handed_on)}"' if self.handed_on else "",
            "unmatched" if self.unmatched else "",
        )
        return " ".join(word for word in words if word)


@dataclass(slots=True)
class SessionRecord:
    """One connection: from when to when (None: open), who, and how it ended.

    tls: the version that was spoken, "" for none. user: who logged in, "" for nobody.
    bare_newlines: CR without LF and LF without CR that the client sent (RFC 5321 section 2.3.8 forbids both).
    """

    number: int
    client: str
    opened: float
    helo: str = ""
    tls: str = ""
    user: str = ""
    closed_at: float | None = None
    closed: Closed | None = None
    bare_newlines: int = 0


@dataclass(slots=True)
class TransactionRecord:
    """One mail transaction, from an accepted MAIL on; `ended` says with what: dot, bdat, rset, ehlo, helo or close.

    parameters: of MAIL. asked: the RCPT commands. data, dot: what was said, None for nothing or half of a reply.
    forgotten: the journal has let go of it, though it may still be open.
    """

    session: int
    at: float
    reverse_path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    asked: list[Entry] = field(default_factory=list)
    data: Reply | None = None
    dot: Reply | None = None
    ended: str = ""
    forgotten: bool = False


@dataclass(slots=True)
class RecipientRecord:
    """One address, as first spelled: the RCPT commands that named it, and messages for it that were taken and told of.

    committed more often than acknowledged: a reply was lost, the client cannot know. The other way round: a message
    was dropped in silence.
    """

    address: str
    asked: deque[Entry] = field(default_factory=deque)
    committed: int = 0
    acknowledged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """A message that the server sent, or would have sent, by itself: a bounce for instance.

    at: Unix seconds. rcpt: for whom. kind: what it is. content: octets. about: the number of the message that it is
    about, 0 for none. rule: what says so in the script. outcome: what came of sending it, "" where it went nowhere.
    """

    at: float
    rcpt: str
    kind: str
    content: bytes
    about: int = 0
    rule: str = ""
    outcome: str = ""
