"""Invariants I20 to I23: how much the sender asks of a server, and of each destination, measured by the server.

Rule: the journal counts; ledger and log only say what was allowed, and when.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from heapq import heappop, heappush
from itertools import takewhile
from math import ceil, inf

from maildrill.scenarios.oracles.evidence import FLIGHT, Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.journaled import Asked, Connected
from maildrill.scenarios.oracles.places import District, Place, connections_at, messages_at, pace_at, recipients_at
from maildrill.sender.attempt import Verdict
from maildrill.sender.campaign import Mode
from maildrill.smtp import EnhancedStatus, Stage
from maildrill.smtp.quantity import Rate

_MANY = frozenset({"4.5.3", "5.5.3"})
_TOO_MANY = frozenset({452, 552})  # behind somebody who was accepted, and without a word on why
#: Seconds that the end of one connection may reach the server after the beginning of the next: each travels by itself.
_UNDER_WAY = 0.025


def connections(evidence: Evidence) -> Iterator[Breach]:
    """I20: how many connections were open at each instant, by the server's clock: in all, and at each destination."""
    evidence = evidence.straight
    limits = evidence.campaign.limits
    yield from _at_once(evidence, evidence.connected, limits.connections, "")
    for district in evidence.districts:
        there = (one for one in evidence.connected if one.host in district.hosts)
        most = sum(connections_at(place, limits) for place in district.places)
        yield from _at_once(evidence, there, most, f" to {district.name}")


def token_bucket(evidence: Evidence) -> Iterator[Breach]:
    """I21: buckets of our own, filled by the campaign's rates and emptied by the journal's MAIL commands."""
    limits, begun = evidence.campaign.limits, evidence.by_stage.get(Stage.MAIL, ())
    if limits.rate is not None:
        yield from _bucket(begun, limits.rate, limits.burst, "")
    for district in evidence.districts:
        rate, burst = pace_at(district.places[0], limits)
        if rate is not None and len(district.places) == 1:
            there = (asked for asked in begun if evidence.hosts.get(asked.session) in district.hosts)
            yield from _bucket(there, rate, burst, f" to {district.name}")


def sizes(evidence: Evidence) -> Iterator[Breach]:
    """I22: MAIL commands in each session, RCPT commands in each transaction, against what was set and learned."""
    limits, batch = evidence.campaign.limits, evidence.campaign.mode is Mode.BATCH
    messages = Counter([one.session for one in evidence.by_stage.get(Stage.MAIL, ())])
    for session, asked in evidence.by_session.items():
        count, begun = messages.get(session, 0), asked[0].at
        places = _places(evidence, session)
        learned = (messages_at(one, limits, _learned(evidence, one, "messages", begun)) for one in places)
        most = max(learned, default=inf)
        if count > most:
            yield Breach("", f"session {session} had {count} messages; {most:g} are allowed")
    named = Counter([(one.session, one.transaction) for one in evidence.by_stage.get(Stage.RCPT, ())])
    for session, number in [which for which, count in named.items() if count > 1]:  # one is always allowed
        count, begun = named[session, number], evidence.transactions[session, number][0].at
        places = _places(evidence, session) if batch else ()
        learned = (recipients_at(one, limits, _learned(evidence, one, "recipients", begun)) for one in places)
        most = max(learned, default=inf) if batch else 1
        if count > most:
            yield Breach("", f"transaction {number} of session {session} had {count} recipients; {most:g} are allowed")


def too_many(evidence: Evidence) -> Iterator[Breach]:
    """I23: who was one too many, by the journal, is not charged for it in the ledger, and waits for nothing.

    Where the server says nothing else all are served in as few transactions as can be.
    """
    crowded = _one_too_many(evidence)
    for asked in crowded:
        attempt = evidence.tried_at(asked.recipient, asked.at)
        if attempt is None or not attempt.counted:
            continue
        before = (one for one in evidence.attempts_of[asked.recipient] if one.ended <= attempt.started)
        if not any(one.session == attempt.session and one.verdict is Verdict.RELEASED for one in before):
            yield Breach(asked.recipient, f"was one too many ({asked.reply}), and had an attempt counted for that")
    yield from _progress(evidence, {(one.session, one.transaction) for one in crowded})


def _progress(evidence: Evidence, crowded: Collection[tuple[int, int]]) -> Iterator[Breach]:
    """I23: nobody waits, and transactions are few, where nothing else keeps anybody from being served."""
    if not crowded or evidence.severed or evidence.paced or len(evidence.districts) != 1 or not _all_well(evidence):
        return
    if any(attempt.counted and attempt.verdict is Verdict.DEFERRED for attempt in evidence.attempts):
        return  # one too many for the second time waits as anybody else does
    accepted = [sum(_is_accepted(one) for one in evidence.transactions[which]) for which in crowded]
    most = min(*accepted, *(recipients_at(one, evidence.campaign.limits) for one in evidence.districts[0].places))
    # each connection that is open when the limit is learned may have found it out by itself
    bound = ceil(len(evidence.asked_for) / most) + evidence.campaign.limits.connections
    if len(evidence.transactions) > bound:
        yield Breach("", f"{len(evidence.transactions)} transactions began; {bound} would do for {most:g} at a time")
    for event in evidence.by_kind.get("run.waited", ()):
        waited = float(str(event.fields["until"])) - event.at
        if waited > 1.0:
            yield Breach("", f"waited {waited:g}s for recipients that were too many for a transaction")
            return


