"""A message as pieces: what is a recipient's own, and what all messages share and nobody holds twice. Pure.

Rule 1: nothing joins the pieces on the way to the wire; who needs all octets at once asks for `whole`. Rule 2: every
piece has CRLF at its line ends and no other CR or LF (RFC 5321 section 2.3.8), so that they may be joined anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

from maildrill.sender.wire import normal
from maildrill.smtp.quickly import maker, quickly

#: Octets that are handed on at once.
BLOCK = 65536

_set = object.__setattr__


class Shared(Protocol):
    """Octets that many messages have in common; 7-bit, and not necessarily in memory."""

    @property
    def size(self) -> int:
        """How many they are."""
        ...

    def read(self, start: int, stop: int) -> bytes:
        """Return those from `start` up to `stop`."""
        ...


Piece = bytes | Shared


@quickly
@dataclass(frozen=True, slots=True)
class Content:
    """The octets of a message, not dot-stuffed, in pieces that are as they must be (see rule 2); 7-bit or not.

    size: of all of them. own: of those that no other message shares.
    """

    pieces: tuple[Piece, ...]
    size: int = field(init=False)
    own: int = field(init=False)
    ascii: bool = field(init=False)
    #: The one piece, where it is the message's own, as in most messages.
    _only: bytes | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        (only,) = self.pieces if len(self.pieces) == 1 else (None,)
        only = only if isinstance(only, bytes) else None
        _set(self, "_only", only)
        if only is not None:
            own, shared, plain = len(only), 0, only.isascii()
        else:
            mine = [piece for piece in self.pieces if isinstance(piece, bytes)]
            own, plain = sum(map(len, mine)), all(map(bytes.isascii, mine))  # what is shared is base64
            shared = sum([piece.size for piece in self.pieces if not isinstance(piece, bytes)])
        _set(self, "own", own)
        _set(self, "size", own + shared)
        _set(self, "ascii", plain)

    @classmethod
    def of(cls, octets: bytes) -> Content:
        """Return any octets as a message, with CRLF at all line ends."""
        return cls((normal(octets),))

    @staticmethod
    def joined(pieces: Iterable[Piece]) -> Content:
        """Return pieces as a message, those in memory that stand side by side as one."""
        pieces = [*pieces]
        try:
            whole = b"".join(pieces)  # type: ignore[arg-type]
        except TypeError:  # some are shared
            return _content(tuple(piece for piece in _beside(pieces) if piece))
        return _content((whole,) if whole else ())

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the octets from `start` up to `stop` (None: the end), some at a time, none of them empty."""
        only = self._only
        if only is not None and 0 < len(only) <= BLOCK and not start and stop is None:
            yield only
            return
        rest = self.size if stop is None else min(stop, self.size)
        offset = 0  # of the piece in the message
        for piece in self.pieces:
            length = len(piece) if isinstance(piece, bytes) else piece.size
            first, last = max(start - offset, 0), min(rest - offset, length)
            for at in range(first, last, BLOCK):
                until = min(at + BLOCK, last)
                yield piece[at:until] if isinstance(piece, bytes) else piece.read(at, until)
            offset += length

    def digest(self) -> str:
        """Return the hash of all octets, as log and ledger have it."""
        only = self._only
        found = blake2b(only or b"", digest_size=16)
        for block in self.blocks() if only is None else ():
            found.update(block)
        return found.hexdigest()

    def whole(self) -> bytes:
        """Return all octets at once: for people and tests."""
        only = self._only
        return b"".join(self.blocks()) if only is None else only

    def outline(self) -> bytes:
        """Return a message of the same parts, without the octets that are shared."""
        return b"".join(piece for piece in self.pieces if isinstance(piece, bytes))


_content = maker(Content)


def _beside(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield pieces, those in memory that stand side by side as one."""
    beside: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            beside.append(piece)
            continue
        yield b"".join(beside)
        yield piece
        beside.clear()
    yield b"".join(beside)
