"""How much a journal keeps: all of it, or what is newest, so that a server that runs for weeks stays as it was.

Rule: `keep` is a number of things, and a recipient of a transaction or message counts as one: nobody can make
the journal grow by naming ten thousand recipients. None keeps everything. Pure.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Container
from functools import lru_cache

from maildrill.fakeserver.journal.record import Entry, Message, RecipientRecord, SessionRecord, TransactionRecord
from maildrill.smtp import domain_of


@lru_cache(maxsize=4096)  # RCPT, dot and reply ask for the same address, one soon after the other
def key_of(address: str) -> str:
    """Return the address as it is compared: the domain without case, the local part as it is (RFC 5321 section 2.4)."""
    domain = domain_of(address)
    return address[: len(address) - len(domain)] + domain if domain else address


class Sessions:
    """The sessions by number: all that are open, and the newest `keep` that ended."""

    def __init__(self, keep: int | None) -> None:
        self.opened = 0  # also the number of the newest
        self.open = 0
        self._keep = keep
        self._records: dict[int, SessionRecord] = {}
        self._ended: deque[int] = deque()

    def begin(self, at: float, client: str) -> SessionRecord:
        """Begin a session; they are numbered from 1."""
        self.opened += 1
        self.open += 1
        record = SessionRecord(self.opened, client, at)
        self._records[record.number] = record
        return record

    def get(self, number: int) -> SessionRecord | None:
        """Return the session of that number, None where there is none or it is forgotten."""
        return self._records.get(number)

    def end(self, number: int) -> None:
        """Note that a session is over."""
        self.open -= 1
        if self._keep is not None:
            self._ended.append(number)
            if len(self._ended) > self._keep:
                del self._records[self._ended.popleft()]

    def all(self) -> list[SessionRecord]:
        """Return them in the order in which they began."""
        return list(self._records.values())


class Transactions:
    """The newest transactions, of which the RCPT commands come to `keep` at most; the very newest is always there."""

    def __init__(self, keep: int | None) -> None:
        self.all: deque[TransactionRecord] = deque()
        self._keep = keep
        self._weight = 0

    def add(self, record: TransactionRecord) -> None:
        """Take in a new transaction."""
        self.all.append(record)
        if self._keep is not None:
            self._grow()

    def name(self, record: TransactionRecord, entry: Entry) -> None:
        """Note a RCPT command of a transaction, be that forgotten or not."""
        record.asked.append(entry)
        if self._keep is not None and not record.forgotten:
            self._grow()

    def _grow(self) -> None:
        self._weight += 1
        while self._weight > (self._keep or 0) and len(self.all) > 1:
            oldest = self.all.popleft()
            oldest.forgotten = True
            self._weight -= 1 + len(oldest.asked)


class Messages:
    """The newest messages, of which the recipients come to `keep` at most, and the octets that are held to `octets`.

    The very newest is always there, and whole until it is settled: whoever looks at it as it comes finds it so.
    """

    def __init__(self, keep: int | None, octets: int | None) -> None:
        self.received = 0  # also the number of the newest
        self.all: deque[Message] = deque()
        self._keep = keep
        self._octets = octets
        self._weight = 0
        self._whole: OrderedDict[int, Message] = OrderedDict()  # settled, and not yet without their octets
        self._held = 0

    def add(self, message: Message) -> None:
        """Take in a message, and number it from 1."""
        self.received += 1
        message.number = self.received
        self.all.append(message)
        if self._keep is not None:
            self._weight += len(message.recipients) or 1
            while self._weight > self._keep and len(self.all) > 1:
                self._drop(self.all.popleft())

    def settle(self, message: Message) -> None:
        """Note that a message needs its octets no more than others do."""
        if self._octets is None or not self.all or message.number < self.all[0].number:
            return
        self._whole[message.number] = message
        self._held += len(message.content)
        while self._held > self._octets:
            _, oldest = self._whole.popitem(last=False)
            self._held -= len(oldest.content)
            oldest.forget()

    def take(self, numbers: Container[int]) -> None:
        """Let the messages of these numbers go, as they are."""
        for message in (message for message in self.all if message.number in numbers):
            self._weight -= len(message.recipients) or 1
            self._release(message)
        self.all = deque(message for message in self.all if message.number not in numbers)

    def _drop(self, message: Message) -> None:
        """Let a message go; where octets count, also those of one of which entries still speak, but for its digest."""
        self._weight -= len(message.recipients) or 1
        if self._octets is not None:
            self._release(message)
            message.forget()

    def _release(self, message: Message) -> None:
        if self._whole.pop(message.number, None) is not None:
            self._held -= len(message.content)


class Recipients:
    """What became of each address that one of the newest `keep` RCPT commands named."""

    def __init__(self, keep: int | None) -> None:
        self._keep = keep
        self._records: dict[str, RecipientRecord] = {}
        self._named: deque[str] = deque()

    def get(self, address: str) -> RecipientRecord | None:
        """Return what is known of an address; domains compare without case."""
        return self._records.get(key_of(address))

    def name(self, address: str, entry: Entry) -> None:
        """Note a RCPT command."""
        key = key_of(address)
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = RecipientRecord(address)
        record.asked.append(entry)
        if self._keep is not None:
            self._remember(key)

    def known(self, address: str) -> RecipientRecord:
        """Return what is known of an address that has been accepted; by now it may be forgotten, and begins anew."""
        key = key_of(address)
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = RecipientRecord(address)
            if self._keep is not None:
                self._remember(key)
        return record

    def all(self) -> list[RecipientRecord]:
        """Return all that are known, in the order in which they were first named."""
        return list(self._records.values())

    def _remember(self, key: str) -> None:
        """Forget the oldest RCPT command where there are too many, and with its last one the address."""
        self._named.append(key)
        if len(self._named) > (self._keep or 0):
            oldest = self._named.popleft()
            record = self._records.get(oldest)
            if record is not None:
                if record.asked:
                    record.asked.popleft()
                if not record.asked:
                    del self._records[oldest]
