"""Who said what, when: the dialogue of one session, in swaks' marks.

` ->` we said, `<- ` the server said, `<**` the server said no, `===` our remark. Secrets are redacted when a
line enters; control characters are escaped when it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from maildrill.smtp.clock import timestamp
from maildrill.smtp.mark import NOTE, SENT, Mark
from maildrill.smtp.quickly import quickly
from maildrill.smtp.reply import Reply
from maildrill.smtp.text import escape

REDACTED = "<redacted>"
_OTHERS = "MRD."  # how most of what is said begins (MAIL, RCPT, DATA, the dot), and no AUTH
_AUTH = re.compile(r"\s*(?P<verb>AUTH(?:\s+\S+)?)(?P<initial>\s+\S.*)?\s*", re.IGNORECASE | re.DOTALL)


@quickly
@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript: Unix seconds, a mark, and the text as it was said (secrets redacted)."""

    at: float
    mark: Mark
    text: str

    def __str__(self) -> str:
        return f"{timestamp(self.at)} {self.mark} {escape(self.text)}".rstrip()


#: What is said or heard in one moment: a mark and a text for each line, secrets redacted.
Said = Sequence[tuple[Mark, str]]
#: Told of it, and of the moment (Unix seconds).
OnSaid = Callable[[float, Said], object]


class Scribe:
    """Makes lines of what is said in one session, and knows when that is a secret."""

    def __init__(self) -> None:
        self._secret = False

    def sent(self, *commands: str) -> Said:
        """We said commands; what an AUTH exchange says is never kept."""
        return [
            (SENT, command if command[:1] in _OTHERS and not self._secret else self._redacted(command))
            for command in commands
        ]

    def answered(self, *replies: Reply) -> Said:
        """The server replied: 3yz keeps an AUTH exchange open, anything else ends it."""
        if self._secret:
            self._secret = all(reply.klass == 3 for reply in replies)
        return [line for reply in replies for line in reply.said or reply.spelt()]

    def noted(self, remark: str) -> Said:
        """Our own remark: connecting, a cut, so many octets of message."""
        return ((NOTE, remark),)

    def _redacted(self, command: str) -> str:
        auth = None if command[:1] in _OTHERS else _AUTH.fullmatch(command)
        if auth:
            self._secret = True
            return auth["verb"] + (f" {REDACTED}" if auth["initial"] else "")
        return REDACTED if self._secret else command


@dataclass(slots=True)
class Transcript:
    """The lines of one session in order; add with the verbs below, iterate or `str()` to read."""

    lines: list[Line] = field(default_factory=list)
    _scribe: Scribe = field(default_factory=Scribe)

    def sent(self, at: float, command: str) -> None:
        """We said a command."""
        self._add(at, self._scribe.sent(command))

    def answered(self, at: float, reply: Reply) -> None:
        """The server replied; what was odd about it is for whoever heard it."""
        self._add(at, [line for line in self._scribe.answered(reply) if line[0] is not NOTE])

    def noted(self, at: float, remark: str) -> None:
        """Our own remark."""
        self._add(at, self._scribe.noted(remark))

    def _add(self, at: float, said: Said) -> None:
        self.lines += [Line(at, mark, text) for mark, text in said]

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))
