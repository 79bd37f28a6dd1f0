"""Replies as a script writes them: a code and a text with `{fields}` in it.

What a client said is escaped before it goes into a reply, so that no client can add a line to it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from maildrill.smtp import Reply, escape
from maildrill.smtp.reply import MAX_LINE

#: The fields that every rule may use, and what each stands for.
FIELDS: dict[str, str] = {
    "rcpt": "the recipient that the rule matched",
    "from": "the reverse-path",
    "domain": "the recipient's domain",
    "helo": "the name given with EHLO or HELO",
    "client": "the client's address",
    "hostname": "the server's own name",
    "n": "the number of the attempt, from 1, as `key` counts",
    "id": "a queue id, hashed from the seed",
    "now": "the time of the event",
}

_ROOM = MAX_LINE - len("250 \r\n")
_BRACE = re.compile(r"(\{\{|\}\})|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class ReplyTemplate:
    r"""`451 4.7.1 later, {rcpt}` with `\n` between lines; `{{` and `}}` are braces.

    Raises ValueError where it is no reply that a server may give (RFC 5321 section 4.2).
    """

    text: str
    code: int = field(init=False, compare=False, repr=False)
    fields: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _lines: tuple[tuple[str, ...], ...] = field(init=False, compare=False, repr=False)  # text, field, text, …
    _fixed: Reply | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        written = Reply.of(self.text)
        lines = tuple(_pieces(line) for line in written.lines)
        plain = Reply(written.code, tuple("".join(pieces[::2]) for pieces in lines))
        plain.render()  # refuses control characters and lines that are too long
        fields = tuple(dict.fromkeys(name for pieces in lines for name in pieces[1::2]))
        object.__setattr__(self, "code", written.code)
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "_lines", lines)
        object.__setattr__(self, "_fixed", None if fields else plain)

    def render(self, values: Mapping[str, str]) -> Reply:
        """Return the reply with `values` put in, escaped; a name without value stays empty, a long line is cut."""
        if self._fixed is not None:
            return self._fixed
        safe = {name: escape(values.get(name, "")) for name in self.fields}
        return Reply(self.code, tuple(_filled(pieces, safe) for pieces in self._lines))


def _pieces(line: str) -> tuple[str, ...]:
    pieces, start, literal = [], 0, ""
    for match in _BRACE.finditer(line):
        literal += line[start : match.start()]
        start = match.end()
        if match[1]:
            literal += match[1][0]
        elif match[2] is None:
            raise ValueError(f'"{match[0]}" stands alone; write "{match[0] * 2}" for a brace, "{{rcpt}}" for a field')
        else:
            pieces += [literal, match[2].strip()]
            literal = ""
    return (*pieces, literal + line[start:])


def _filled(pieces: tuple[str, ...], values: Mapping[str, str]) -> str:
    line = "".join(values[piece] if n % 2 else piece for n, piece in enumerate(pieces))
    octets = line.encode()
    return line if len(octets) <= _ROOM else octets[:_ROOM].decode(errors="ignore")
