"""What the processes of a crew, who send from one ledger in a file, know of one another.

Rule 1: as long as one of them lives nobody else gets the lease on the ledger (invariant I41), though the process that
has it, and began them, may be dead. Rule 2: they write in turn, and the system wakes who is next at once: SQLite's own
way is to sleep for a while and ask again. Rule 3: both are locks of the system's on a file beside the ledger, which no
crash leaves locked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maildrill.sender.ledger.trouble import Busy
from maildrill.smtp import ConfigurationError

_TURN, _HANDS = 0, 1  # octets of the file, of which it has none: whose turn it is; from there on, one for each process

if sys.platform != "win32":  # where no process can fork there is no crew
    import fcntl

    def _exclusive(file: int, octet: int) -> None:
        """Wait for an octet, and have it alone; whoever waits for itself is told EDEADLK."""
        fcntl.lockf(file, fcntl.LOCK_EX, 1, octet)

    def _give_back(file: int, octet: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, octet)

    def _any_locked(file: int, octet: int) -> bool:
        """Whether somebody else has an octet from here on."""
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 0, octet)
        except (BlockingIOError, PermissionError):  # POSIX allows either
            return True
        fcntl.lockf(file, fcntl.LOCK_UN, 0, octet)
        return False


class CrewFile:
    """The file, opened by process number `place` of a crew; held until it is closed, or the process ends.

    Rule: a process opens it once: closing it a second time would give back everything (POSIX, fcntl).
    Raises ConfigurationError where it cannot be opened.
    """

    def __init__(self, ledger: Path, place: int) -> None:
        path = _path(ledger)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"the crew's file cannot be opened: {error.strerror}",
                where=str(path),
                expected="a file in a folder, both of which this user may write",
                hint="check folder and permissions; where nobody is sending, the file may be removed",
            ) from None
        _exclusive(self._file, _HANDS + place)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have the ledger to oneself; the others wait meanwhile."""
        _exclusive(self._file, _TURN)
        try:
            yield
        finally:
            _give_back(self._file, _TURN)

    def close(self) -> None:
        """Say that this process has the ledger no longer."""
        os.close(self._file)


def is_crewed(ledger: Path) -> bool:
    """Whether a process of a crew has the ledger at this moment; makes no file."""
    try:
        file = os.open(_path(ledger), os.O_RDONLY)
    except OSError:  # none: no crew; and one that may not be read is no crew of ours
        return False
    try:
        return sys.platform != "win32" and _any_locked(file, _HANDS)
    finally:
        os.close(file)


def check_crew(ledger: Path) -> None:
    """Raise Busy, as for a lease that is taken, where a process of a crew has the ledger."""
    if is_crewed(ledger):
        raise Busy(
            "the process that began its crew is gone, and the others come to their end",
            hint="run again when they have: they end by themselves, each with the reply to what it has under way",
        )


def _path(ledger: Path) -> Path:
    return ledger.with_name(f"{ledger.name}-crew")
