"""Invariants I16, I17, I20 to I23: how hard the sender pushes, measured by the server.

Rule: the journal counts; ledger and log only say what was allowed, and when. The numbers of a journal's sessions are
not the sender's: one that says EHLO and then HELO connects twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import pairwise
from math import inf

from maildrill.scenarios.oracles.evidence import Asked, Connected, Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.retrying import FLIGHT, GRAIN
from maildrill.sender.attempt import Verdict
from maildrill.sender.campaign import DestinationLimits, Mode
from maildrill.sender.log_event import LogEvent
from maildrill.sender.pacing.breaker import FIRST_COOL_DOWN, Breaker
from maildrill.smtp import EnhancedStatus, Stage
from maildrill.smtp.quantity import format_duration

_ASKS = frozenset({Stage.RCPT, Stage.DATA, Stage.BDAT, Stage.BODY, Stage.DOT})
_MANY = frozenset({"4.5.3", "5.5.3"})
#: Seconds that the end of one connection may reach the server after the beginning of the next: each travels by itself.
_UNDER_WAY = 0.025


def storm_bound(evidence: Evidence) -> Iterator[Breach]:
    """I16: count the connections in which nothing came of anything, in every window as long as the first cool-down."""
    useful = {asked.session for asked in evidence.asked if _is_of_use(asked)}
    idle = [one.opened for one in evidence.connected if one.session not in useful]
    destinations = _destinations(evidence)
    # each session may have to connect twice, and those under way when one fails come on top
    most = destinations * 2 * (Breaker().threshold + 2 * evidence.campaign.limits.connections + 2)
    first = 0
    for n, opened in enumerate(idle):
        while idle[first] <= opened - FIRST_COOL_DOWN:
            first += 1
        if n - first + 1 > most:
            yield Breach("", f"connected {n - first + 1} times in a minute to no purpose; {most} is the most")
            return


def breaker(evidence: Evidence) -> Iterator[Breach]:
    """I17: set the cool-downs that the log speaks of against the connections of the journal."""
    changes = [*evidence.by_kind.get("breaker.opened", ()), *evidence.by_kind.get("breaker.closed", ())]
    if len({event.fields["relay"] for event in changes}) != 1 or _destinations(evidence) > 1:
        return  # the journal does not say which of several hosts a connection was for
    changes.sort(key=lambda event: event.number)
    for event, following in zip(changes, [*changes[1:], None], strict=True):
        if event.kind == "breaker.opened":
            yield from _in_cool_down(evidence, event, inf if following is None else following.at)


def connections(evidence: Evidence) -> Iterator[Breach]:
    """I20: how many connections were open at each instant, by the server's clock."""
    most, ends = evidence.campaign.limits.connections, list[float]()
    for one in evidence.connected:
        while ends and ends[0] < one.opened + _UNDER_WAY:
            heappop(ends)
        heappush(ends, _end(evidence, one))
        if len(ends) > most:
            yield Breach("", f"{len(ends)} connections were open at once; {most} are allowed")
            return


def token_bucket(evidence: Evidence) -> Iterator[Breach]:
    """I21: a bucket of our own, filled by the campaign's rate and emptied by the journal's MAIL commands."""
    limits = evidence.campaign.limits
    if limits.rate is None:
        return
    interval = limits.rate.seconds / limits.rate.count
    full = -inf  # when a bucket from which nothing more is taken will be full
    for asked in evidence.asked:
        if asked.stage is Stage.MAIL:
            full = max(full, asked.at) + interval
            if full - asked.at > limits.burst * interval + 1.0:  # octets take their time, one second at most
                yield Breach(
                    "", f"session {asked.session} began a message sooner than the rate of {limits.rate} lets it"
                )
                return


def sizes(evidence: Evidence) -> Iterator[Breach]:
    """I22: MAIL commands in each session, RCPT commands in each transaction, against what was set and learned."""
    limits, batch = evidence.campaign.limits, evidence.campaign.mode is Mode.BATCH
    owns = [limits.each, *limits.destinations.values(), *(member.limits for member in evidence.campaign.members)]
    messages = _most(limits.messages_per_connection, (own.messages_per_connection for own in owns))
    recipients = _most(limits.recipients_per_transaction, (own.recipients_per_transaction for own in owns))
    for session, count in Counter(one.session for one in evidence.asked if one.stage is Stage.MAIL).items():
        if count > messages:
            yield Breach("", f"session {session} had {count} messages; {messages} are allowed")
    lessons = _lessons(evidence, "recipients", owns)
    for (session, number), asked in evidence.transactions.items():
        count = sum(one.stage is Stage.RCPT for one in asked)
        learned = min((value for at, value in lessons if at + FLIGHT < asked[0].at), default=inf)
        most = min(recipients if batch else 1, learned)
        if count > most:
            yield Breach("", f"transaction {number} of session {session} had {count} recipients; {most:g} are allowed")


