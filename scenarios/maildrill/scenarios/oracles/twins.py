"""Invariants I28 to I31, I44, I45, I47 and I48: two drills that differ in one thing, and must not differ in another.

`pairs` makes the second drill. Rule: a pair is judged by what both say of the recipients that both have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.smtp.quantity import format_duration

#: So long (seconds) may somebody wait for a session that makes room (invariant I45).
QUANTUM = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two drills: `left` as it was planned, `right` with one thing changed."""

    left: Evidence
    right: Evidence


def same_ends(pair: Pair) -> Iterator[Breach]:
    """Every recipient of both drills ends in the same state."""
    for address, state in pair.left.states.items():
        other = pair.right.states.get(address, state)
        if other is not state:
            yield Breach(address, f"is {state} in one drill and {other} in the other")


def same_rulings(pair: Pair) -> Iterator[Breach]:
    """I29: besides, every try is ruled alike."""
    yield from same_ends(pair)
    for address, attempts in pair.left.attempts_of.items():
        one, other = ([try_.verdict.value for try_ in tries] for tries in (attempts, pair.right.attempts_of[address]))
        if one != other:
            yield Breach(address, f"was ruled {' '.join(one)} in one drill and {' '.join(other)} in the other")


def others_do_not_wait(pair: Pair) -> Iterator[Breach]:
    """I45: left has a destination that is dead, right has not; the others end hardly later for that."""
    for address, attempts in pair.right.attempts_of.items():
        tries = pair.left.attempts_of.get(address, ())
        if (
            not tries
            or tries[-1].account != attempts[-1].account
            or pair.left.states[address] is not attempts[-1].state
        ):
            continue
        late = tries[-1].ended - attempts[-1].ended
        if late > QUANTUM:
            yield Breach(address, f"ended {format_duration(late)} later because another destination was dead")


def same_log(pair: Pair) -> Iterator[Breach]:
    """I48: the two logs are equal, event by event."""
    for one, other in zip(pair.left.events, pair.right.events, strict=False):
        if one != other:
            yield Breach("", f"event {one.number} differs: {one.kind} at {one.at:g}, {other.kind} at {other.at:g}")
            return
    lengths = len(pair.left.events), len(pair.right.events)
    if lengths[0] != lengths[1]:
        yield Breach("", f"one log has {lengths[0]} events, the other {lengths[1]}")


_BOTH = (Witness.TWIN, Witness.LEDGER)

TWINS: tuple[Invariant[Pair], ...] = (
    Invariant(
        28,
        "first digit",
        "Another code with the same first digit, none of the special ones, changes nobody's end.",
        "RFC 5321 section 4.2.1",
        same_ends,
        _BOTH,
    ),
    Invariant(
        29,
        "text blindness",
        "Another text behind the same codes changes no ruling.",
        "RFC 5321 section 4.2",
        same_rulings,
        _BOTH,
    ),
    Invariant(
        30,
        "framing",
        "However the server's octets are cut into packets, everybody ends the same.",
        "RFC 5321 section 4.2.1",
        same_ends,
        _BOTH,
    ),
    Invariant(
        31,
        "pipelining",
        "With commands in groups or one by one, everybody ends the same.",
        "RFC 2920 section 3.1",
        same_ends,
        _BOTH,
    ),
    Invariant(
        44,
        "recipient isolation",
        "Without somebody in the list, everybody else ends the same.",
        "RFC 5321 section 3.3",
        same_ends,
        _BOTH,
    ),
    Invariant(
        45,
        "destination isolation",
        "A dead destination keeps no recipient of another one waiting.",
        "RFC 5321 section 4.5.4.1",
        others_do_not_wait,
        _BOTH,
    ),
    Invariant(
        47,
        "configuration neutrality",
        "Whatever the number of sessions and the size of batches, everybody ends the same.",
        "maildrill",
        same_ends,
        _BOTH,
    ),
    Invariant(
        48,
        "determinism",
        "The same campaign, script and seed give the same log, event by event.",
        "maildrill",
        same_log,
        (Witness.TWIN, Witness.LOG),
    ),
)
