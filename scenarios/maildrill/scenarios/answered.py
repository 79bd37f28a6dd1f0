"""How servers answered, as one counts it: by stage and code, and by what became of the connection with it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from maildrill.smtp import Stage


class Answered(NamedTuple):
    """One answer. code: 0 where nothing was said. half: of the reply not all was. closed: a word of journal.Closed."""

    stage: Stage
    code: int
    half: bool = False
    closed: str = ""
