"""Texts with `{fields}` in them: replies, and what else a script fills in.

What a client said is escaped before it goes into a reply, so that no client can add a line to it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from maildrill.smtp import EnhancedStatus, Reply, escape
from maildrill.smtp.reply import MAX_LINE

#: The fields that every rule may use, and what each stands for.
FIELDS: dict[str, str] = {
    "rcpt": "the recipient that the rule matched",
    "from": "the reverse-path",
    "domain": "the recipient's domain",
    "ehlo": "the name given with EHLO or HELO",
    "client": "the client's address",
    "user": "who is logged in, or wants to be",
    "hostname": "the server's own name",
    "n": "the number of the attempt, from 1, as `key` counts",
    "id": "a queue id, hashed from the seed",
    "now": "the time of the event",
}

_ROOM = MAX_LINE - len("250 \r\n")
_BRACE = re.compile(r"(\{\{|\}\})|\{([^{}]*)\}|[{}]")
_CODE = re.compile(r"\s*\{([^{}]+)\}(?=[\s-]|$)")
_WORTH = re.compile(r"[2-5]\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with `{fields}`; `{{` and `}}` are braces. Raises ValueError for a brace that stands alone."""

    text: str
    fields: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _pieces: tuple[str, ...] = field(init=False, compare=False, repr=False)  # text, field, text, …

    def __post_init__(self) -> None:
        pieces = _pieces(self.text)
        object.__setattr__(self, "fields", tuple(dict.fromkeys(pieces[1::2])))
        object.__setattr__(self, "_pieces", pieces)

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with `values` put in as they are; a name without value stays empty."""
        return "".join(values.get(piece, "") if n % 2 else piece for n, piece in enumerate(self._pieces))


@dataclass(frozen=True, slots=True)
class ReplyTemplate:
    r"""`451 4.7.1 later, {rcpt}` with `\n` between lines; `{{` and `}}` are braces. The code may be a field, too.

    code: None where it is a field. Raises ValueError where it is no reply that a server may give (RFC 5321 section
    4.2).
    """

    text: str
    code: int | None = field(init=False, compare=False, repr=False)
    fields: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _code_field: str = field(init=False, compare=False, repr=False)
    _lines: tuple[tuple[str, ...], ...] = field(init=False, compare=False, repr=False)  # text, field, text, …
    _fixed: Reply | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        named = _CODE.match(self.text)
        written = Reply.of(f"250{self.text[named.end() :]}" if named else self.text)
        lines = tuple(_pieces(line) for line in written.lines)
        plain = Reply(written.code, tuple("".join(pieces[::2]) for pieces in lines))
        plain.render()  # refuses control characters and lines that are too long
        code_field = named[1].strip() if named else ""
        names = (*((code_field,) if named else ()), *(name for pieces in lines for name in pieces[1::2]))
        fields = tuple(dict.fromkeys(names))
        object.__setattr__(self, "code", None if named else written.code)
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "_code_field", code_field)
        object.__setattr__(self, "_lines", lines)
        object.__setattr__(self, "_fixed", None if fields else plain)

    def render(self, values: Mapping[str, str]) -> Reply:
        """Return the reply with `values` put in, escaped; a name without value stays empty, a long line is cut.

        Raises ValueError where the code is a field, and its value no code 200..599.
        """
        if self._fixed is not None:
            return self._fixed
        code = self.code
        if code is None:
            worth = values.get(self._code_field, "")
            if not _WORTH.fullmatch(worth):
                raise ValueError(f'the code would be "{worth[:40]}"')
            code = int(worth)
        safe = {name: escape(values.get(name, "")) for name in self.fields}
        return Reply(code, tuple(map(_cut, _repeated([_filled(pieces, safe) for pieces in self._lines]))))


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
    if not pieces[0] and len(pieces) > 1 and not values[pieces[1]]:
        return line.removeprefix(" ")  # a field that is empty needs no blank behind it: `{status} text`
    return line


def _repeated(lines: list[str]) -> list[str]:
    """Repeat an enhanced code that a field brought, as `Reply.of` does with one that was written (RFC 2034)."""
    status = EnhancedStatus.leading(lines[0]) if len(lines) > 1 else None
    if status is None:
        return lines
    return [line if EnhancedStatus.leading(line) else f"{status} {line}" for line in lines]


def _cut(line: str) -> str:
    octets = line.encode()
    return line if len(octets) <= _ROOM else octets[:_ROOM].decode(errors="ignore")
