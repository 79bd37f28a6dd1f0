"""One event of the log, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from maildrill.smtp.quickly import quickly


@quickly
@dataclass(frozen=True, slots=True)
class LogEvent:
    """What happened: number in its log, Unix seconds, a kind of `log_schema.KINDS`, and that kind's fields."""

    number: int
    at: float
    kind: str
    fields: Mapping[str, object]
