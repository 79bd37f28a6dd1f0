"""What a kind of event in the log is, and a field of it. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its JSON type, what it means, and whether it may be missing (never null)."""

    name: str
    type: str
    meaning: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event. crucial: without it a crash would leave the log behind what the wire saw."""

    name: str
    meaning: str
    fields: tuple[Field, ...]
    crucial: bool = False
