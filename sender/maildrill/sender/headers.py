"""Write header fields as octets (RFC 5322 section 2.2), ASCII but for internationalised addresses (RFC 6532).

Rules: no value can hold a line break; text beyond ASCII becomes encoded words (RFC 2047); lines fold at 78, between
tokens only; ids and addresses are never folded or encoded. (The standard library's policy does all three to them.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from maildrill.sender.campaign import Mailbox
from maildrill.sender.encoded_words import encoded_words

_WIDTH = 78  # RFC 5322 section 2.1.1
_ENCODED_WIDTH = 76  # of a line with an encoded word; RFC 2047 section 2
_LONG_TOKEN = 60  # a longer word of plain text cannot be folded, so it is encoded
_BLANKS = re.compile(r"[\x00-\x20\x7f]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")  # atext and blanks; RFC 5322 section 3.2.3
_WORDS = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/^_`{|}~-]+)*")  # nothing of it encoded
_TOKEN_CHARS = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")  # RFC 2045 section 5.1, less what RFC 2231 reserves
_ATTRIBUTE_WIDTH = 60  # of a parameter's value on one line
_SECTION_WIDTH = 48  # of a piece of it, with its number and the charset in front
_TOKEN = re.compile(r"[!-~]+")  # of ASCII, and nothing that could end it
_PLAIN = re.compile(r"(?!.*=\?)[!-~]+(?: [!-~]+)*")  # words of ASCII with one blank between them, none of them encoded


def unstructured(name: str, text: str) -> bytes:
    """Return a field of free text, such as Subject; blanks and control characters in a row become one space."""
    if _is_plain(text) and len(name) + len(text) + 2 <= _WIDTH:
        return f"{name}: {text}\r\n".encode("ascii")
    line = _Line(name)
    for plain, words in _runs(_one_line(text)):
        if plain:
            line.add(words)
        else:
            line.add_encoded(words)
    return line.octets()


def address(name: str, mailbox: Mailbox) -> bytes:
    """Return a field of one mailbox, such as From. Raises ValueError for an address that could leave its line."""
    spec, phrase = _checked(mailbox.address), mailbox.name
    if len(name) + len(phrase) + len(spec) + 5 <= _WIDTH and len(phrase) <= _LONG_TOKEN and _WORDS.fullmatch(phrase):
        return f"{name}: {phrase} <{spec}>\r\n".encode("utf-8", "replace")
    if _is_plain(phrase):
        phrase = phrase if _ATOMS.fullmatch(phrase) else _quoted(phrase)
        if len(name) + len(phrase) + len(spec) + 5 <= _WIDTH:
            return f"{name}: {phrase} <{spec}>\r\n".encode("utf-8", "replace")
    line = _Line(name)
    phrase = _one_line(mailbox.name)
    if not phrase:
        line.add(spec)
        return line.octets()
    if phrase.isascii() and "=?" not in phrase and len(phrase) <= _LONG_TOKEN:
        line.add(phrase if _ATOMS.fullmatch(phrase) else _quoted(phrase))
    else:
        line.add_encoded(phrase)
    line.add(f"<{spec}>")
    return line.octets()


def tokens(name: str, *values: str) -> bytes:
    """Return a field of tokens that must stay whole, such as Message-ID or List-Unsubscribe: folded between them only.

    Raises ValueError for a token with a blank or control character.
    """
    if len(values) == 1:  # nothing to fold: no fold is right behind the colon
        return f"{name}: {_checked(values[0])}\r\n".encode("utf-8", "replace")
    line = _Line(name)
    for value in values:
        line.add(_checked(value))
    return line.octets()


def parameters(name: str, value: str, **attributes: str) -> bytes:
    """Return a field with parameters, such as Content-Type; values beyond ASCII are written by RFC 2231."""
    pieces = [value]
    for attribute, text in attributes.items():
        pieces += _parameter(attribute, _one_line(text))
    line = _Line(name)
    for position, piece in enumerate(pieces, 1):
        line.add(piece if position == len(pieces) else f"{piece};")
    return line.octets()


@lru_cache(maxsize=8)  # all messages of a campaign have the same
def date(at: float) -> bytes:
    """Return the Date field of a moment in Unix seconds, in UTC (RFC 5322 section 3.3)."""
    return f"Date: {format_datetime(datetime.fromtimestamp(int(at), UTC))}\r\n".encode("ascii")


class _Line:
    """A field that grows by tokens, with a blank or a fold before each; never a fold right behind the colon."""

    __slots__ = ("_column", "_empty", "_parts")

    def __init__(self, name: str) -> None:
        self._parts = [f"{name}:"]
        self._column = len(name) + 1
        self._empty = True

    def add(self, token: str, width: int = _WIDTH) -> None:
        if self._column + 1 + len(token) > width and not self._empty:
            self._parts.append("\r\n")
            self._column = 0
        self._parts.append(f" {token}")
        self._column += 1 + len(token)
        self._empty = False

    def add_encoded(self, text: str) -> None:
        room = _ENCODED_WIDTH - self._column - 1
        for word in encoded_words(text, first=room, other=_ENCODED_WIDTH - 1):
            self.add(word, _ENCODED_WIDTH)

    def octets(self) -> bytes:
        return ("".join(self._parts) + "\r\n").encode("utf-8", "replace")


def _is_plain(text: str) -> bool:
    """Whether a text stands on a line as it is: nothing in it is to be encoded, folded or taken out."""
    return len(text) <= _LONG_TOKEN and _PLAIN.fullmatch(text) is not None


def _runs(text: str) -> Iterator[tuple[bool, str]]:
    """Split a text at blanks: (True, a word that can stand as it is) or (False, neighbours that must be encoded).

    Neighbours are encoded together, because blanks between two encoded words are not shown (RFC 2047 section 6.2).
    """
    hard: list[str] = []
    for word in text.split(" ") if text else ():
        if word.isascii() and "=?" not in word and len(word) <= _LONG_TOKEN:
            if hard:
                yield False, " ".join(hard)
                hard = []
            yield True, word
        else:
            hard.append(word)
    if hard:
        yield False, " ".join(hard)


def _parameter(attribute: str, text: str) -> list[str]:
    if _TOKEN_CHARS.fullmatch(text) and len(text) <= _ATTRIBUTE_WIDTH:
        return [f"{attribute}={text}"]
    # Some readers, Python's among them, take quotes and backslashes off twice: those go the other way.
    if text.isascii() and len(text) <= _ATTRIBUTE_WIDTH and not any(mark in text for mark in '"\\<>'):
        return [f'{attribute}="{text}"']
    units = [
        chr(octet) if _TOKEN_CHARS.fullmatch(chr(octet)) and octet not in b"*'%" else f"%{octet:02X}"
        for octet in text.encode("utf-8", "replace")
    ]
    sections = [""]
    for unit in units:
        if len(sections[-1]) + len(unit) > _SECTION_WIDTH:
            sections.append("")
        sections[-1] += unit
    if len(sections) == 1:
        return [f"{attribute}*=utf-8''{sections[0]}"]
    return [f"{attribute}*{n}*={'' if n else 'utf-8' + repr('')}{part}" for n, part in enumerate(sections)]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _one_line(text: str) -> str:
    """Blanks and control characters in a row become one space: nothing in a value can begin a new line."""
    return _BLANKS.sub(" ", text).strip(" ")


def _checked(token: str) -> str:
    if _TOKEN.fullmatch(token):  # as nearly all are; to search for what must not be in it takes five times as long
        return token
    if not token or _BLANKS.search(token):
        raise ValueError(f"a blank or control character in {token!r}")
    return token
