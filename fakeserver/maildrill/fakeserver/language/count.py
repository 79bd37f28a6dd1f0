"""How many: `2`, `2-3`, `3-`, `<3`, `<=3`, `>3`, `>=3`; none is a number too. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

COUNT_WORDS = 'how many: 2, "2-3", "3-", "<3" or ">=3"'
_SPAN = re.compile(r"(\d{1,9})(?:\s*(-)\s*(\d{1,9})?)?", re.ASCII)
_COMPARED = re.compile(r"([<>]=?)\s*(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Count:
    """How many there must be; raises ValueError with what was expected."""

    text: str
    least: int = field(init=False, compare=False, repr=False)
    most: float = field(init=False, compare=False, repr=False)  # both ends are part of it

    def __post_init__(self) -> None:
        text = self.text.strip()
        span, compared = _SPAN.fullmatch(text), _COMPARED.fullmatch(text)
        if span is not None:
            least = int(span[1])
            most = int(span[3]) if span[3] else math.inf if span[2] else least
        elif compared is not None:
            number = int(compared[2]) + {"<": -1, ">": 1}.get(compared[1], 0)
            least, most = (0, number) if compared[1].startswith("<") else (number, math.inf)
        else:
            raise ValueError(COUNT_WORDS)
        if most < least:
            raise ValueError(COUNT_WORDS)
        object.__setattr__(self, "least", least)
        object.__setattr__(self, "most", most)

    def __contains__(self, number: float) -> bool:
        return self.least <= number <= self.most
