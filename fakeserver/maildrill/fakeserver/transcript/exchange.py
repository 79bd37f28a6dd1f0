"""What a session has been asked and has answered, read off the lines of both: who waits for which reply.

Replies answer commands in order (RFC 5321 section 4.5.3.2; RFC 2920 for those that come together). Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from maildrill.fakeserver.journal.record import Entry, Message
from maildrill.fakeserver.language.steps import ClientLeaves, ServerLeaves, ServerSays, ServerTakes, Step
from maildrill.fakeserver.protocol.command import Path, read_path
from maildrill.fakeserver.text.transcript.octets import write_octets
from maildrill.smtp import Reply, Stage, decode, escape
from maildrill.smtp.reply_parser import ReplyParser
from maildrill.smtp.stage import VERBS
from maildrill.smtp.transcript import REDACTED

_CRLF = b"\r\n"
_SHOWN = 200  # octets of what a client sent, where it is shown
_KEYWORDS = {Stage.MAIL: "FROM", Stage.RCPT: "TO"}
_RESETTING = (Stage.RSET, Stage.EHLO, Stage.HELO)


@dataclass(slots=True)
class Asked:
    """What waits for a reply: a command, a response or the end of a message; its line as it may be kept.

    began: when it came (Unix seconds). message: that this ends, as the journal has it.
    """

    stage: Stage
    command: str
    address: str | None
    began: float
    message: Message | None = None

    def entry(self, now: float, session: int, reply: Reply | None, rule: str) -> Entry:
        """Return what the journal is told of a reply to it."""
        return Entry(
            began=self.began,
            at=now,
            session=session,
            stage=self.stage,
            command=self.command,
            address=self.address,
            reply=reply,
            rule=rule,
            message=self.message,
        )


class Answered(NamedTuple):
    """A reply, and what it answers; None in place of a reply for octets that are none."""

    asked: Asked
    reply: Reply | None


class Exchange:
    """The state of one session.

    awaits_message, awaits_handshake: what the client does next, as the last reply allows. chunk: octets of BDAT that
    have yet to come, None where none are due. reverse_path, recipients: of the open transaction.
    """

    def __init__(self) -> None:
        self.awaits_message = False
        self.awaits_handshake = False
        self.chunk: int | None = None
        self.reverse_path: str | None = None
        self.recipients: tuple[str, ...] = ()
        self._parser = ReplyParser()
        self._asked: deque[Asked] = deque()
        self._greeted = False
        self._early = False  # the message was answered before its end
        self._last_chunk = False
        self._secret = False  # the next line answers a challenge

    @property
    def waits(self) -> bool:
        """Whether a command waits for a reply, or a reply is not whole."""
        return bool(self._asked) or self._parser.pending

    @property
    def secret(self) -> bool:
        """Whether the next line of the client is not to be kept."""
        return self._secret

    def ask(self, line: str, now: float) -> Asked:
        """Note a line of the client that is no part of a message."""
        if self._secret:
            self._secret = False
            return self._add(Asked(Stage.AUTH_STEP, REDACTED, None, now))
        verb, _, argument = line.partition(" ")
        stage = VERBS.get(verb.upper(), Stage.UNKNOWN)
        path = read_path(_KEYWORDS[stage], argument) if stage in _KEYWORDS else None
        if stage is Stage.BDAT:
            size, _, last = argument.partition(" ")
            self.chunk = int(size) if size.isascii() and size.isdigit() else 0
            self._last_chunk = last.strip().upper() == "LAST"
        return self._add(Asked(stage, kept(line), path.address if isinstance(path, Path) else None, now))

    def end_message(self, now: float, message: Message) -> None:
        """Note the end of a message: its final dot, or the last chunk, whose command waits already."""
        if not self.awaits_message:
            self._asked[-1].message = message
        elif not self._early:
            self._add(Asked(Stage.DOT, "", None, now, message))
        self.awaits_message = self._early = False
        self.reverse_path, self.recipients = None, ()

    def takes(self, coming: Sequence[Step]) -> bool:
        """Whether the server takes the message that just ended: as `!commit` says, else by the reply to it.

        coming: the steps from here to the end of the session.
        """
        if coming and isinstance(coming[0], ServerTakes):
            return coming[0].taken
        before = len(self._asked) if self.awaits_message else len(self._asked) - 1
        parser = ReplyParser()
        replies = (reply for octets in _said(coming) for reply in parser.feed(octets))
        answer = next(islice(replies, before, None), None)
        return answer is not None and answer.positive and not self._early

    def shake(self) -> None:
        """Note a handshake: the transaction is forgotten, and commands that were said before it get no reply."""
        self.awaits_handshake = False
        self.reverse_path, self.recipients = None, ()
        self._asked.clear()

    def take_chunk(self, count: int) -> bool:
        """Note octets of a chunk; returns whether they end the message."""
        left = (self.chunk or 0) - count
        self.chunk = left if left > 0 else None
        return self._last_chunk and self.chunk is None

    def answer(self, octets: bytes, now: float) -> list[Answered]:
        """Note octets of the server; returns the replies that they complete."""
        replies: list[Reply | None] = list(self._parser.feed(octets))
        if self._parser.fault:
            self._parser = ReplyParser()
            replies.append(None)
        return [self._answered(reply, now) for reply in replies]

    def _add(self, asked: Asked) -> Asked:
        self._asked.append(asked)
        return asked

    def _answered(self, reply: Reply | None, now: float) -> Answered:
        asked = self._asked.popleft() if self._asked else Asked(self._unasked(), "", None, now)
        self._greeted = True
        if reply is not None:
            self._follow(asked, reply)
        return Answered(asked, reply)

    def _unasked(self) -> Stage:
        """Where the server speaks without having been asked; a message gets one reply, and this may be it."""
        self._early = self.awaits_message
        return Stage.BODY if self._early else Stage.IDLE if self._greeted else Stage.BANNER

    def _follow(self, asked: Asked, reply: Reply) -> None:
        """Note what becomes of the session by a reply."""
        self._secret = asked.stage in (Stage.AUTH, Stage.AUTH_STEP) and reply.code == 334
        if asked.stage is Stage.DATA:
            self.awaits_message = reply.klass == 3
        if not reply.positive:
            return
        if asked.stage is Stage.STARTTLS:
            self.awaits_handshake = True
        elif asked.stage is Stage.MAIL:
            self.reverse_path, self.recipients = asked.address, ()
        elif asked.stage is Stage.RCPT and asked.address is not None:
            self.recipients += (asked.address,)
        elif asked.stage in _RESETTING:
            self.reverse_path, self.recipients = None, ()


def _said(coming: Iterable[Step]) -> Iterable[bytes]:
    for step in coming:
        if isinstance(step, ServerLeaves | ClientLeaves):
            return
        if isinstance(step, ServerSays):
            yield step.octets


def kept(line: str) -> str:
    """Return a command line as it may be kept: without what an AUTH exchange says (RFC 4954 section 4)."""
    verb, _, argument = line.partition(" ")
    if verb.upper() != "AUTH":
        return line
    mechanism, _, initial = argument.partition(" ")
    return f"AUTH {mechanism} {REDACTED}" if initial else f"AUTH {mechanism}".rstrip()


def shown(octets: bytes, *, secret: bool) -> str:
    """Return what a client sent as a person may see it: safe, not too long, and without secrets."""
    if secret:
        return REDACTED
    first, more = octets[:_SHOWN], "…" if len(octets) > _SHOWN else ""
    plain = octets.endswith(_CRLF) and b"\n" not in first[:-1]
    text = f"C: {escape(kept(decode(first.removesuffix(_CRLF))))}" if plain else f"C>: {write_octets(first)}"
    return text + more
