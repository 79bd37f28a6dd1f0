"""Flush a ledger's -wal: here, or in a process beside us while the sender goes on.

Rule 1: what a flush that ended well covers is all that was written before it began. Rule 2: without the process (there
can be none, or it was killed) everything is flushed here: slower, and as safe. Rule 3: we and the process have opened
the file apart: Linux tells of a failed flush once for each opening, and takes the pages for written from then on.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from maildrill.sender.ledger import flushing
from maildrill.sender.ledger.group import Told
from maildrill.sender.ledger.trouble import not_flushed

_PROGRAM = str(Path(__file__).with_name("flushing.py"))
_ASK = b"f"


@dataclass(slots=True, eq=False)
class Beside:
    """Somebody who flushes for us: asked with an octet, answers with the errno, or 0."""

    channel: socket.socket
    process: subprocess.Popen[bytes] | None = None

    def leave(self) -> None:
        """Be asked no more; nobody is left behind."""
        self.channel.close()
        if self.process is not None:
            self.process.kill()  # whatever it does: nobody waits for it
            self.process.wait()


# Why a process: a thread that comes back from the disk has to get the interpreter from one that is busy. Why a new
# program, not a fork: with threads about (look-ups of names have some) only that is safe, it inherits nothing, and it
# is there in 10 ms, 1 of them ours; after a fork each page that we write has to be copied. Why no session of its own,
# only a group: where Linux schedules by sessions (autogroup), on a busy machine each flush took half as long again.
def begin_process(file: int) -> Beside | None:
    """Begin a process that flushes this descriptor's file; None where there can be none."""
    if os.name != "posix" or not sys.executable:
        return None
    try:
        ours, theirs = socket.socketpair()
    except OSError:
        return None
    ours.settimeout(0)
    with theirs:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-S", _PROGRAM, str(file)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(file,),
                process_group=0,  # Ctrl-C is for us
            )
        except OSError:
            ours.close()
            return None
    return Beside(ours, process)


class Flusher:
    """Flushes a file that is there; name: what errors call it. Raises OSError where it cannot be opened.

    start: begins whoever flushes beside us, when that is first asked for.
    """

    def __init__(self, file: Path, name: str, start: Callable[[int], Beside | None] = begin_process) -> None:
        self._name = name
        self._start: Callable[[int], Beside | None] | None = start
        self._beside: Beside | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # that listens for answers
        self._told: Told | None = None
        # closing a file costs SQLite its locks on it, but it has none on the -wal
        with ExitStack() as opened:
            self._file, self._theirs = (opened.enter_context(file.open("r+b", buffering=0)) for _ in range(2))
            opened.pop_all()

    def flush(self) -> Exception | None:
        """Flush here; return what went wrong."""
        code = flushing.flush(self._file.fileno())
        return None if code == flushing.DONE else not_flushed(self._name, code)

    def begin(self, loop: asyncio.AbstractEventLoop, told: Told) -> None:
        """Begin to flush, and call `told` in `loop` when that has ended; at once where there is nobody beside us."""
        if self._start is not None:
            self._beside, self._start = self._start(self._theirs.fileno()), None
        if not self._ask(loop):
            told(self.flush())
            return
        self._told = told

    def close(self) -> None:
        """Let go of the file and of the process."""
        self._alone()
        self._file.close()
        self._theirs.close()

    def _ask(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Ask for a flush, the answer to be heard in `loop`; return whether there is anybody to be asked."""
        if self._beside is None:
            return False
        try:
            if loop is not self._loop:
                self._deaf()
                loop.add_reader(self._beside.channel.fileno(), self._heard, self._beside.channel)
                self._loop = loop
            self._beside.channel.send(_ASK)
        except (OSError, NotImplementedError):  # it was killed; or a loop that cannot listen
            self._alone()
            return False
        return True

    def _heard(self, channel: socket.socket) -> None:
        """There is an answer, or the process is gone."""
        try:
            answer = channel.recv(1)
        except OSError:
            answer = b""
        told, self._told = self._told, None
        if not answer:
            self._alone()
        if told is not None:
            told(self._meaning(answer))

    def _meaning(self, answer: bytes) -> Exception | None:
        if not answer:  # nobody knows whether it has flushed
            return self.flush()
        return None if answer[0] == flushing.DONE else not_flushed(self._name, answer[0])

    def _alone(self) -> None:
        """Go on without anybody beside us."""
        self._deaf()
        if self._beside is not None:
            self._beside.leave()
        self._beside = self._start = None

    def _deaf(self) -> None:
        if self._loop is not None and self._beside is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._beside.channel.fileno())
        self._loop = None
