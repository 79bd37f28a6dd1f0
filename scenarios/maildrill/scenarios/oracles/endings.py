"""Invariant I60: a campaign comes to an end.

What has no end is never seen whole: a drill is broken off where more has happened than any sender needs.
"""

from __future__ import annotations

from collections.abc import Iterator

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.sender.attempt import TERMINAL
from maildrill.sender.summary import Spot


def comes_to_an_end(evidence: Evidence) -> Iterator[Breach]:
    """I60: whether the drill was broken off; told of who waits and was named most often."""
    if evidence.endless:
        yield Breach(
            max(
                (one.address for one in evidence.recipients if one.state not in TERMINAL),
                key=lambda address: len(evidence.asked_for.get(address, ())),
                default="",
            ),
            evidence.endless,
            Spot(max([event.at for event in evidence.events], default=0.0)),
        )


ENDINGS = (
    Invariant(
        60,
        "an end",
        "A campaign comes to an end: nobody is asked for for ever, and no run goes on when nothing comes of it.",
        "RFC 5321 section 4.5.4.1",
        comes_to_an_end,
        (Witness.LOG, Witness.JOURNAL, Witness.LEDGER),
    ),
)
