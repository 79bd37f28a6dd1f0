"""Hypothesis strategies for all that a rehearsal depends on: plural nouns, each shrinking to what is usual.

Beside `proving.search`, which draws from it, the only package of maildrill that imports hypothesis.
"""

from maildrill.scenarios.strategies.features import ASPECTS, EVERYTHING, some
from maildrill.scenarios.strategies.happening import clock_jumps, crash_points, events, networks
from maildrill.scenarios.strategies.playing import scenarios
from maildrill.scenarios.strategies.ruling import rules, scripts
from maildrill.scenarios.strategies.saying import replies
from maildrill.scenarios.strategies.sending import LISTS, campaigns, lists
from maildrill.scenarios.strategies.serving import SERVERS, outages, servers

__all__ = [
    "ASPECTS",
    "EVERYTHING",
    "LISTS",
    "SERVERS",
    "campaigns",
    "clock_jumps",
    "crash_points",
    "events",
    "lists",
    "networks",
    "outages",
    "replies",
    "rules",
    "scenarios",
    "scripts",
    "servers",
    "some",
]
