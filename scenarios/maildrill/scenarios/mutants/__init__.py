"""Seeded defects: what each oracle was seen to catch."""

from __future__ import annotations

from maildrill.scenarios.mutants.lies import LIES, Lie
from maildrill.scenarios.mutants.lies_of_caution import CAUTION
from maildrill.scenarios.mutants.lies_of_pace import PACE
from maildrill.scenarios.mutants.lies_of_places import PLACES
from maildrill.scenarios.mutants.lies_of_record import RECORD
from maildrill.scenarios.mutants.lies_of_wording import WORDING

#: Each lie with the number of the invariant that it breaks; none changes more than one thing.
ALL_LIES: tuple[tuple[int, Lie], ...] = (*LIES, *PACE, *PLACES, *RECORD, *WORDING, *CAUTION)

__all__ = ["ALL_LIES", "Lie"]
