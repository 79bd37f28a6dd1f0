"""A lot as a value: which share of the draws a rule is for. Who has drawn what is engine.lots'. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lot:
    """What a rule needs to have been drawn: a share from `low` up to `high` (not included) of all that can be drawn.

    urn: what is drawn in; rules with the same urn and other shares exclude one another. by_session: each session
    draws, else each attempt at a recipient does. text: how a near miss says it.
    """

    urn: str
    low: float
    high: float
    by_session: bool
    text: str
