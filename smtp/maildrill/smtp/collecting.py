"""How often a process that serves or sends looks for rings of objects that nothing else holds.

What is made for a command, a message or a connection is in no ring of ours: it is let go the moment that nobody needs
it. Of a connection over a real socket asyncio leaves one, of seven objects. All else is looked through in vain while a
journal fills, or while recipients wait.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

#: How many more objects there must be for another search. With 25 times as many a search takes 0.2 s, in which nobody
#: is served; in a drill nobody waits.
_OBJECTS, _OF_A_DRILL = 20_000, 500_000


@contextlib.contextmanager
def collecting_seldom(*, drill: bool = False) -> Iterator[None]:
    """Look for rings seldom while the block runs, and not among what is there already, such as modules.

    drill: it is one, in virtual time.
    """
    before = gc.get_threshold()
    ours = not gc.get_freeze_count()  # what somebody else has frozen is theirs to thaw
    if ours:
        gc.freeze()
    gc.set_threshold(_OF_A_DRILL if drill else _OBJECTS, 10, 10)
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
