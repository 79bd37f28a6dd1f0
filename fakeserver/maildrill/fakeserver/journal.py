"""The server's witness: every command, reply and close, and what became of each transaction and message.

Rule 1: entries are added in the order in which their replies were written; all else is folded from them.
Rule 2: `committed` is what the server took, `acknowledged` what it told the client in full: they may differ.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from maildrill.smtp import Reply, Stage, domain_of, escape, timestamp


class Closed(StrEnum):
    """How a connection ended."""

    REFUSED = "refused"  # never opened
    FIN = "fin"  # closed by the server
    RST = "rst"  # reset by the server
    CLIENT = "client"  # the client went
    TIMEOUT = "timeout"  # the client was silent for too long
    STOPPED = "stopped"  # the server was stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened in a session.

    began: when it was asked for; at: when the reply was written or the connection ended (Unix seconds).
    command: the line, secrets redacted, "" where nothing was asked. address: what MAIL or RCPT named. reply: said in
    full; half: only half of it was. rule: the one that fired, "" for none.
    """

    began: float
    at: float
    session: int
    stage: Stage
    command: str = ""
    address: str | None = None
    reply: Reply | None = None
    half: Reply | None = None
    rule: str = ""
    unmatched: bool = False
    closed: Closed | None = None

    def __str__(self) -> str:
        reply = f"{self.reply}" if self.reply else f"half of {self.half}" if self.half else ""
        words = (
            f"{timestamp(self.at)} session={self.session} at={self.stage}",
            f'command="{escape(self.command)}"' if self.command else "",
            f'reply="{reply}"' if reply else "",
            f"closed={self.closed}" if self.closed else "",
            f'rule="{escape(self.rule)}"' if self.rule else "",
            "unmatched" if self.unmatched else "",
        )
        return " ".join(word for word in words if word)


@dataclass(slots=True)
class SessionRecord:
    """One connection: from when to when (None: open), who, and how it ended.

    bare_newlines: CR without LF and LF without CR that the client sent (RFC 5321 section 2.3.8 forbids both).
    """

    number: int
    client: str
    opened: float
    helo: str = ""
    closed_at: float | None = None
    closed: Closed | None = None
    bare_newlines: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One RCPT command: when and where it came, and what was said (None: nothing, or half of a reply)."""

    at: float
    session: int
    address: str
    reply: Reply | None
    rule: str = ""


@dataclass(slots=True)
class TransactionRecord:
    """One mail transaction, from an accepted MAIL on; `ended` says with what: dot, rset, ehlo, helo or close."""

    session: int
    at: float
    reverse_path: str
    asked: list[Asked] = field(default_factory=list)
    data: Reply | None = None
    dot: Reply | None = None
    ended: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message that came whole, to its final dot.

    at: when the dot was read. recipients: those accepted. content: the octets after un-stuffing, final CRLF included;
    b"" where bodies are not kept, or where it was too big to be; size: octets. reply: said in full, else None.
    """

    at: float
    session: int
    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes
    size: int
    message_id: str
    committed: bool
    acknowledged: bool = False
    reply: Reply | None = None


class Journal:
    """What a fake server saw and did. on_entry: called with each entry as it is added."""

    def __init__(self, on_entry: Callable[[Entry], None] | None = None) -> None:
        self.entries: list[Entry] = []
        self.sessions: list[SessionRecord] = []
        self.transactions: list[TransactionRecord] = []
        self.messages: list[Message] = []
        self._on_entry = on_entry
        self._open: dict[int, TransactionRecord] = {}
        self._asked: defaultdict[str, list[Asked]] = defaultdict(list)
        self._committed: Counter[str] = Counter()
        self._acknowledged: Counter[str] = Counter()

    def committed(self, rcpt: str) -> int:
        """Return how many messages for an address the server took (domains compare without case)."""
        return self._committed[_key(rcpt)]

    def acknowledged(self, rcpt: str) -> int:
        """Return how many messages for an address were answered with a whole 2yz reply at the dot."""
        return self._acknowledged[_key(rcpt)]

    def asked(self, rcpt: str) -> tuple[Asked, ...]:
        """Return the RCPT commands that named an address, in order."""
        return tuple(self._asked.get(_key(rcpt), ()))

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses that RCPT commands named, as first spelled, in order."""
        return tuple(asked[0].address for asked in self._asked.values())

    @property
    def replies_at_dot(self) -> tuple[Message, ...]:
        """The messages whose final dot was answered in full."""
        return tuple(message for message in self.messages if message.reply is not None)

    def open_session(self, at: float, client: str) -> SessionRecord:
        """Begin a session; they are numbered from 1."""
        record = SessionRecord(len(self.sessions) + 1, client, at)
        self.sessions.append(record)
        return record

    def add(self, entry: Entry) -> None:
        """Add an entry, and fold it into its transaction and session."""
        self.entries.append(entry)
        fold = _FOLDS.get(entry.stage)
        if fold is not None:
            fold(self, entry)
        if entry.closed is not None:
            self._end(entry.session, "close")
            record = self.sessions[entry.session - 1]
            record.closed_at, record.closed = entry.at, entry.closed
        if self._on_entry is not None:
            self._on_entry(entry)

    def receive(self, message: Message) -> int:
        """Add a message; returns its place in `messages`."""
        self.messages.append(message)
        if message.committed:
            self._committed.update(map(_key, message.recipients))
        return len(self.messages) - 1

    def answer(self, place: int, reply: Reply) -> None:
        """Note that the final dot of a message was answered in full."""
        message = replace(self.messages[place], reply=reply, acknowledged=reply.positive)
        self.messages[place] = message
        if message.acknowledged:
            self._acknowledged.update(map(_key, message.recipients))

    def _hello(self, entry: Entry) -> None:
        if entry.reply is not None and entry.reply.positive:
            self._end(entry.session, str(entry.stage))
            self.sessions[entry.session - 1].helo = entry.command.partition(" ")[2]

    def _mail(self, entry: Entry) -> None:
        if entry.address is not None and entry.reply is not None and entry.reply.positive:
            record = TransactionRecord(entry.session, entry.began, entry.address)
            self._open[entry.session] = record
            self.transactions.append(record)

    def _rcpt(self, entry: Entry) -> None:
        if entry.address is not None:
            asked = Asked(entry.began, entry.session, entry.address, entry.reply, entry.rule)
            self._asked[_key(entry.address)].append(asked)
            if entry.session in self._open:
                self._open[entry.session].asked.append(asked)

    def _data(self, entry: Entry) -> None:
        if entry.session in self._open:
            self._open[entry.session].data = entry.reply

    def _dot(self, entry: Entry) -> None:
        if entry.session in self._open:
            self._open[entry.session].dot = entry.reply
        self._end(entry.session, "dot")

    def _rset(self, entry: Entry) -> None:
        if entry.reply is not None and entry.reply.positive:
            self._end(entry.session, "rset")

    def _end(self, session: int, how: str) -> None:
        record = self._open.pop(session, None)
        if record is not None:
            record.ended = how


_FOLDS: dict[Stage, Callable[[Journal, Entry], None]] = {
    Stage.HELO: Journal._hello,
    Stage.EHLO: Journal._hello,
    Stage.MAIL: Journal._mail,
    Stage.RCPT: Journal._rcpt,
    Stage.DATA: Journal._data,
    Stage.DOT: Journal._dot,
    Stage.RSET: Journal._rset,
}


def _key(address: str) -> str:
    """Return the address as it is compared: the domain without case, the local part as it is (RFC 5321 section 2.4)."""
    domain = domain_of(address)
    return address[: len(address) - len(domain)] + domain if domain else address
