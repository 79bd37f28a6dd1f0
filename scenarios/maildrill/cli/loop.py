"""The event loop of commands that talk to the world: uvloop's, which is faster, where it is installed."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec


def has_fast_loop() -> bool:
    """Whether uvloop is installed."""
    return find_spec("uvloop") is not None


def fast_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop of uvloop's. Raises ImportError where that is not installed."""
    import uvloop  # noqa: PLC0415 - only where it is wanted

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def best_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop, the fastest that there is."""
    return fast_loop() if has_fast_loop() else asyncio.new_event_loop()
