"""Collect the octets of one message up to its end, and undo dot-stuffing (RFC 5321 section 4.5.2). Pure.

Only CRLF.CRLF ends a message and only CRLF ends a line: a bare CR or LF is data (RFC 5321 section 4.1.1.4).
"""

from __future__ import annotations

import re

#: Read up to this: what ends with it may be the end. It is rare in text and never occurs in base64, so that a message
#: comes in a few large pieces; reading line by line costs ten times as much.
END = b".\r\n"
_END = b"\r\n.\r\n"
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*([^\r\n]*?)\s*$", re.IGNORECASE | re.MULTILINE)


class Body:
    """The octets between 354 and the final dot; of more than `limit` none are kept, only counted.

    Once the message is whole: content, un-stuffed and with its last CRLF (b"" if it was too big), and size in octets
    (dots that were never un-stuffed included).
    """

    def __init__(self, limit: int) -> None:
        self.content = b""
        self.size = 0
        self._limit = limit
        # The CRLF of the DATA command counts: a dot alone on the first line ends an empty message.
        self._octets = bytearray(b"\r\n")

    def feed(self, octets: bytes) -> bool:
        """Take the next octets, at most up to a place where they end with END; returns whether the message is whole."""
        self._octets += octets
        if self._octets.endswith(_END):
            content = bytes(self._octets[:-3]).replace(b"\r\n.", b"\r\n")[2:]
            self.content = content if not self.size and len(content) <= self._limit else b""
            self.size += len(content)
            return True
        excess = len(self._octets) - len(_END)
        if self.size or excess > 2 * self._limit + 1024:  # stuffing may double a message
            del self._octets[:excess]
            self.size += excess
        return False


def message_id(content: bytes) -> str:
    """Return the Message-ID field of a message's header, or an empty string."""
    end = content.find(b"\r\n\r\n")
    match = _MESSAGE_ID.search(content if end < 0 else content[:end])
    return match[1].decode("utf-8", "replace") if match else ""
