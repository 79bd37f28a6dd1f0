"""Invariants I16 and I17: whoever refuses us is left alone, by the server's count of connections.

Rule: the journal counts, for each destination; the log only says when a cool-down begins. The numbers of a journal's
sessions are not the sender's: one that says EHLO and then HELO connects twice.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import chain, pairwise
from math import inf
from operator import attrgetter

from maildrill.scenarios.oracles.evidence import FLIGHT, Evidence
from maildrill.scenarios.oracles.grouping import grouped
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.journaled import Asked, Connected
from maildrill.scenarios.oracles.retrying import GRAIN
from maildrill.sender.log_event import LogEvent
from maildrill.sender.pacing.breaker import FIRST_COOL_DOWN, Breaker
from maildrill.smtp import Stage
from maildrill.smtp.quantity import format_duration

_ASKS = frozenset({Stage.RCPT, Stage.DATA, Stage.BDAT, Stage.BODY, Stage.DOT})


def storm_bound(evidence: Evidence) -> Iterator[Breach]:
    """I16: count the connections in which nothing came of anything, in every window as long as the first cool-down.

    At each host, and at all together. Each host's count from when somebody was last served there: whoever serves now
    and then is not left alone, and excuses nobody else. Each run has so many: a new process knows nothing of the old
    one's failures.
    """
    evidence = evidence.straight
    starts = sorted(event.at for event in evidence.by_kind.get("run.started", ()))
    useful = {session for session, asked in evidence.by_session.items() if any(map(_is_of_use, asked))}
    idle = grouped((one for one in evidence.connected if one.session not in useful), attrgetter("host"))
    there = grouped(evidence.connected, attrgetter("host"))
    served = {host: _served(evidence, there[host]) for host in idle}
    # each session may have to connect twice, and those under way when one fails come on top
    most = 2 * (Breaker().threshold + 2 * evidence.campaign.limits.connections + 2)
    places = {host: len(district.places) for district in evidence.districts for host in district.hosts}
    for host in sorted(idle):
        yield from _storm({host: idle[host]}, served, starts, most * places.get(host, 1), f" to {host}")
    yield from _storm(idle, served, starts, most * _destinations(evidence), "")


def breaker(evidence: Evidence) -> Iterator[Breach]:
    """I17: set the cool-downs that the log speaks of against the connections of the journal, for each destination."""
    evidence = evidence.straight
    changes = [*evidence.by_kind.get("breaker.opened", ()), *evidence.by_kind.get("breaker.closed", ())]
    changes.sort(key=lambda event: event.number)
    for district in evidence.districts if changes else ():
        relays = {place.relay for place in district.places}
        if len(district.places) > 1:
            continue  # the journal does not say which of several destinations a connection was for
        there = [one for one in evidence.connected if one.host in district.hosts]
        own = [event for event in changes if event.fields["relay"] in relays]
        for event, following in zip(own, [*own[1:], None], strict=False):
            if event.kind == "breaker.opened":
                end = inf if following is None else following.at
                yield from _in_cool_down(evidence, there, event, end)


def _storm(
    idle: Mapping[str, Sequence[Connected]],
    served: Mapping[str, list[float]],
    starts: list[float],
    most: int,
    where: str,
) -> Iterator[Breach]:
    """Hold the connections to some hosts against the most that there may be of them at once in a window.

    Each counts until the window has passed, or until its host serves.
    """
    ends: list[float] = []  # of those that count, the first one at hand: a heap
    counted: deque[tuple[float, float]] = deque()  # when they were opened, and their ends; in order
    for one in sorted(chain.from_iterable(idle.values()), key=attrgetter("opened")):
        end = min(one.opened + FIRST_COOL_DOWN, _next(served[one.host], one.opened))
        heappush(ends, end)
        counted.append((one.opened, end))
        while ends and ends[0] <= one.opened:
            heappop(ends)
        while counted and counted[0][1] <= one.opened:
            counted.popleft()
        first = counted[0][0] if counted else one.opened
        runs = 1 + bisect_right(starts, one.opened) - bisect_right(starts, first)
        times = len(ends)
        if times > most * runs:
            yield Breach("", f"connected{where} {times} times in a minute to no purpose; {most * runs} is the most")
            return


def _next(moments: Sequence[float], at: float) -> float:
    """Return the first of these moments, in order, from `at` on; infinity where there is none."""
    place = bisect_left(moments, at)
    return moments[place] if place < len(moments) else inf


def _destinations(evidence: Evidence) -> int:
    """Return how many destinations or hosts there were; at least one."""
    accounts, hosts = ({one.account for one in evidence.attempts}, {one.host for one in evidence.attempts if one.host})
    return max(len(accounts), len(hosts), 1)


def _served(evidence: Evidence, there: Sequence[Connected]) -> list[float]:
    """Return when something came of a command at a host, in order; there: the connections to it."""
    asked = chain.from_iterable(evidence.by_session.get(one.session, ()) for one in there)
    return sorted(one.at for one in asked if _is_of_use(one))


def _is_of_use(asked: Asked) -> bool:
    """Whether something came of a command."""
    reply = asked.reply
    if reply is None or reply.code == 421:
        return False
    return asked.stage in _ASKS or (asked.stage is Stage.MAIL and reply.klass != 4)


def _in_cool_down(evidence: Evidence, there: list[Connected], event: LogEvent, following: float) -> Iterator[Breach]:
    """Hold the connections against one cool-down: none in it, and one at a time until its end is known."""
    begun = (one.at for one in evidence.by_kind.get("run.started", ()) if one.number > event.number)
    replaced = min(begun, default=inf)  # the next process knows only what it has met itself
    until, following = min(float(str(event.fields["until"])), replaced), min(following, replaced)
    if _was_served(evidence, there, event.at, following):
        until = min(until, following)
    probes = []
    for one in there:
        if event.at + FLIGHT < one.opened < until - GRAIN:
            yield Breach("", f"connected {format_duration(until - one.opened)} before the cool-down was over")
            return
        if until - GRAIN <= one.opened < following:
            probes.append(one)
    for one, other in pairwise(probes):
        if other.opened + GRAIN < evidence.end_of(one):
            yield Breach("", "connected twice at once before the host had shown that it serves again")
            return


def _was_served(evidence: Evidence, there: list[Connected], at: float, until: float) -> bool:
    """Whether the host served a session that was under way when the cool-down began: then it serves again."""
    under_way = (one.session for one in there if one.opened <= at + FLIGHT)
    asked = (asked for session in under_way for asked in evidence.by_session.get(session, ()))
    return any(at < one.at <= until and _is_of_use(one) for one in asked)


STORMS = (
    Invariant(
        16,
        "storm bound",
        "Against a server that serves nobody connections are few in any minute, at each host: there is no busy loop.",
        "RFC 5321 section 4.5.4.1",
        storm_bound,
        (Witness.JOURNAL,),
    ),
    Invariant(
        17,
        "breaker",
        "A host that failed too often is left alone until its cool-down is over; then one session tries.",
        "RFC 5321 section 4.5.4.1",
        breaker,
        (Witness.LOG, Witness.JOURNAL),
    ),
)
