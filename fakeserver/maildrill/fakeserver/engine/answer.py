"""What rules that fire make the server do: the actions, in the order in which they are performed.

Wait, hand on, commit, capabilities, pace of reading, then the reply (or none, or half), then the end of the connection.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maildrill.fakeserver.engine.event import (
    PLAINLY,
    Action,
    Advertise,
    Close,
    Commit,
    Decision,
    Event,
    HandOn,
    Manner,
    Proceed,
    Raw,
    Say,
    Shake,
    Sip,
    Wait,
)
from maildrill.fakeserver.engine.keys import ends_message
from maildrill.fakeserver.engine.near_miss import NearMiss
from maildrill.fakeserver.language.script import Rule
from maildrill.fakeserver.language.script_words import CLOSING, Cut
from maildrill.smtp import Reply, Stage

_SILENT = {Cut.BEFORE: Close(), Cut.RST: Close(reset=True), Cut.REFUSE: Close(reset=True)}
_PLAIN = frozenset({Stage.BANNER, Stage.HELO, Stage.EHLO})  # no enhanced code here, RFC 2034 section 4


@dataclass(frozen=True, slots=True)
class Shot:
    """A rule that fires, and what it says at this event. reply: None leaves the word to the server."""

    rule: Rule
    reply: Reply | None = None
    wait: float | None = None
    caps: tuple[str, ...] = ()


def answer(
    shot: Shot | None, added: Sequence[Shot], *, ends: bool, near_misses: Sequence[NearMiss] = ()
) -> tuple[Decision, bool]:
    """Return the decision, and whether the event went through (a message: was taken; else: was not refused).

    shot: the rule that answers, None for a correct server. added: the rules that passed the event on, in the order in
    which they were asked; of a word that several say the first counts, but waits add up. ends: a message ends here.
    """
    shots = added if shot is None else (*added, shot)
    reply = None if shot is None else shot.reply
    commits = [one.rule.commit for one in shots if one.rule.commit is not None]
    taken = commits[0] if commits else _taken(shot)
    actions: list[Action] = []
    wait = sum(one.wait for one in shots if one.wait is not None)
    if any(one.wait is not None for one in shots):
        actions.append(Wait(wait))
    elsewhere = None if shot is None else shot.rule.to
    if elsewhere is not None:
        actions.append(HandOn(elsewhere))
    if ends and (commits or (shot is not None and elsewhere is None)):
        actions.append(Commit(taken))
    caps = _capabilities(shots)
    if caps:
        actions.append(Advertise(caps))
    sip = next((one.rule.sip for one in shots if one.rule.sip), None)
    if sip is not None:
        actions.append(Sip(sip.octets, sip.seconds))
    actions += _ending(None if shot is None else shot.rule, reply, _manner(shots))
    names = tuple(one.rule.name for one in added)
    name = "" if shot is None else shot.rule.name
    decision = Decision(tuple(actions), name, near_misses=near_misses, added=names)
    return decision, taken if ends else _went_through(shot)


def unmatched(event: Event, added: Sequence[Shot], near_misses: Sequence[NearMiss]) -> Decision:
    """Return what a strict script does where it has rules and none answers."""
    status = "" if event.stage in _PLAIN else "5.3.0 "
    say = Say(Reply(554, (f"{status}the script has no rule for this {event.stage}",)))
    actions = (Commit(taken=False), say) if ends_message(event) else (say,)
    names = tuple(one.rule.name for one in added)
    return Decision(actions, unmatched=True, near_misses=near_misses, added=names)


def _taken(shot: Shot | None) -> bool:
    if shot is None or shot.rule.to is not None:  # there nobody knows yet
        return True
    answered = shot.reply.positive if shot.reply is not None else shot.rule.raw is None
    return answered and shot.rule.cut not in _SILENT


def _went_through(shot: Shot | None) -> bool:
    if shot is None:
        return True
    rule = shot.rule
    if rule.cut is Cut.MID or rule.cut in _SILENT or rule.raw is not None or rule.handshake is not None:
        return False
    return shot.reply is None or shot.reply.klass < 4


def _capabilities(shots: Sequence[Shot]) -> tuple[str, ...]:
    said: dict[str, tuple[str, ...]] = {}
    for one in shots:
        mine: dict[str, tuple[str, ...]] = {}
        for change in one.caps:
            keyword = change.removeprefix("-").partition(" ")[0].upper()
            mine[keyword] = (*mine.get(keyword, ()), change)
        for keyword, changes in mine.items():
            said.setdefault(keyword, changes)
    return tuple(change for changes in said.values() for change in changes)


def _manner(shots: Sequence[Shot]) -> Manner:
    rules = [one.rule for one in shots]
    drip = next((rule.drip for rule in rules if rule.drip), None)
    tease = next((rule.tease for rule in rules if rule.tease), None)
    mangle = next((rule.mangle for rule in rules if rule.mangle), None)
    if not (drip or tease or mangle):
        return PLAINLY
    return Manner(
        None if drip is None else (drip.octets, drip.seconds),
        None if tease is None else (tease.seconds, tease.count),
        mangle,
    )


def _ending(rule: Rule | None, reply: Reply | None, manner: Manner) -> Iterator[Action]:
    """Go through what is said, and how the connection ends."""
    if rule is None:
        yield Proceed(manner=manner)
        return
    cut = rule.cut
    if cut is not None and cut in _SILENT:
        yield _SILENT[cut]
        return
    half = cut is Cut.MID
    if rule.handshake is not None:
        yield Shake(rule.handshake)
    elif rule.raw is not None:
        octets = rule.raw.octets
        yield Raw(octets[: len(octets) // 2] if half else octets, manner)
    else:
        yield Proceed(half, manner) if reply is None else Say(reply, half, manner)
    closing = reply is not None and reply.code == CLOSING and cut is not Cut.NEVER
    if half or closing or cut is Cut.AFTER:
        yield Close()
