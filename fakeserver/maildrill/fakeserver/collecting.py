"""How often a process that serves looks for rings of objects that nothing else holds.

What is made for a command or a message is in no ring: it is let go the moment that nobody needs it. Only a connection
that is over leaves one, of ninety objects and 20 KB. All else is looked through in vain, and while a journal fills that
takes a tenth of the time.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

#: How many more objects there must be for another search: as many as a thousand connections leave.
_OBJECTS = 100_000


@contextlib.contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for rings seldom while the block runs, and not among what is there already, such as modules."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
