"""Compare what a client sends with what a transcript says that it sends, as far as it has come.

Each function takes a step and a buffer, and removes from it what belongs to the step: Heard; or None, where more must
come first; or Differs. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from maildrill.fakeserver.language.steps import ClientGoesOn, ClientSays, ClientSends, ServerReads
from maildrill.fakeserver.message.body import END, Body
from maildrill.smtp import decode

MAX_LINE = 65536  # octets within which a line must end
_CRLF = b"\r\n"
_DOT = b".\r\n"
_ENDING = "."


@dataclass(frozen=True, slots=True)
class Heard:
    """What the step stands for has come: these octets."""

    octets: bytes = b""

    @property
    def text(self) -> str:
        """The line without its end."""
        return decode(self.octets.removesuffix(_CRLF))


@dataclass(frozen=True, slots=True)
class Differs:
    """Something else has come: these octets, or the first part of them."""

    octets: bytes


def hear(step: ClientSays | ClientSends | ServerReads, buffer: bytearray) -> Heard | Differs | None:
    """Compare a command, or octets."""
    if isinstance(step, ServerReads):
        return Heard(_take(buffer, step.count)) if len(buffer) >= step.count else None
    if isinstance(step, ClientSends):
        return _hear_exactly(step.octets, buffer)
    end = buffer.find(b"\n")
    if end < 0:
        return Differs(_take(buffer, MAX_LINE)) if len(buffer) > MAX_LINE else None
    heard = Heard(_take(buffer, end + 1))
    # A LF alone ends no command (RFC 5321 section 2.3.8).
    right = heard.octets.endswith(_CRLF) and fits(step, heard.text)
    return heard if right else Differs(heard.octets)


class MessageEar:
    """Compares a message, line by line or octet by octet. body: what has been taken of it; ended: whether all was.

    A message of which nothing is said but its end may be any.
    """

    def __init__(self, limit: int) -> None:
        self.body = Body(limit)
        self.ended = False
        self._described = False  # a part of it was; octets that are only counted describe nothing
        self._goes_on = False  # lines may come that no step describes

    def hear(
        self, step: ClientSays | ClientSends | ClientGoesOn | ServerReads, buffer: bytearray
    ) -> Heard | Differs | None:
        """Compare the next part of the message."""
        if isinstance(step, ClientGoesOn):
            self._goes_on = True
            return Heard()
        heard = self._hear_line(step, buffer) if isinstance(step, ClientSays) else hear(step, buffer)
        if isinstance(heard, Heard):
            if not isinstance(step, ServerReads):
                self._described, self._goes_on = True, False
            self._add(heard.octets)
        return heard

    def _hear_line(self, step: ClientSays, buffer: bytearray) -> Heard | Differs | None:
        ending = step.pattern.text == _ENDING
        while (end := buffer.find(_CRLF)) >= 0:
            line = Heard(_take(buffer, end + 2))
            last = line.octets == _DOT
            if last is ending and (ending or fits(step, line.text)):
                return line
            if last or not (self._goes_on or (ending and not self._described)):
                return Differs(line.octets)
            self._add(line.octets)
        return None

    def _add(self, octets: bytes) -> None:
        """Add to the body, in pieces that end where it may: what comes behind its end is no part of it."""
        while octets and not self.ended:
            end = octets.find(END) + len(END)
            piece = octets[:end] if end >= len(END) else octets
            self.ended = self.body.feed(piece)
            octets = octets[len(piece) :]


def fits(step: ClientSays, text: str) -> bool:
    """Whether a line is what the step says."""
    return (step.pattern.find(text) is None) is step.pattern.negated


def _hear_exactly(octets: bytes, buffer: bytearray) -> Heard | Differs | None:
    if len(buffer) >= len(octets):
        heard = _take(buffer, len(octets))
        return Heard(heard) if heard == octets else Differs(heard)
    return None if octets.startswith(buffer) else Differs(bytes(buffer))


def _take(buffer: bytearray, count: int) -> bytes:
    taken = bytes(buffer[:count])
    del buffer[:count]
    return taken
