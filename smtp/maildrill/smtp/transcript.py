"""Who said what, when: the dialogue of one session, in swaks' marks.

` ->` we said, `<- ` the server said, `<**` the server said no, `===` our remark. Secrets are redacted when a
line enters; control characters are escaped when it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from maildrill.smtp.clock import timestamp
from maildrill.smtp.quickly import maker, quickly
from maildrill.smtp.reply import Reply
from maildrill.smtp.text import escape

REDACTED = "<redacted>"
_OTHERS = "MRD."  # how most of what is said begins (MAIL, RCPT, DATA, the dot), and no AUTH
_AUTH = re.compile(r"\s*(?P<verb>AUTH(?:\s+\S+)?)(?P<initial>\s+\S.*)?\s*", re.IGNORECASE | re.DOTALL)


class Mark(StrEnum):
    """The four marks in the margin, as swaks prints them."""

    SENT = " ->"
    ANSWERED = "<- "
    REFUSED = "<**"
    NOTE = "==="


_SENT, _ANSWERED, _REFUSED, _NOTE = Mark  # an attribute of an enumeration takes its time, and each line asks for one


@quickly
@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript: Unix seconds, a mark, and the text as it was said (secrets redacted)."""

    at: float
    mark: Mark
    text: str

    def __str__(self) -> str:
        return f"{timestamp(self.at)} {self.mark} {escape(self.text)}".rstrip()


_line = maker(Line)


@dataclass(slots=True)
class Transcript:
    """The lines of one session in order; add with the verbs below, iterate or `str()` to read.

    keep: False where each line is wanted once, as it is said: a session may last for a million of them.
    """

    lines: list[Line] = field(default_factory=list)
    keep: bool = True
    _secret: bool = False

    def sent(self, at: float, command: str) -> Line:
        """We said a command; what an AUTH exchange says is never kept."""
        auth = None if command[:1] in _OTHERS else _AUTH.fullmatch(command)
        if auth:
            self._secret = True
            return self._add(at, _SENT, auth["verb"] + (f" {REDACTED}" if auth["initial"] else ""))
        line = _line(at, _SENT, REDACTED if self._secret else command)
        if self.keep:
            self.lines.append(line)
        return line

    def answered(self, at: float, reply: Reply) -> list[Line]:
        """The server replied: a line each; 3yz keeps an AUTH exchange open, anything else ends it."""
        self._secret = self._secret and reply.klass == 3
        mark = _REFUSED if reply.klass >= 4 else _ANSWERED
        said = reply.said or reply.spelt()
        lines = [_line(at, mark, said[0])] if len(said) == 1 else [_line(at, mark, text) for text in said]
        if self.keep:
            self.lines += lines
        return lines

    def noted(self, at: float, remark: str) -> Line:
        """Our own remark: connecting, a cut, so many octets of message."""
        return self._add(at, _NOTE, remark)

    def _add(self, at: float, mark: Mark, text: str) -> Line:
        line = _line(at, mark, text)
        if self.keep:
            self.lines.append(line)
        return line

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))
