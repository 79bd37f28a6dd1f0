"""How often a process that serves or sends looks for rings of objects that nothing else holds.

What is made for a command or a message is in no ring: it is let go the moment that nobody needs it. Only a connection
that is over leaves one, of ninety objects and 20 KB. All else is looked through in vain while a journal fills, or
while recipients wait.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

#: How many more objects there must be for another search: what two hundred connections leave. With five times as many a
#: message costs 1 µs less, but a connection 80 more, its objects being in no cache any more, and a search takes 0.1 s.
_OBJECTS = 20_000


@contextlib.contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for rings seldom while the block runs, and not among what is there already, such as modules."""
    before = gc.get_threshold()
    ours = not gc.get_freeze_count()  # what somebody else has frozen is theirs to thaw
    if ours:
        gc.freeze()
    gc.set_threshold(_OBJECTS, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if ours:
            gc.unfreeze()


@contextlib.contextmanager
def collecting_nothing() -> Iterator[None]:
    """Look for no rings while the block runs: it makes hardly any, and keeps nearly all else that it makes."""
    looking = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looking:
            gc.enable()
