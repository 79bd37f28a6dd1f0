"""A world in one event loop: virtual time, an in-memory network, both sides of SMTP unmodified.

`run_world(main)` is the door. Waiting costs nothing: when nothing is ready the clock jumps to the next event.
Rule: one seed gives one order of events, on every Python.
"""

from __future__ import annotations

from maildrill.scenarios.world.clock import EPOCH, VirtualClock
from maildrill.scenarios.world.network import Network
from maildrill.scenarios.world.run import DEFAULT, World, run_world
from maildrill.scenarios.world.trouble import Deadlock, Livelock, Refused, Unhandled

__all__ = [
    "DEFAULT",
    "EPOCH",
    "Deadlock",
    "Livelock",
    "Network",
    "Refused",
    "Unhandled",
    "VirtualClock",
    "World",
    "run_world",
]
