"""What an SMTP server says: a reply, and the enhanced status code in it.

Rule 1: parse tolerantly (real servers say anything), render strictly (we do not).
Rule 2: the code decides, its first digit first; text never does (RFC 5321 section 4.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from maildrill.smtp.mark import ANSWERED, NOTE, REFUSED, Mark
from maildrill.smtp.quickly import quickly
from maildrill.smtp.text import escape

MAX_LINE = 512  # octets with code and CRLF, RFC 5321 section 4.5.3.1.5: what we render; parsing takes longer ones
_CHALLENGE = 334  # the one reply whose blank stays where no text follows: RFC 4954 section 4
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TEXT = re.compile(r"([2-5]\d\d)(?:[ -](.*))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class EnhancedStatus:
    """An enhanced status code such as 4.2.2 (RFC 3463): class 2, 4 or 5, subject and detail 0..999."""

    klass: int
    subject: int
    detail: int

    def __post_init__(self) -> None:
        if self.klass not in (2, 4, 5) or not (0 <= self.subject <= 999 and 0 <= self.detail <= 999):
            raise ValueError(f"enhanced status code must be 2, 4 or 5 and two numbers 0..999, got {self}")

    def __str__(self) -> str:
        return f"{self.klass}.{self.subject}.{self.detail}"

    @classmethod
    def leading(cls, text: str) -> EnhancedStatus | None:
        """Return the code that `text` begins with, or None."""
        return _status(text.partition(" ")[0]) if text[1:2] == "." else None


@lru_cache(maxsize=256)  # there are few, and each is asked for several times of each reply
def _status(word: str) -> EnhancedStatus | None:
    match = _ENHANCED.match(word)
    return EnhancedStatus(*map(int, match.groups())) if match else None


@quickly
@dataclass(frozen=True, slots=True)
class Reply:
    """A code 200..599 and its text lines (RFC 5321 section 4.2), enhanced codes still in the text.

    irregular: what was odd about it on the wire (mixed codes, …), or empty; not part of equality. klass: the first
    digit: 2 done, 3 go on, 4 not now, 5 no. positive: whether the server did what was asked (2yz, any of them).
    enhanced: the enhanced code of the last line that has one; servers that repeat it agree with themselves.
    """

    code: int
    lines: tuple[str, ...] = ()
    irregular: str = field(default="", compare=False)
    # Known from the beginning: each is asked for a dozen times.
    klass: int = field(default=0, init=False, compare=False, repr=False)
    positive: bool = field(default=False, init=False, compare=False, repr=False)
    enhanced: EnhancedStatus | None = field(default=None, init=False, compare=False, repr=False)
    _octets: bytes = field(default=b"", init=False, compare=False, repr=False)  # once it was rendered
    said: tuple[tuple[Mark, str], ...] = field(default=(), init=False, compare=False, repr=False)  # once it was spelt

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599:
            raise ValueError(f"reply code must be 200..599, got {self.code}")
        object.__setattr__(self, "klass", self.code // 100)
        object.__setattr__(self, "positive", self.code < 300)
        for line in reversed(self.lines):
            status = EnhancedStatus.leading(line)
            if status is not None:
                object.__setattr__(self, "enhanced", status)
                break

    @classmethod
    def of(cls, text: str) -> Reply:
        r"""Read `451 4.7.1 later` as people write it: a code, a text, `\n` between lines.

        The enhanced code of the first line is repeated on each (RFC 2034 section 4). Raises ValueError.
        """
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise ValueError('a reply is a code 200..599 and a text, such as "451 4.7.1 try again later"')
        first, *more = (match[2] or "").split("\n")
        status = EnhancedStatus.leading(first)
        prefix = f"{status} " if status else ""
        rest = [line if EnhancedStatus.leading(line) else prefix + line for line in more]
        return cls(int(match[1]), (first, *rest) if first or rest else ())

    @property
    def text(self) -> str:
        """All lines joined by a blank, as logs show a reply; escape before showing."""
        return " ".join(self.lines)

    def spelt(self) -> tuple[tuple[Mark, str], ...]:
        """Return each line as a dialogue has it, code and all, without blanks at its end, and a note of what was odd.

        Escape before showing.
        """
        lines = self.lines or ("",)
        last = len(lines) - 1
        mark, note = REFUSED if self.klass >= 4 else ANSWERED, [(NOTE, self.irregular)] if self.irregular else []
        texts = [f"{self.code}{'-' if n < last else ' '}{line}".rstrip() for n, line in enumerate(lines)]
        said = (*[(mark, text) for text in texts], *note)
        object.__setattr__(self, "said", said)
        return said

    def __str__(self) -> str:
        return f"{self.code} {escape(self.text)}".rstrip()

    def render(self) -> bytes:
        """Return the octets on the wire, UTF-8; raises ValueError for what no reply may hold."""
        if not self._octets:
            lines = self.lines or ("",)
            last = len(lines) - 1
            octets = b"".join(_rendered(self.code, "-" if n < last else " ", line) for n, line in enumerate(lines))
            object.__setattr__(self, "_octets", octets)
        return self._octets


def _rendered(code: int, mark: str, line: str) -> bytes:
    if _CONTROL.search(line):
        raise ValueError(f"control character in reply text: {escape(line)}")
    octets = f"{code}{mark}{line}".encode()
    if mark == " " and code != _CHALLENGE:
        octets = octets.rstrip(b" ")
    if len(octets) + 2 > MAX_LINE:
        raise ValueError(f"reply line of {len(octets) + 2} octets; RFC 5321 allows {MAX_LINE}")
    return octets + b"\r\n"
