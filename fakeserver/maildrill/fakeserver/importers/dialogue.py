"""Put together what a log has of a dialogue: who said what, as a transcript.

Rule: what was secret becomes any line, names that clients give themselves too; a message is its end. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.steps import (
    GOES_ON,
    ClientSays,
    Leaving,
    ServerLeaves,
    ServerSays,
    Session,
    Step,
    Transcript,
)
from maildrill.fakeserver.text.rulebook import exactly
from maildrill.fakeserver.transcript.exchange import Exchange
from maildrill.smtp import Stage


class Who(Enum):
    """Who did what on a line of a log."""

    SERVER = auto()  # said the text
    CLIENT = auto()  # said the text
    CONNECTED = auto()  # the client: a session begins
    DROPPED = auto()  # the server ended the session


@dataclass(frozen=True, slots=True)
class Spoken:
    """One line of a log. session: which it belongs to, where several are mixed."""

    line: int
    who: Who
    text: str = ""
    session: str = ""


def transcript_of(lines: Iterable[Spoken], name: str) -> Transcript:
    """Return the transcript of the sessions in a log, in the order in which they began; of none where none is."""
    open_ones: dict[str, _Held] = {}
    held: list[_Held] = []
    for spoken in lines:
        current = open_ones.get(spoken.session)
        if current is None or current.over(spoken):
            current = open_ones[spoken.session] = _Held()
            held.append(current)
        current.take(spoken)
    sessions = tuple(Session(tuple(one.steps), None, one.steps[0].line) for one in held if one.steps)
    return Transcript(name=name, sessions=sessions)


class _Held:
    """A session being put together."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._exchange = Exchange()
        self._ended = False

    def over(self, spoken: Spoken) -> bool:
        """Whether a line belongs to the next session: a connection, a second greeting, anything behind the end."""
        if not self.steps:
            return False
        greeting = spoken.who is Who.SERVER and spoken.text.startswith("220") and not self._exchange.waits
        return self._ended or spoken.who is Who.CONNECTED or greeting

    def take(self, spoken: Spoken) -> None:
        """Add a line."""
        match spoken.who:
            case Who.SERVER:
                self._server(spoken)
            case Who.CLIENT:
                for text in spoken.text.split("\n"):  # a log may tell of several lines that left together
                    self._client(Spoken(spoken.line, Who.CLIENT, text))
            case Who.DROPPED:
                self._ended = True
                self.steps += [ServerLeaves(Leaving.FIN, None, spoken.line)] if self.steps else []
            case _:
                pass  # connected: the session is there

    def _server(self, spoken: Spoken) -> None:
        # What the log leaves out: the end of a message, what answers a challenge.
        if self._exchange.awaits_message:
            self._end_message(spoken.line)
        elif self._exchange.secret:
            self._client(Spoken(spoken.line, Who.CLIENT, "*"))
        octets = spoken.text.encode("utf-8", "surrogateescape") + b"\r\n"
        self.steps.append(ServerSays(octets, None, spoken.line))
        for asked, reply in self._exchange.answer(octets, 0.0):
            self._ended = self._ended or asked.stage is Stage.QUIT or (reply is not None and reply.code == 421)

    def _client(self, spoken: Spoken) -> None:
        text = spoken.text.rstrip()
        if self._exchange.awaits_message:
            if text == ".":
                self._end_message(spoken.line)
            return
        secret = self._exchange.secret
        if not text and not secret:
            return
        asked = self._exchange.ask(text, 0.0)
        self.steps.append(ClientSays(Pattern("*" if secret else _said(text, asked.stage)), spoken.line))

    def _end_message(self, line: int) -> None:
        self._exchange.end_message(0.0, _NO_MESSAGE)
        self.steps.append(ClientSays(Pattern("."), line))


def _said(text: str, stage: Stage) -> str:
    verb, blank, argument = text.partition(" ")
    verb = verb.upper() if stage is not Stage.UNKNOWN else verb
    if stage in (Stage.EHLO, Stage.HELO):
        return f"{verb} *"
    if stage is Stage.AUTH:
        mechanism, _, initial = argument.partition(" ")
        return " ".join(filter(None, (verb, mechanism, "*" if initial else "")))
    line = verb + blank + argument
    return f"~^{re.escape(line)}$" if line in GOES_ON else exactly(line)


_NO_MESSAGE = Message(
    at=0.0, session=0, reverse_path="", recipients=(), content=b"", size=0, message_id="", committed=False
)
