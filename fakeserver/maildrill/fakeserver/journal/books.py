"""Write down what a server saw and did: entries are added, and folded into sessions, transactions and recipients.

Rule 1: entries are added in the order in which their replies were written; all else is folded from them.
Rule 2: `committed` is what the server took, `acknowledged` what it told the client in full: they may differ.
Rule 3: this runs for each command of each client: no copies, nothing computed that nobody asks for. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from maildrill.fakeserver.journal.record import Closed, Entry, Injected, Message, SessionRecord, TransactionRecord
from maildrill.fakeserver.journal.retention import Messages, Recipients, Sessions, Transactions
from maildrill.smtp import Reply, Stage

Watcher = Callable[[Entry], None]
_MISSES = 100  # near misses that are kept, however few entries are


@dataclass(slots=True)
class Totals:
    """What there was since the beginning, whatever has been forgotten since.

    commands: by stage. replies: by first digit. committed, acknowledged: once for each recipient.
    """

    entries: int = 0
    commands: dict[Stage, int] = field(default_factory=lambda: dict.fromkeys(Stage, 0))
    replies: list[int] = field(default_factory=lambda: [0] * 6)
    unmatched: int = 0
    committed: int = 0
    acknowledged: int = 0


class Books:
    """The writing side of a journal; see Journal for the arguments. on_inject: called with each injected message."""

    def __init__(
        self,
        on_entry: Watcher | None = None,
        *,
        keep: int | None = None,
        octets: int | None = None,
        folded: bool = True,
    ) -> None:
        self.folded = folded
        self._folds = _FOLDS if folded else _HELLOS
        self.keep = keep
        self.octets = octets
        self.generation = 0
        self.on_inject: Callable[[Injected], None] | None = None
        self._watchers: tuple[Watcher, ...] = () if on_entry is None else (on_entry,)
        self.clear()

    def clear(self) -> None:
        """Forget everything and number from 1 again; watchers stay, and `generation` is one more."""
        self.generation += 1
        self.totals = Totals()
        self._entries: deque[Entry] = deque(maxlen=self.keep)
        self._misses: deque[Entry] = deque(maxlen=_MISSES)
        self._injected: deque[Injected] = deque(maxlen=self.keep)
        self._sessions = Sessions(self.keep)
        self._transactions = Transactions(self.keep)
        self._messages = Messages(self.keep, self.octets)
        self._recipients = Recipients(self.keep)
        self._open: dict[int, TransactionRecord] = {}

    @property
    def sessions_opened(self) -> int:
        """How many sessions there have been."""
        return self._sessions.opened

    @property
    def sessions_open(self) -> int:
        """How many sessions there are now."""
        return self._sessions.open

    @property
    def messages_received(self) -> int:
        """How many messages came whole."""
        return self._messages.received

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` with each entry once it is added; returns what ends that."""
        self._watchers = (*self._watchers, watcher)

        def unwatch() -> None:
            self._watchers = tuple(one for one in self._watchers if one is not watcher)

        return unwatch

    def open_session(self, at: float, client: str) -> SessionRecord:
        """Begin a session; they are numbered from 1."""
        return self._sessions.begin(at, client)

    def add(self, entry: Entry) -> None:
        """Add an entry, and fold it into its transaction and session."""
        totals, stage, reply = self.totals, entry.stage, entry.reply
        totals.entries = entry.number = totals.entries + 1
        self._entries.append(entry)
        if entry.command:
            totals.commands[stage] += 1
        if reply is not None:
            totals.replies[reply.klass] += 1
        if stage in self._folds:
            self._folds[stage](self, entry)
        if entry.unmatched:
            totals.unmatched += 1
            self._misses.append(entry)
        if entry.closed is not None:
            self._close(entry, entry.closed)
        if entry.message is not None:
            self._settle(entry.message, entry)
        else:
            for watcher in self._watchers:
                watcher(entry)

    def receive(self, message: Message) -> None:
        """Add a message that came whole, and number it; `committed_for` is everybody where it is not said."""
        self._messages.add(message)
        if message.committed:
            message.committed_for = message.committed_for or message.recipients
            self.totals.committed += len(message.committed_for)
            for rcpt in message.committed_for if self.folded else ():
                self._recipients.known(rcpt).committed += 1

    def answer(self, message: Message, reply: Reply, rcpt: str | None = None) -> None:
        """Note that the end of a message was answered in full; in LMTP for one recipient (RFC 2033 section 4.2)."""
        message.reply = reply
        if reply.positive:
            told = message.recipients if rcpt is None else (rcpt,)
            message.acknowledged = True
            message.acknowledged_for += told
            self.totals.acknowledged += len(told)
            for address in told if self.folded else ():
                self._recipients.known(address).acknowledged += 1

    def inject(self, injected: Injected) -> None:
        """Add a message that the server sent by itself."""
        self._injected.append(injected)
        if self.on_inject is not None:
            self.on_inject(injected)

    def _settle(self, message: Message, entry: Entry) -> None:
        """Let watchers see the end of a message while it is whole."""
        new, message.settled = not message.settled, True
        for watcher in self._watchers:
            watcher(entry)
        if new:
            self._messages.settle(message)

    def _close(self, entry: Entry, how: Closed) -> None:
        self._end(entry.session, "close")
        record = self._sessions.get(entry.session)
        if record is not None and record.closed is None:
            record.closed_at, record.closed = entry.at, how
            self._sessions.end(record.number)

    def _hello(self, entry: Entry) -> None:
        if entry.reply is not None and entry.reply.positive:
            self._end(entry.session, str(entry.stage))
            record = self._sessions.get(entry.session)
            if record is not None:
                record.helo = entry.command.partition(" ")[2]

    def _mail(self, entry: Entry) -> None:
        if entry.address is not None and entry.reply is not None and entry.reply.positive:
            record = TransactionRecord(entry.session, entry.began, entry.address, entry.parameters or {})
            self._open[entry.session] = record
            self._transactions.add(record)

    def _rcpt(self, entry: Entry) -> None:
        if entry.address is not None:
            self._recipients.name(entry.address, entry)
            record = self._open.get(entry.session)
            if record is not None:
                self._transactions.name(record, entry)

    def _data(self, entry: Entry) -> None:
        record = self._open.get(entry.session)
        if record is not None:
            record.data = entry.reply

    def _chunk(self, entry: Entry) -> None:
        if entry.message is not None:
            self._dot(entry)

    def _dot(self, entry: Entry) -> None:
        record = self._open.get(entry.session)
        if record is not None:
            record.dot = entry.reply
        self._end(entry.session, str(entry.stage))

    def _rset(self, entry: Entry) -> None:
        if entry.reply is not None and entry.reply.positive:
            self._end(entry.session, "rset")

    def _end(self, session: int, how: str) -> None:
        record = self._open.pop(session, None)
        if record is not None:
            record.ended = how


_HELLOS: dict[Stage, Callable[[Books, Entry], None]] = {Stage.HELO: Books._hello, Stage.EHLO: Books._hello}
_FOLDS: dict[Stage, Callable[[Books, Entry], None]] = {
    **_HELLOS,
    Stage.MAIL: Books._mail,
    Stage.RCPT: Books._rcpt,
    Stage.DATA: Books._data,
    Stage.DOT: Books._dot,
    Stage.BDAT: Books._chunk,
    Stage.RSET: Books._rset,
}
