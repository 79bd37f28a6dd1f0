"""Collect the octets of one message up to its end: by lines, un-stuffed (RFC 5321), or by chunks (RFC 3030). Pure.

Only CRLF.CRLF ends a message that comes by lines and only CRLF ends a line: a bare CR or LF is data (RFC 5321 section
4.1.1.4).
"""

from __future__ import annotations

import re

from maildrill.smtp import has_bare_newline

#: Read up to this: what ends with it may be the end. It is rare in text and never occurs in base64, so that a message
#: comes in a few large pieces; reading line by line costs ten times as much.
END = b".\r\n"
_END = b"\r\n.\r\n"
_DOT = ord(".")
_CR, _LF = b"\r\n"
_FIELD = b"message-id:"
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*([^\r\n]*)\s*$", re.IGNORECASE | re.MULTILINE)


class Store:
    """The room that all messages share while they are received: so many octets."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def holds(self, octets: int) -> bool:
        """Whether there is room for so many more."""
        return self.used + octets <= self.limit

    def take(self, octets: int) -> bool:
        """Take room, or give it back where `octets` is negative; returns whether there is any left."""
        self.used += octets
        return self.used <= self.limit


class Body:
    """The octets between 354 and the final dot; of more than `limit` none are kept, only counted.

    crowded: nor are they where the store has no room. Once the message is whole: content, un-stuffed and with its last
    CRLF (b"" if it is not kept), and size in octets (dots that were never un-stuffed included). `release` it then.
    """

    def __init__(self, limit: int, store: Store | None = None) -> None:
        self.content = b""
        self.size = 0
        self.crowded = False
        self._limit = limit
        self._store = store or Store(2 * limit + 2048)
        self._taken = 0
        self._whole: int | None = None  # the octets of the whole message, as they came
        # The CRLF of the DATA command counts: a dot alone on the first line ends an empty message.
        self._octets = bytearray(b"\r\n")

    @property
    def seen(self) -> int:
        """How many octets have come so far, dots that stuff a line included, what may be the end not."""
        if self._whole is not None:
            return self._whole
        maybe = next((len(tail) - 2 for tail in (_END, _END[:-1], _END[:-2]) if self._octets.endswith(tail)), 0)
        return self.size + len(self._octets) - 2 - maybe

    def feed(self, octets: bytes) -> bool:
        """Take the next octets, at most up to a place where they end with END; returns whether the message is whole."""
        self._octets += octets
        self._taken += len(octets)
        if not self._store.take(len(octets)):
            self.crowded = True
        if self._octets.endswith(_END):
            self._whole = self.seen
            stuffed = self._octets.find(b"\r\n.", 0, -3) >= 0  # seldom, and looking for it is the cheaper part
            content = bytes(self._octets[2:-3])
            if stuffed:
                content = bytes(self._octets[:-3]).replace(b"\r\n.", b"\r\n")[2:]
            self.content = content if not self.size and len(content) <= self._limit else b""
            self.size += len(content)
            return True
        excess = len(self._octets) - len(_END)
        if self.size or self.crowded or excess > 2 * self._limit + 1024:  # stuffing may double a message
            del self._octets[:excess]
            self.size += excess
            self.release()
        return False

    def release(self) -> None:
        """Give the room back."""
        self._store.take(-self._taken)
        self._taken = 0


class Chunks:
    """The octets of one message that come by BDAT; of more than `limit` none are kept, only counted.

    size: octets so far. crowded: the store had no room for them. content: all of them, b"" where they were too many or
    are not wanted any more. `release` them at the end.
    """

    def __init__(self, limit: int, store: Store | None = None) -> None:
        self.size = 0
        self.crowded = False
        self._limit = limit
        self._store = store or Store(limit)
        self._octets = bytearray()

    @property
    def content(self) -> bytes:
        """All octets so far."""
        return bytes(self._octets)

    def feed(self, octets: bytes) -> None:
        """Take the next octets."""
        self.size += len(octets)
        if self.size > self._limit:
            self.drop()
        elif self._store.take(len(octets)):
            self._octets += octets
        else:
            self._store.take(-len(octets))
            self.crowded = True
            self.drop()

    def drop(self) -> None:
        """Keep nothing of what came nor of what comes: a chunk was refused."""
        self._limit = -1
        self.release()

    def release(self) -> None:
        """Let the octets go, and give their room back."""
        self._store.take(-len(self._octets))
        self._octets.clear()


class BareNewlines:
    """Counts CR without LF and LF without CR in a stream (RFC 5321 section 2.3.8), over the joints of its pieces.

    after_cr: what came so far ends with a CR.
    """

    def __init__(self) -> None:
        self.after_cr = False

    def feed(self, octets: bytes) -> int:
        """Return how many more there are with these octets."""
        if self.after_cr:
            octets = b"\r" + octets
        self.after_cr = octets.endswith(b"\r")
        return octets.count(b"\r") + octets.count(b"\n") - 2 * octets.count(b"\r\n") - self.after_cr

    def end(self) -> int:
        """Return how many more there are when the stream ends here."""
        return int(self.after_cr)


def comes_plainly(octets: bytes) -> bool:
    """Whether these are all octets of a message, with nothing behind it, no dot that was stuffed, no bare newline."""
    whole = octets.endswith(_END) and octets.find(_END[:-2]) == len(octets) - len(_END)
    return whole and octets[0] != _DOT and not has_bare_newline(octets)


def message_id(content: bytes) -> str:
    """Return the Message-ID field of a message's header, or an empty string."""
    end = content.find(b"\r\n\r\n")
    header = content if end < 0 else content[:end]
    start = header.lower().find(_FIELD)  # nothing begins before
    if start < 0:
        return ""
    end = header.find(b"\r\n", start)
    value = header[start + len(_FIELD) : end].strip()
    if (
        value and end > 0 and header[start - 1] == _LF and _LF not in value and _CR not in value
    ):  # as it nearly always is
        return value.decode("utf-8", "replace")
    match = _MESSAGE_ID.search(header, start)
    return match[1].rstrip().decode("utf-8", "replace") if match else ""
