"""Octets in, replies out: the tolerant half of `reply`.

Takes a bare code, LF alone, mixed codes, 8-bit text and lines over 512 octets; stops at what is no reply.
"""

from __future__ import annotations

import re
from functools import lru_cache

from maildrill.smtp.reply import Reply
from maildrill.smtp.text import decode, escape

MAX_LINE = 8192  # octets; real replies beyond 512 exist, a line without an end must not grow for ever
MAX_REPLY = 65536  # octets in all lines of one reply
_SHORT = 512  # octets that are looked at as a whole
_PLAIN = re.compile(rb"(?:[2-5]\d\d [^\r\n]*\r\n)+")
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)


@lru_cache(maxsize=256)  # a server says few things, and those again and again
def _of_one_line(code: bytes, text: bytes | None) -> Reply:
    return Reply(int(code), (decode(text),) if text else ())


@lru_cache(maxsize=256)  # so do its replies to a group of commands
def _ready(octets: bytes) -> tuple[Reply, ...]:
    """Return what octets say that are plain, and nothing but whole replies of one line; else nothing."""
    if not _PLAIN.fullmatch(octets):
        return ()
    return tuple(_of_one_line(line[:3], line[4:]) for line in octets.split(b"\r\n")[:-1])


class ReplyParser:
    """Feed it what was read; it gives complete replies in order.

    `fault` says why the stream can no longer be trusted, or is empty; from then on nothing is parsed.
    """

    def __init__(self) -> None:
        self.fault = ""
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._codes: list[int] = []
        self._size = 0

    @property
    def pending(self) -> bool:
        """Whether a part of a reply has been read and its end has not."""
        return bool(self._buffer or self._lines)

    @property
    def tail(self) -> str:
        """The part of a reply that was read without its end: evidence when a line drops."""
        shown = [f"{code}-{line}" for code, line in zip(self._codes, self._lines, strict=True)]
        return "\n".join([*shown, decode(bytes(self._buffer))]).strip("\n")

    def feed(self, octets: bytes) -> list[Reply]:
        """Return the replies that `octets` complete, in order; may set `fault`."""
        if self.fault:
            return []
        if len(octets) <= _SHORT and not (self._buffer or self._lines):
            ready = _ready(octets)
            if ready:
                return [*ready]
        self._buffer += octets
        replies: list[Reply] = []
        while not self.fault and (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            reply = self._take(line)
            if reply is not None:
                replies.append(reply)
        if not self.fault and len(self._buffer) > MAX_LINE:
            self.fault = f"reply line of more than {MAX_LINE} octets"
        return replies

    def _take(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(line)
        self._size += len(line)
        if match is None:
            self.fault = f"not a reply: {escape(decode(line[:80]))!r}"
            return None
        if len(line) > MAX_LINE or self._size > MAX_REPLY:
            self.fault = f"reply of more than {MAX_REPLY} octets, or a line of more than {MAX_LINE}"
            return None
        code, mark, text = match.groups()
        if mark != b"-" and not self._codes:  # a reply of one line, as most are
            self._size = 0
            return _of_one_line(code, text)
        self._codes.append(int(code))
        self._lines.append(decode(text or b""))
        return None if mark == b"-" else self._complete()

    def _complete(self) -> Reply:
        codes, lines = self._codes, tuple(self._lines)
        self._codes, self._lines, self._size = [], [], 0
        odd = "" if len(set(codes)) == 1 else f"mixed codes {', '.join(map(str, codes))}: the last counts"
        return Reply(codes[-1], () if lines == ("",) else lines, odd)