def too_many(evidence: Evidence) -> Iterator[Breach]:
    """I23: who was one too many, by the journal, is not charged for it in the ledger."""
    for asked in evidence.asked:
        reply = asked.reply
        if asked.stage is not Stage.RCPT or reply is None or asked.session in evidence.severed:
            continue
        if str(EnhancedStatus.leading(reply.text) or "") not in _MANY or not _has_company(evidence, asked):
            continue
        attempt = evidence.tried_at(asked.recipient, asked.at)
        if attempt is None or not attempt.counted:
            continue
        before = (one for one in evidence.attempts_of[asked.recipient] if one.ended <= attempt.started)
        if not any(one.session == attempt.session and one.verdict is Verdict.RELEASED for one in before):
            yield Breach(asked.recipient, f"was one too many ({reply}), and had an attempt counted for that")


def _destinations(evidence: Evidence) -> int:
    """Return how many destinations or hosts there were; at least one."""
    accounts, hosts = ({one.account for one in evidence.attempts}, {one.host for one in evidence.attempts if one.host})
    return max(len(accounts), len(hosts), 1)


def _is_of_use(asked: Asked) -> bool:
    reply = asked.reply
    if reply is None or reply.code == 421:
        return False
    return asked.stage in _ASKS or (asked.stage is Stage.MAIL and reply.klass != 4)


def _in_cool_down(evidence: Evidence, event: LogEvent, following: float) -> Iterator[Breach]:
    """Hold the connections against one cool-down: none in it, and one at a time until its end is known."""
    until = float(str(event.fields["until"]))
    probes = []
    for one in evidence.connected:
        if event.at + FLIGHT < one.opened < until - GRAIN:
            yield Breach("", f"connected {format_duration(until - one.opened)} before the cool-down was over")
            return
        if until - GRAIN <= one.opened < following:
            probes.append(one)
    for one, other in pairwise(probes):
        if other.opened + GRAIN < _end(evidence, one):
            yield Breach("", "connected twice at once before the host had shown that it serves again")
            return


def _end(evidence: Evidence, one: Connected) -> float:
    """When a connection was over for the sender, at the latest: it went after what it said last, unless it was told."""
    if one.session in evidence.severed:
        return min(one.closed, evidence.last_heard.get(one.session, one.opened))
    return one.closed


def _most(general: int, owns: Iterable[int | None]) -> int:
    """The most that is allowed anywhere: the journal does not say which destination a session was for."""
    return max([general, *(own for own in owns if own is not None)])


def _lessons(evidence: Evidence, limit: str, owns: Iterable[DestinationLimits]) -> list[tuple[float, float]]:
    """Return when and what was learned, where that holds for every destination there is."""
    learned = [event for event in evidence.by_kind.get("limit.learned", ()) if event.fields["limit"] == limit]
    if _destinations(evidence) > 1 or any(own.recipients_per_transaction is not None for own in owns):
        return []
    return [(event.at, float(str(event.fields["value"]))) for event in learned]


def _has_company(evidence: Evidence, asked: Asked) -> bool:
    """Whether somebody else was accepted in the same transaction."""
    together = evidence.transactions.get((asked.session, asked.transaction), ())
    return any(one.stage is Stage.RCPT and one.reply is not None and one.reply.positive for one in together)


LIMITS = (
    Invariant(
        16,
        "storm bound",
        "Against a server that serves nobody connections are few in any minute: there is no busy loop.",
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
    Invariant(
        20,
        "connections",
        "At no instant are more connections open than the campaign allows.",
        "RFC 5321 section 4.5.4.1",
        connections,
        (Witness.JOURNAL, Witness.LIST),
    ),
    Invariant(
        21,
        "token bucket",
        "In every span of time no more messages begin than the burst, and the rate for its length.",
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
        "Who is one recipient too many for a transaction goes into another one, and no attempt is counted.",
        "RFC 5321 section 4.5.3.1.10",
        too_many,
        (Witness.JOURNAL, Witness.LEDGER),
    ),
)
