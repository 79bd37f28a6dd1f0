"""A message as rules look at it: its header fields decoded (RFC 5322, RFC 2047), its body as text.

Rule: whatever the octets are there is an answer; what cannot be decoded stays as it came. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice

from maildrill.fakeserver.message.mime_text import Part, base64_octets, charset_text, parts_of, quoted_octets, text_of
from maildrill.smtp.text import decode

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r\n]|\r(?!\n)|(?<!\r)\n|\r\n(?=[ \t]))*)(?:\r\n|$)")
_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=")
_BLANK = re.compile(r"\s+")
_MOST_WORDS = 1_000  # encoded words in one field; what is behind them stays as it came


class Letter:
    """A message: octets, un-stuffed, in; text out. Each thing is read when it is first asked for."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._raw, self._body_at = _fields(content)
        self._fields: dict[str, tuple[str, ...]] = {}
        self._body: str | None = None

    def field(self, name: str) -> tuple[str, ...]:
        """Return the values of all header fields of that name, in any case; unfolded and decoded."""
        lower = name.lower()
        if lower not in self._fields:
            self._fields[lower] = tuple(_decoded(value) for said, value in self._raw if said.lower() == lower)
        return self._fields[lower]

    def header(self, name: str) -> str:
        """Return the first field of that name on one line; "" where there is none."""
        return _one_line(next(iter(self.field(name)), ""))

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """All header fields in order, each decoded and on one line."""
        return tuple((name, _one_line(_decoded(value))) for name, value in self._raw)

    @property
    def body(self) -> str:
        """What a person reads: the text parts, decoded, a line feed between lines and between parts."""
        if self._body is None:
            kind, encoding, _ = self._says
            self._body = text_of(kind, encoding, self._content[self._body_at :])
        return self._body

    @property
    def parts(self) -> tuple[Part, ...]:
        """The leaves of the message in order."""
        found = parts_of(*self._says, self._content[self._body_at :])
        return tuple(replace(part, filename=decode_words(part.filename)) for part in found)

    def text(self, content_type: str = "text/plain") -> str:
        """Return the first part of that type that is not attached; "" where there is none."""
        return next((part.text for part in self.parts if part.content_type == content_type and not part.attached), "")

    @property
    def _says(self) -> tuple[str, str, str]:
        names = ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition")
        kind, encoding, disposition = (next(iter(self.field(name)), "") for name in names)
        return kind, encoding, disposition


def _fields(content: bytes) -> tuple[list[tuple[str, bytes]], int]:
    """Return names with raw values, and where the body begins: behind the first line that is no field."""
    fields: list[tuple[str, bytes]] = []
    at = 0
    while at < len(content) and (match := _FIELD.match(content, at)):
        fields.append((match[1].decode("ascii"), match[2]))
        at = match.end()
    return fields, at + 2 if content.startswith(b"\r\n", at) else at


def _decoded(value: bytes) -> str:
    return decode_words(_unfolded(value))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _unfolded(value: bytes) -> str:
    return decode(value.replace(b"\r\n", b"")).strip(" \t")


def decode_words(text: str) -> str:
    """Return a text with its encoded words decoded (RFC 2047); what is none, or broken, stays."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    run: list[bytes] = []  # the octets of words that follow one another in one charset: they may split a character
    spoken = ""  # the charset of the run
    at = 0
    for match in islice(_WORD.finditer(text), _MOST_WORDS):
        between = text[at : match.start()]
        octets = base64_octets(match[3].encode()) if match[2] in "bB" else quoted_octets(match[3].encode(), header=True)
        charset = match[1].lower()
        if octets is None or charset_text(octets, charset) is None:
            continue  # stays as it came
        apart = bool(between) and not (run and _BLANK.fullmatch(between))
        if apart or charset != spoken:
            pieces.append(charset_text(b"".join(run), spoken) or "")
            run = []
        if apart:
            pieces.append(between)
        run.append(octets)
        spoken, at = charset, match.end()
    return "".join((*pieces, charset_text(b"".join(run), spoken) or "", text[at:]))
