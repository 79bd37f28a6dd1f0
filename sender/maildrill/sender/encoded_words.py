"""Write text as encoded words (RFC 2047): UTF-8, in Q or B, no character cut in two."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

_OVERHEAD = len("=?utf-8?q??=")
_MAX_WORD = 75  # RFC 2047 section 2
_LEAST_ROOM = 24  # a shorter first word is not worth its overhead: begin on the next line
# What may stand for itself in an encoded word anywhere, a phrase included; RFC 2047 section 5 (3).
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = [chr(octet) if octet in _SAFE else "_" if octet == 0x20 else f"={octet:02X}" for octet in range(256)]


def encoded_words(text: str, *, first: int, other: int) -> list[str]:
    """Return the encoded words that `text` becomes; joined by blanks or folds they are read as `text` again.

    first: room (characters) for the first word; where it is too small the first word is made for a line of its own.
    other: room for each of the others.
    """
    octets = text.encode("utf-8", "replace")
    # Q can be read in the raw, so B must be clearly shorter: it is for Greek and Chinese, not for French.
    base64 = sum(len(_Q[octet]) for octet in octets) > len(octets) * 4 / 3 * 1.75
    room = min(first if first >= _LEAST_ROOM else other, _MAX_WORD) - _OVERHEAD
    rest = min(other, _MAX_WORD) - _OVERHEAD
    if base64:
        return [
            f"=?utf-8?b?{b64encode(chunk).decode('ascii')}?=" for chunk in _chunks(text, room // 4 * 3, rest // 4 * 3)
        ]
    return [f"=?utf-8?q?{word}?=" for word in _q_words(text, room, rest)]


def _chunks(text: str, first: int, other: int) -> Iterator[bytes]:
    """Yield the text's UTF-8 in pieces of at most `first`, then `other` octets, whole characters each."""
    piece, room = b"", first
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > room:
            yield piece
            piece, room = b"", other
        piece += octets
    yield piece


def _q_words(text: str, first: int, other: int) -> Iterator[str]:
    piece, room = "", first
    for character in text:
        quoted = "".join([_Q[octet] for octet in character.encode("utf-8", "replace")])
        if len(piece) + len(quoted) > room:
            yield piece
            piece, room = "", other
        piece += quoted
    yield piece
