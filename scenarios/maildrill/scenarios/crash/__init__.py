"""A sender that dies: at every write of its ledger, and at every moment when octets land on either side.

`death` when, and what is left then · `explore` all deaths of a drill, one world for each · `judge` what must hold
afterwards, by what was on the disk, what the ledger says in the end, and what the server saw.
"""

from maildrill.scenarios.crash.explore import Explored, deaths_of, die_at, spread
from maildrill.scenarios.crash.judge import judge
from maildrill.scenarios.death import Point

__all__ = ["Explored", "Point", "deaths_of", "die_at", "judge", "spread"]
