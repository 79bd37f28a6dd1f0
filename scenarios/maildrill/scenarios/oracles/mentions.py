"""What the log says of a recipient beside its tries: operator, list or a held account moved it, and when."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from math import inf

from maildrill.sender.attempt import State
from maildrill.sender.log_event import LogEvent


class Mentions:
    """The events of the log that name a recipient, by kind. Infinity is a moment that never comes."""

    def __init__(self, by_kind: Mapping[str, Iterable[LogEvent]]) -> None:
        self._by_kind = by_kind
        self._of: dict[str, dict[str, list[LogEvent]]] = {}

    def run_of(self, event: LogEvent) -> int:
        """Return in which run an event was said, counted from 1 by the log."""
        return bisect_left(self._starts, event.number)

    @cached_property
    def _starts(self) -> list[int]:
        return [event.number for event in self._by_kind.get("run.started", ())]

    def left_out(self, recipient: str, since: float, until: float) -> bool:
        """Whether the list had the recipient not, at some time between the two."""
        said = self._about(recipient, "recipient.restored")
        return any(one.fields["state"] == State.SUPPRESSED.value and since <= one.at <= until for one in said)

    def requeued_after(self, recipient: str, at: float) -> float:
        """Return when an operator first requeued the recipient after `at`."""
        return min((one.at for one in self._about(recipient, "recipient.requeued") if one.at >= at), default=inf)

    def closed_after(self, recipient: str, at: float) -> float:
        """Return when the recipient first was held or expired without a try after `at`."""
        said = self._about(recipient, "recipient.held", "recipient.expired")
        return min((one.at for one in said if one.at >= at), default=inf)

    def was_tried(self, recipient: str, at: float) -> bool:
        """Whether a try for the recipient ended at `at`."""
        return any(one.at == at for one in self._about(recipient, "attempt"))

    def found(self, recipient: str) -> Iterable[LogEvent]:
        """Return what runs said of the recipient that found it otherwise than the log before them has it."""
        return self._about(recipient, "recipient.recovered", "recipient.restored")

    def _about(self, recipient: str, *kinds: str) -> Iterator[LogEvent]:
        for kind in kinds:
            yield from self._named(kind).get(recipient, ())

    def _named(self, kind: str) -> Mapping[str, list[LogEvent]]:
        if kind not in self._of:
            named: dict[str, list[LogEvent]] = defaultdict(list)
            for event in self._by_kind.get(kind, ()):
                named[str(event.fields["recipient"])].append(event)
            self._of[kind] = dict(named)
        return self._of[kind]
