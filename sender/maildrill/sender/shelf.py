"""Octets that are made once and read by many messages: a few in memory, more of them in a file of our own."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

from maildrill.sender.octets import BLOCK, Piece
from maildrill.smtp import ConfigurationError


class Filed:
    """Octets in a file that nobody else has: it has no name, and is gone with the last message that needs it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size
        weakref.finalize(self, file.close)

    def read(self, start: int, stop: int) -> bytes:
        """Return the octets from `start` up to `stop`."""
        self._file.seek(start)
        return self._file.read(stop - start)


def kept(blocks: Iterable[bytes]) -> Piece:
    """Return octets as a piece of a message. Raises ConfigurationError where the disk has no room for them."""
    coming = iter(blocks)
    first = bytearray()
    for block in coming:
        first += block
        if len(first) > BLOCK:
            return _filed(first, coming)
    return bytes(first)


def _filed(first: bytearray, rest: Iterable[bytes]) -> Filed:
    file = None
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the messages
        size = file.write(first)
        for block in rest:
            size += file.write(block)
        file.flush()
    except BaseException as error:
        if file is not None:
            with suppress(OSError):  # what it still holds finds no room either
                file.close()
        if not isinstance(error, OSError):
            raise
        raise ConfigurationError(
            f"cannot keep an attachment: {error.strerror}",
            where=tempfile.gettempdir(),
            hint="make room there, or name another folder with TMPDIR",
        ) from None
    return Filed(file, size)
