"""The event loop of commands that talk to the world: uvloop's, which is faster, where it is installed.

Rule: none is made where the files that it opens have no room; uvloop would end the process.
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

from maildrill.cli.descriptors import LOOP, need_descriptors


def has_fast_loop() -> bool:
    """Whether uvloop is installed."""
    return find_spec("uvloop") is not None


def fast_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop of uvloop's. Raises ImportError where that is not installed, MaildrillError without room."""
    need_descriptors(LOOP)
    import uvloop  # noqa: PLC0415 - only where it is wanted

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def best_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop, the fastest that there is. Raises MaildrillError where it has no room for what it opens."""
    need_descriptors(LOOP)
    return fast_loop() if has_fast_loop() else asyncio.new_event_loop()
