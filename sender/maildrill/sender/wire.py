"""The client's half of the dialogue without I/O: what was asked, in order, and which reply belongs to it.

Rule 1: replies are paired by order alone, never by their text (RFC 2920 section 3.1). Rule 2: what answers nothing,
or is no reply, breaks the wire for good; so does a 421 (RFC 5321 section 3.8). Rule 3: what is paired depends on the
octets, never on how they came in pieces. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

from maildrill.sender.attempt import Broken, Fault
from maildrill.smtp import Reply, ReplyParser, Stage

_CRLF = b"\r\n"
_DOT_LINE, _STUFFED = b"\r\n.", b"\r\n.."
_DATA, _BODY, _DOT = Stage.DATA, Stage.BODY, Stage.DOT  # to ask an enumeration for them takes its time


class Wire:
    """Pairs replies with what was asked. `broken` says why the wire is over, or is None.

    scrub: takes secrets out of a reply before anything is made of it.
    """

    def __init__(self, scrub: Callable[[Reply], Reply] | None = None) -> None:
        self._scrub = scrub
        self.broken: Broken | None = None
        self._parser = ReplyParser()
        self._asked: deque[Stage] = deque()

    @property
    def outstanding(self) -> int:
        """How many replies are still to come."""
        return len(self._asked)

    @property
    def partial(self) -> str:
        """What was read of a reply whose end has not come."""
        return self._parser.tail

    def ask(self, *stages: Stage) -> None:
        """Note that something was sent for which one reply each is to come; may set `broken`."""
        if not self._asked and self._parser.pending:
            self.lose(Fault.UNSOLICITED)  # the rest of it would pass for the answer
        self._asked.extend(stages)

    def dotted(self) -> None:
        """Note that the final dot leaves: the reply to come is to the whole message now."""
        self._asked[-1] = _DOT

    def feed(self, octets: bytes) -> list[Reply]:
        """Return the replies that `octets` complete, each to the next thing asked; may set `broken`.

        A 354 to DATA asks for the message by itself: what comes behind it is the reply to that, early or not.
        """
        if self.broken is not None:
            return []
        answers: list[Reply] = []
        for reply in self._parser.feed(octets):
            if self._scrub is not None:
                reply = self._scrub(reply)  # noqa: PLW2901 - what it was does not exist any more
            stage = self._asked.popleft() if self._asked else None
            if stage is None:
                fault = None if reply.code == 421 else Fault.UNSOLICITED
                self.broken = Broken(Stage.IDLE, fault, reply)
                return answers
            answers.append(reply)
            if stage is _DATA and reply.klass == 3:
                self._asked.append(_BODY)
            if reply.code == 421:
                self.broken = Broken(stage, None, reply)
                return answers
        if self._parser.fault:
            self.lose(Fault.GARBAGE, self._parser.fault)
        return answers

    def lose(self, fault: Fault, detail: str = "") -> None:
        """Note that the connection is gone, or given up, in the middle of what is asked now."""
        if self.broken is None:
            torn = f"after half of a reply: {self.partial}" if self.partial and fault is not Fault.GARBAGE else ""
            self.broken = Broken(self._asked[0] if self._asked else Stage.IDLE, fault, None, detail or torn)


def normal(message: bytes) -> bytes:
    """Return a message with CRLF at the end of each line and of itself, and no other CR or LF (RFC 5321 2.3.8)."""
    pairs = message.count(_CRLF)
    if message.count(b"\r") != pairs or message.count(b"\n") != pairs:
        message = message.replace(_CRLF, b"\n").replace(b"\r", b"\n").replace(b"\n", _CRLF)
    return message if not message or message.endswith(_CRLF) else message + _CRLF


def stuffed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a normal message as it goes over the wire: a dot that begins a line is doubled (RFC 5321 4.5.2).

    blocks: the message, cut anywhere.
    """
    tail = _CRLF  # the last two octets so far: the message begins a line
    for block in blocks:
        seen = tail + block
        yield seen.replace(_DOT_LINE, _STUFFED)[len(tail) :] if _DOT_LINE in seen else block
        tail = seen[-2:]


class Sent:
    """What has been sent of a message, as the transcript has it: how many octets, and their hash."""

    def __init__(self) -> None:
        self._size = 0
        self._hash = blake2b(digest_size=8)

    def add(self, block: bytes) -> None:
        """Count what is being sent."""
        self._size += len(block)
        self._hash.update(block)

    def __str__(self) -> str:
        return f"{self._size} octets of message, blake2b {self._hash.hexdigest()}"