def _all_well(evidence: Evidence) -> bool:
    """Whether the server took everything but recipients that were too many."""
    return evidence.campaign.mode is Mode.BATCH and all(
        one.reply is not None and (one.reply.klass < 4 or _is_one_too_many(evidence, one))
        for one in evidence.asked
        if one.stage is not Stage.QUIT
    )


def _one_too_many(evidence: Evidence) -> list[Asked]:
    """Return the RCPT commands of whoever was one too many."""
    rcpts = evidence.by_stage.get(Stage.RCPT, ())
    refused = [one for one in rcpts if one.reply is not None and one.reply.klass > 3]
    return [one for one in refused if _is_one_too_many(evidence, one)]


def _is_one_too_many(evidence: Evidence, asked: Asked) -> bool:
    reply = asked.reply
    if asked.stage is not Stage.RCPT or reply is None or asked.session in evidence.severed:
        return False
    status = EnhancedStatus.leading(reply.text)
    if status is not None:
        return str(status) in _MANY and _has_company(evidence, asked)
    together = evidence.transactions.get((asked.session, asked.transaction), ())
    return reply.code in _TOO_MANY and any(map(_is_accepted, takewhile(lambda one: one != asked, together)))


def _is_accepted(asked: Asked) -> bool:
    return asked.stage is Stage.RCPT and asked.reply is not None and asked.reply.positive


def _at_once(evidence: Evidence, opened: Iterable[Connected], most: float, where: str) -> Iterator[Breach]:
    there = list[tuple[float, float]]()  # end and beginning of those that are open
    for one in opened:
        while there and there[0][0] < one.opened + _UNDER_WAY:
            heappop(there)
        end = evidence.end_of(one)
        # whoever is gone by then may have been first, and overtaken on the way
        count = 1 + sum([begun + _UNDER_WAY <= end for _, begun in there])
        heappush(there, (end, one.opened))
        if count > most:
            yield Breach("", f"{count} connections{where} were open at once; {most:g} are allowed")
            return


def _bucket(begun: Iterable[Asked], rate: Rate, burst: int, where: str) -> Iterator[Breach]:
    interval = rate.seconds / rate.count
    full = -inf  # when a bucket from which nothing more is taken will be full
    for asked in begun:
        full = max(full, asked.at) + interval
        if full - asked.at > burst * interval + 1.0:  # octets take their time, one second at most
            yield Breach("", f"session {asked.session} began a message{where} sooner than the rate of {rate} lets it")
            return


def _places(evidence: Evidence, session: int) -> tuple[Place, ...]:
    """Return which destinations a session may have been for."""
    host = evidence.hosts.get(session)
    near: Iterable[District] = (one for one in evidence.districts if host in one.hosts)
    return tuple(place for district in near for place in district.places)


def _learned(evidence: Evidence, place: Place, limit: str, before: float) -> float:
    """Return what a destination had taught of a limit when something began."""
    lessons = (one for one in evidence.by_kind.get("limit.learned", ()) if one.fields["limit"] == limit)
    own = (one for one in lessons if one.fields["relay"] in (place.label, place.relay) and one.at + FLIGHT < before)
    return min((float(str(one.fields["value"])) for one in own), default=inf)


def _has_company(evidence: Evidence, asked: Asked) -> bool:
    """Whether somebody else was accepted in the same transaction."""
    return any(map(_is_accepted, evidence.transactions.get((asked.session, asked.transaction), ())))


LIMITS = (
    Invariant(
        20,
        "connections",
        "At no instant are more connections open, in all or to a destination, than the campaign allows.",
        "RFC 5321 section 4.5.4.1",
        connections,
        (Witness.JOURNAL, Witness.LIST),
    ),
    Invariant(
        21,
        "token bucket",
        "In every span of time no more messages begin, in all or at a destination, than burst and rate let begin.",
        "maildrill",
        token_bucket,
        (Witness.JOURNAL, Witness.LIST),
    ),
    Invariant(
        22,
        "sizes",
        "No session has more messages, and no transaction more recipients, than is set or was learned.",
        "RFC 5321 section 4.5.3.1.8",
        sizes,
        (Witness.JOURNAL, Witness.LIST, Witness.LOG),
    ),
    Invariant(
        23,
        "too many is no refusal",
        "Who is one recipient too many goes into another transaction at once, no attempt is counted, and they are few.",
        "RFC 5321 section 4.5.3.1.10",
        too_many,
        (Witness.JOURNAL, Witness.LEDGER),
    ),
)
