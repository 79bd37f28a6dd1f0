"""Invariants I38, I39 and I43: one campaign in several runs, of which some crashed and some were asked to stop.

Whoever explores crashes makes `Lives`. What holds of every drill is checked on `whole`, by `judge_drill`; here stands
what needs to know where one process ended and the next began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.setbacks import Straight
from maildrill.sender.attempt import State
from maildrill.sender.ending import Ending

#: What a run may not end with where somebody is left, and where nobody is; a pause is one with or without them.
_NOTHING_LEFT = frozenset({Ending.DONE, Ending.FAILED})
_SOMETHING_LEFT = frozenset({Ending.LEFTOVERS, Ending.AUTHENTICATION})
#: The row by which a later run rules an intent without an outcome.
_RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One process. Times are Unix seconds.

    number: of its run in the ledger. intents: the recipients whose intent had no outcome in the ledger's file when it
    ended. waiting: how many nobody was done with then. crashed: it was killed. stopped_at: when it was asked to stop.
    ending: what its exit status said; None after a crash.
    """

    number: int
    began: float
    ended: float
    crashed: bool = False
    intents: frozenset[str] = frozenset()
    waiting: int = 0
    stopped_at: float | None = None
    ending: Ending | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """A ledger or log whose tail was torn off after so many octets: the states it tells, or the error that it gave."""

    octets: int
    states: Mapping[str, State]
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """All runs of a campaign in order; whole: the ledger at the end, all logs as one, the server's journal."""

    lives: tuple[Life, ...]
    whole: Evidence
    torn: tuple[Torn, ...] = ()


def crash_anywhere(lives: Lives) -> Iterator[Breach]:
    """I38: what later runs called in doubt is what the file had as intents without outcome; and no dot had less."""
    for life in lives.lives:
        tries = [attempt for attempt in lives.whole.attempts if attempt.run == life.number]
        doubted = {attempt.recipient for attempt in tries if attempt.row == _RECOVERED}
        for address in sorted(doubted - life.intents):
            yield Breach(address, f"was called in doubt after run {life.number}, and there was no intent for it")
        for address in sorted(life.intents - doubted):
            yield Breach(address, f"had an intent without outcome when run {life.number} ended, and nobody doubted it")
        known = life.intents | {attempt.recipient for attempt in tries}
        moved = Straight(lives.whole.setbacks).of_run(life.number)
        for taken in lives.whole.straight.taken if life.crashed else ():
            unknown = [address for address in taken.recipients if address not in known]
            if unknown and life.began <= taken.at - moved <= life.ended:
                yield Breach(
                    unknown[0], f"had its final dot sent in run {life.number}, and the ledger knows nothing of it"
                )


def torn_tail(lives: Lives) -> Iterator[Breach]:
    """I39: what a torn file tells is something that once was true: no error, and nothing ahead of the wire."""
    final = lives.whole.states
    for torn in lives.torn:
        if torn.error:
            yield Breach("", f"torn after {torn.octets} octets it cannot be read: {torn.error}")
        for address, state in torn.states.items():
            taken = lives.whole.taken_for.get(address, ())
            if address not in final:
                yield Breach(address, f"is known to the file torn after {torn.octets} octets, and to nobody else")
            elif state is State.DELIVERED and not any(one.acknowledged for one in taken):
                yield Breach(address, f"is delivered by the file torn after {torn.octets} octets, ahead of the wire")


def graceful_stop(lives: Lives) -> Iterator[Breach]:
    """I43: a run that was asked to stop leaves no intent behind, and its exit code tells what is left."""
    for life in lives.lives:
        if life.crashed:
            continue
        for address in sorted(life.intents):
            yield Breach(address, f"was left in doubt by run {life.number}, which was only asked to stop")
        if life.ending in (_NOTHING_LEFT if life.waiting else _SOMETHING_LEFT):
            left = f"{life.waiting} recipients were left" if life.waiting else "nobody was left"
            yield Breach("", f"run {life.number} ended with {life.ending:d}, and {left}")


RUNS: tuple[Invariant[Lives], ...] = (
    Invariant(
        38,
        "crash anywhere",
        "Wherever a run is killed, those in doubt afterwards are exactly the intents without an outcome.",
        "RFC 1047",
        crash_anywhere,
        (Witness.RUNS, Witness.LEDGER, Witness.JOURNAL),
    ),
    Invariant(
        39,
        "torn tail",
        "A file torn at any octet tells a state that once was true, never an error, never more than the wire saw.",
        "maildrill",
        torn_tail,
        (Witness.RUNS, Witness.LEDGER, Witness.JOURNAL),
    ),
    Invariant(
        43,
        "graceful stop",
        "A run that is asked to stop waits for every reply to a final dot; its exit code tells what is left.",
        "RFC 5321 section 4.5.3.2.6",
        graceful_stop,
        (Witness.RUNS, Witness.LEDGER),
    ),
)
