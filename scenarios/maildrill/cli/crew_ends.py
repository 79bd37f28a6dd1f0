"""What joins a process of a crew to the one that began it: words both ways, and its two logs one way."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import BinaryIO

_BUFFER = 1 << 18  # octets
_PIPE = 1 << 20  # octets

if sys.platform == "linux":
    import fcntl


@dataclass(frozen=True, slots=True)
class HandEnd:
    """A hand's end. events, text: descriptors that its logs are written to."""

    words: Connection
    events: int
    text: int

    def files(self) -> tuple[BinaryIO, BinaryIO]:
        """Return both as files."""
        return os.fdopen(self.events, "wb", _BUFFER), os.fdopen(self.text, "wb", _BUFFER)

    def close(self) -> None:
        """Let go of all."""
        self.words.close()
        os.close(self.events)
        os.close(self.text)


@dataclass(frozen=True, slots=True)
class CrewEnd:
    """The end of whoever began the hand. events, text: descriptors that its logs are read from."""

    words: Connection
    events: int
    text: int

    def close(self) -> None:
        """Let go of all."""
        self.words.close()
        os.close(self.events)
        os.close(self.text)


def new_ends() -> tuple[CrewEnd, HandEnd]:
    """Return both ends of a new hand's."""
    ours, theirs = Pipe()
    events, events_in = _wide_pipe()
    text, text_in = _wide_pipe()
    return CrewEnd(ours, events, text), HandEnd(theirs, events_in, text_in)


def _wide_pipe() -> tuple[int, int]:
    """Return a pipe that holds much, so that who reads from it may do so seldom."""
    out, into = os.pipe()
    if sys.platform == "linux":
        with suppress(OSError):  # beyond what this user may have
            fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, _PIPE)
    return out, into


def keep(own: HandEnd, ends: Iterable[tuple[CrewEnd, HandEnd]]) -> None:
    """Let go of what a fork has brought along, all but our own end: else nobody would notice that the other is gone."""
    for ours, theirs in ends:
        ours.close()
        if theirs is not own:
            theirs.close()


class Lines:
    """Whole lines out of octets as they come; what a dead process tore off is never one."""

    def __init__(self) -> None:
        self._rest = b""

    def whole(self, octets: bytes) -> bytes:
        """Return the lines that are whole now."""
        lines, end, rest = (self._rest + octets).rpartition(b"\n")
        self._rest = rest
        return lines + end
