"""What all sessions of a run share: values and call-backs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maildrill.sender.desk import Desk
from maildrill.sender.letters import Letters
from maildrill.sender.route.ways import Ways
from maildrill.smtp import Clock

if TYPE_CHECKING:
    from maildrill.sender.lane import Lane


@dataclass(frozen=True, slots=True)
class Shop:
    """What all lanes of a run share."""

    desk: Desk
    ways: Ways
    letters: Letters
    clock: Clock
    stopping: Callable[[], bool]
    crowded: Callable[[Lane], bool]  # whether a session had its turn, and somebody waits who gets its place
    number: Callable[[], int]  # the number of one more session
    unusable_fails: bool = False
