"""Room for open files and sockets, asked for before anything begins.

Where a loop finds none, uvloop ends the process without a word, and a host that cannot be reached for want of it looks
as if it failed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice

from maildrill.smtp import MaildrillError

#: What a loop has of its own and for signals, and what look-ups and modules open for a moment.
LOOP = 16
#: What a command has beside its loop and its connections: the ledger, the logs, a script, where it listens.
BESIDE = 16
#: What joins a process of a crew to the one that begins it.
JOINT = 8

_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE})
_EXPECTED = "room for all that is open at once (`ulimit -n`)"


def is_no_room(error: OSError) -> bool:
    """Whether an error says that no more can be open at once."""
    return error.errno in _NO_ROOM


def no_room(what: str = "too many files and sockets are open at once", hint: str = "") -> MaildrillError:
    """Return the error for it."""
    return MaildrillError(what, expected=_EXPECTED, hint=hint or "have the limit raised, and ask again")


def need_descriptors(count: int, *, hint: str = "") -> None:
    """Raise MaildrillError where not so many more files and sockets can be open at once."""
    held: list[int] = []
    try:
        held.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    except OSError as error:
        if is_no_room(error):
            raise no_room(
                f"{count} more files and sockets may have to be open at once: there is no room", hint
            ) from None
        raise
    finally:
        for descriptor in held:
            with suppress(OSError):
                os.close(descriptor)


def need_for_sending(connections: int, recipients: Iterable[object], processes: int) -> None:
    """Raise MaildrillError where so many connections, but one a recipient at most, would have no room."""
    most = sum(1 for _ in islice(recipients, connections))
    joints = JOINT * processes if processes > 1 else 0
    need_descriptors(
        LOOP + BESIDE + joints + -(-most // processes),
        hint="nothing was sent. Have the limit raised, or lower [limits] connections"
        + (", or --processes" if joints else ""),
    )
